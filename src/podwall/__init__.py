"""Podwall takes a Kubernetes cluster from allow-all to a proved default deny, and keeps it there."""

__version__ = "0.1.0"
