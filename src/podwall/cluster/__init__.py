"""The cluster as the engine sees it: an immutable picture of its objects, and the endpoints that they make."""
