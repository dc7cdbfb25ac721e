"""One file per check, `pwNNN_what.py`: its documentation (the docstring), its code, its examples and its fix.

A file holds one `RULE`. Nobody keeps a list of them: `registry` finds the files, one test runs every example, and one
script makes the pages of `docs/rules` from them. A check knows no other check.
"""
