"""Run the command line as `python -m modelarts_local`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
