"""`python -m cellbank.cli` is the command `cellbank`."""

import sys

from cellbank.cli import main

sys.exit(main())
