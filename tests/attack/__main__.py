"""The attacks, and what came of them: tried, held, found.

    python -m tests.attack [--full] [--json FILE] [what pytest takes, such as -k kill or a file]

Without --full they are as large as in the test suite; in full they take an hour. Exit status 1 when something is found.
"""

import argparse
import os
import sys
from pathlib import Path

import pytest

from tests.attack.size import FULL, VARIABLE
from tests.attack.table import FOLDER, Table


def main() -> int:
    """Play them and print the table."""
    parser = argparse.ArgumentParser(prog="tests.attack", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="as large as the figures that are promised")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    given, others = parser.parse_known_args()
    if given.full:
        os.environ[VARIABLE] = FULL
    table = Table()
    paths = [] if any(Path(other.partition("::")[0]).exists() for other in others) else [str(FOLDER)]
    status = pytest.main(["--durations", "0", "--durations-min", "60", *others, *paths], plugins=[table])
    if given.json:
        table.write(given.json)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
