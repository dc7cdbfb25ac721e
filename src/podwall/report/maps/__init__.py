"""The map in every format: one file each, and what several of them share."""
