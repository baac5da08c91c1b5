"""`python -m mammoscope`, where the command is not on the path."""

import sys

from mammoscope.cli import main

sys.exit(main())
