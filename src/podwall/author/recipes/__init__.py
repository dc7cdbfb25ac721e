"""One recipe a file: `RECIPE`, with its help as the file's docstring. A recipe knows no other recipe.

Files are found by `registry`; a new one needs no entry anywhere.
"""
