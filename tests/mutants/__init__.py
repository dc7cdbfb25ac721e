"""Podwall with one wrong reading at a time, and the cases that notice."""
