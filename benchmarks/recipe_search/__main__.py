"""python -m benchmarks.recipe_search: without MXNet and without an installation of this project."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "codes"))  # the job's modules, under plain names
    from benchmarks.recipe_search.command_line import main

    sys.exit(main())
