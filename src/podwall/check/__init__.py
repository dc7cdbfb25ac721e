"""Is this wise? What an expert would say of policies: one file per check in `rules`, and what they share.

What a policy *means* is asked of the engine; a check only judges it. Findings are values: `report` words them for each
reader, `ops` looks up their lines.
"""
