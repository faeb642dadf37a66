"""Where every vial stands, and how it is kept cold while somebody handles it."""
