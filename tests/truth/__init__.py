"""The independent truth of the tests: written from the design's numbered facts, sharing no code with the product."""
