"""`python -m obs_layout`."""

from __future__ import annotations

import sys

from obs_layout.cli import main

# The guard keeps the worker processes of pack, which import this module anew, from running the command again.
if __name__ == "__main__":
    sys.exit(main())
