"""Policy kinds to rules, one file per kind. Nothing outside this folder says what a policy's fields mean."""
