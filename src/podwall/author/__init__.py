"""Writing: policies from needs, recipes, and edits of the files that they stand in."""
