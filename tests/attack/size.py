"""How large an attack is: small in the test suite, in full with `make attack ARGS=--full`."""

import os

VARIABLE, FULL = "ATTACK", "full"


def in_full() -> bool:
    """Whether this run is one in full."""
    return os.environ.get(VARIABLE) == FULL


def sized(small: int, full: int) -> int:
    """How many: in the test suite, and in full."""
    return full if in_full() else small
