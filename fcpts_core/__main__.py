"""`python -m fcpts_core` is the `fcpts` command."""

import sys

from fcpts_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
