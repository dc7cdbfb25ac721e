"""Where clusters come from: files, standard input and kustomizations here; each source ends in the same `Cluster`."""
