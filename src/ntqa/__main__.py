"""`python -m ntqa` is the same as `ntqa`."""

import sys

from ntqa.cli import main

sys.exit(main())
