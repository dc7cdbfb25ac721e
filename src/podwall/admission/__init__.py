"""What the API server accepts: one object in, its mistakes with their field paths out (semantics.md, V1–V10).

Belongs here: the rules of creation, in the API server's words. What a valid field means is decided in
`engine/policies`; whether a valid policy is wise, in `check`. Where a mistake stands (file and line) the callers know.
"""
