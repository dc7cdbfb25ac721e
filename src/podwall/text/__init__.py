"""Text and positions: YAML and JSON as kubectl reads them, where a field stands in them, and how a field is written.

Everything here works on bytes, plain values and paths. What the values mean (kinds, defaults, rules) belongs to the
layers above; opening files belongs to `sources`. Whatever cannot be read raises `podwall.errors.InvalidText`.
"""
