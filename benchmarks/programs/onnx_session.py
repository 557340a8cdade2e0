"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def open_session(network: Path, threads: int = 0) -> onnxruntime.InferenceSession:
    """Load a network. threads: for one picture or batch; 0 leaves them to ONNX Runtime, which takes one a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
