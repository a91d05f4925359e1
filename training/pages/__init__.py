"""Made pages with a label for every character: words, faces, layouts, rendering, degradation, shards."""
