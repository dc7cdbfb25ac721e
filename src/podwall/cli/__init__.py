"""The command line: one file per command group; flags in, what `ops` returns out, PodwallError → exit code."""
