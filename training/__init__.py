"""Training of the embedded reader `vdr-mini`: made pages, the net, the export. Not part of the installed package."""
