"""M2: whether the weights fit the network, asked of the engine in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Iterator, NamedTuple

from obs_layout.storage import LEAVES_FOLDER

from ...handler_process import WORKER_FOLDER, describe_exit, handler_environment
from ...package.model_package import SERVICE_FILE, ModelPackage
from ..findings import Finding, listed, printable
from ..rules import finding
from .files import PackageFiles, Unreadable
from .labels import LABELS_FILE, read_labels

INSPECTION = WORKER_FOLDER / "inspection.py"
_AGAIN = "Export network and weights again, both of one training."


class Network(NamedTuple):
    """What the engine says of a network. Shapes are for one picture, empty where they stay unknown.

    any_size: pictures of another height and width fit, too; those in input_shape are only an example then.
    """

    input_shape: list[int]
    output_shape: list[int]
    any_size: bool = False


def start_inspection(
    package: ModelPackage, python: str, input_shape: list[int], memory_limit_bytes: int
) -> subprocess.Popen[str]:
    """Start the program that reads the package's network and weights; `read_network` takes what it says."""
    return subprocess.Popen(
        [
            python,
            "-W",
            "ignore",
            str(INSPECTION),
            f"--support={LEAVES_FOLDER}",
            f"--shape={json.dumps(input_shape)}",
            f"--memory-limit={memory_limit_bytes}",
            "--",
            os.path.join(package.model_dir, package.symbol_file),
            os.path.join(package.model_dir, package.params_file),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=handler_environment(os.environ),
        start_new_session=True,
    )


def read_network(
    inspection: subprocess.Popen[str], package: ModelPackage, files: PackageFiles, limit_s: float
) -> tuple[Network | None, list[Finding]]:
    """Return the network and what is amiss with it; None when it cannot be read.

    limit_s: how long the program may take; it is ended then.
    """
    try:
        output, _ = inspection.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        inspection.kill()
        inspection.communicate()
        return None, [_broken(files.place(package.params_file), f"reading it takes more than {limit_s:g} s")]
    try:
        said: dict[str, Any] = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        how = describe_exit(inspection.returncode)
        return None, [_broken(files.place(package.params_file), f"the engine's process ended: {how}")]
    if "engine" in said:
        found = files.told(f"no engine: {said['engine']}")
        return None, [not_tried(files, found, "Install MXNet, or check without the trial.")]
    if "problem" in said:
        name = package.symbol_file if said["problem"]["file"] == "network" else package.params_file
        return None, [_broken(files.place(name), files.told(said["problem"]["message"]))]
    outputs = said["outputs"]
    network = Network(said["input_shape"], outputs[0] if len(outputs) == 1 else [], said["any_size"])
    # a network of other weights has another width, too: that is one fault
    return network, list(_weights(said, package, files)) or list(_labels(network, files))


def not_tried(files: PackageFiles, found: str, remedy: str) -> Finding:
    """Return the finding that says why a package was not tried."""
    return finding("S8", files.place(SERVICE_FILE), None, found, "a package that can be tried here", remedy)


def _broken(place: str, found: str) -> Finding:
    return finding("M2", place, None, found, "a file that the engine loads", _AGAIN)


def _weights(said: dict[str, Any], package: ModelPackage, files: PackageFiles) -> Iterator[Finding]:
    place = files.place(package.params_file)
    if said["missing"]:
        # the engine allows them to be missing and predicts with whatever memory holds (contract 3.4)
        yield finding("M2", place, None, f"no {listed(said['missing'])}", "every weight of the network", _AGAIN)
    if said["mismatched"]:
        name, inferred, held = said["mismatched"][0]
        others = len(said["mismatched"]) - 1
        found = f"{printable(name)} of shape {_shape(held)}" + (f", and {others} more" if others else "")
        yield finding("M2", place, None, found, f"shape {_shape(inferred)}, as in the network", _AGAIN)
    if not said["inputs"]:
        yield finding("M2", files.place(package.symbol_file), None, "a network without an input", "one input", _AGAIN)


def _shape(lengths: list[int]) -> str:
    return ",".join(map(str, lengths))


def _labels(network: Network, files: PackageFiles) -> Iterator[Finding]:
    """Yield where synset.txt names another number of classes than the network tells apart."""
    try:
        labels = read_labels(files)
    except Unreadable as error:
        yield finding(
            "M2",
            files.place(LABELS_FILE),
            None,
            str(error),
            "one label a line, in UTF-8",
            "Write the labels of the training into it.",
        )
        return
    width = network.output_shape[1] if len(network.output_shape) == 2 else None
    if labels is not None and width is not None and width != len(labels):
        yield finding(
            "M2",
            files.place(LABELS_FILE),
            None,
            f"{len(labels)} labels",
            f"{width}, the width of the network's output",
            "Take network and labels from one training.",
        )
