"""People: their accounts, what proves them, what they are trained for."""
