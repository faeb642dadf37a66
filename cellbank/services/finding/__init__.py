"""Which record a code means, whose it is, and what it is of."""
