"""What policies mean: every kind of policy becomes one normal form of rules, and every answer reads that form."""
