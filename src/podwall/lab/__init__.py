"""The lab: endpoints as network namespaces on one machine, the policies in its kernel, and real packets between them."""
