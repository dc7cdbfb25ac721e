"""What the commands do: open the source, call the core, return a result. One file per command group, as in `cli`."""
