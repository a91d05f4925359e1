"""Commands of the command line that stand beside the corpus, by subject. Each module has an app that `vdr.cli` adds."""
