"""Run one handler: `python3.6 path/to/handler_worker --channel=FD MODEL_DIR`; modelarts_local starts it."""

import os
import sys

if __name__ == "__main__":
    # Python has put this folder first on the path, where our modules would stand in for a model's helpers of the same
    # name; as members of a package they do not, and the folder above leaves the path again.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    from handler_worker.program import main

    del sys.path[0]
    sys.exit(main())
