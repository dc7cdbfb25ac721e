"""Results → readers: the public JSON, and one file per other format. Everything that words something stands here."""
