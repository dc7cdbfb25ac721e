"""Findings in each format: one file per format, all of them reading `report.public_findings` and nothing else."""
