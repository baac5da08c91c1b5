"""Data: manifests, public data sets and the synthetic mammograms the program makes itself."""
