"""The data plane: the engine's rules compiled for one node's kernel, and the kernel that decides packets by them."""
