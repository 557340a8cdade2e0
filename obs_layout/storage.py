"""The two leaf packages of codes/ that obs_layout uses: object storage, and the record format and the machine.

Installed, they are importable by name. In a checkout they lie in codes/ beside this package, which is put at
the end of the module search path here and nowhere else.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("moxing_shim") is None:
    sys.path.append(str(Path(__file__).resolve().parent.parent / "codes"))

from moxing_shim import file as mox_file
from moxing_shim.errors import (
    MoxFileDeniedRespException,
    MoxFileException,
    MoxFileMissingRespException,
    MoxFileRespException,
)
from moxing_shim.urls import parse as parse_url
from mxnet_support import engine, record_check, recordio

# Holds the two, for another Python that is to find them
LEAVES_FOLDER = Path(engine.__file__).resolve().parents[1]

__all__ = [
    "LEAVES_FOLDER",
    "MoxFileDeniedRespException",
    "MoxFileException",
    "MoxFileMissingRespException",
    "MoxFileRespException",
    "engine",
    "mox_file",
    "parse_url",
    "record_check",
    "recordio",
]
