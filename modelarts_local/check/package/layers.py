"""M14: which engine the network's layers need, from the names of its operators."""

from __future__ import annotations

import json
import re
from typing import Iterator

from ...package.model_package import SYMBOL_ENDING
from ..findings import Finding, printable
from ..rules import finding
from .files import PackageFiles, Unreadable

# What oneDNN fuses in MXNet 1.4 and later, and quantized layers, which MXNet 1.2.1 has for GPUs only
_NEWER = re.compile(r"_sg_(mkldnn|onednn)_\w+|_contrib_quantize_v2|_contrib_quantized_\w+")


def check_layers(files: PackageFiles) -> Iterator[Finding]:
    """Yield a finding where the network has layers that the platform's MXNet 1.2.1 does not know."""
    for name in files.top_files():
        if name.endswith(SYMBOL_ENDING):
            kinds = [kind for kind in _operators(files, name) if _NEWER.fullmatch(kind)]
            if kinds:
                yield finding(
                    "M14",
                    files.place(name),
                    None,
                    f"layers of an INT8 network of MXNet 1.9.1, such as {printable(kinds[0])}",
                    "layers of MXNet 1.2.1",
                    "Serve it with MXNet 1.9.1, here or as a custom image; import the float32 package for the engine.",
                )


def _operators(files: PackageFiles, name: str) -> list[str]:
    """Return the operator of each layer; none where the file is no network, of which other rules tell."""
    try:
        nodes = json.loads(files.read_text(name))["nodes"]
        return [str(node["op"]) for node in nodes]
    except (Unreadable, ValueError, KeyError, TypeError, RecursionError):
        return []
