"""Run docs/notebook.ipynb from top to bottom and keep what it shows:

    python -m tools.run_notebook

The kernel starts in a folder of its own. What tells of one machine or one moment is left out: times, versions, paths.
Needs the packages of the extra `notebook`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"
CELL_TIMEOUT_S = 900  # chosen: the training takes half a minute on two cores
# a notebook's own keys; editors add others
KEPT_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def run_notebook(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells in `folder` and put what they show into `notebook`. Raises CellExecutionError where one fails."""
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    # history and profile of whoever runs it stay out of it
    client.execute(env={**os.environ, "IPYTHONDIR": str(folder / "ipython")})
    notebook.metadata = nbformat.from_dict(KEPT_METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type != "code":
            continue
        # without what MXNet says of its insides
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if output.output_type == "display_data":
                output.metadata = nbformat.from_dict({})
                output.data.pop("text/plain", None)


def main() -> None:
    """Read the command line, run the notebook, write it."""
    parser = argparse.ArgumentParser(
        prog="run_notebook", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebook", nargs="?", type=Path, default=NOTEBOOK, help="(default: docs/notebook.ipynb)")
    parser.add_argument("--to", type=Path, help="where it goes with its outputs (default: over itself)")
    arguments = parser.parse_args()
    notebook = nbformat.read(arguments.notebook, as_version=4)
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        try:
            run_notebook(notebook, Path(folder))
        except CellExecutionError as error:
            raise SystemExit(f"{arguments.notebook}: a cell failed\n{error}") from error
    target = arguments.to or arguments.notebook
    part = target.with_suffix(".part")
    nbformat.write(notebook, part)
    part.replace(target)


if __name__ == "__main__":
    main()
