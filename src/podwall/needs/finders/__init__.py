"""One file for each sort of evidence: what it looks at, and the needs and questions that it gives."""
