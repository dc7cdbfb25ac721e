"""Observed traffic: what it is, and the parts that every source of it shares."""
