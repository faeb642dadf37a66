"""`python -m cellbank` is the command `cellbank`."""

import sys

from cellbank.cli import main

sys.exit(main())
