"""Two clusters compared: what connectivity a change opens and closes, which edits did it, and what is risky in it.

Values in, values out: what is compared are two models, and everything here reads rules and sets, never fields of
policies. Reading the two sides belongs to `sources`, wording to `report`.
"""
