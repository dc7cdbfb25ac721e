"""The lab: endpoints as network namespaces on one machine, policies in its kernel, real packets between them."""
