"""Kubernetes objects as Structs, one file per API group: fields as the API spells them, and no meaning."""
