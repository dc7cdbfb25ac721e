"""Assertions as code: what an Expectations file says, whether a cluster is so, and what the assertions would notice."""
