"""Who needs whom: the evidence of manifests → Need values, and the questions that evidence leaves open."""
