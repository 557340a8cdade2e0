"""Time a network by ONNX Runtime: `python -m benchmarks.programs.onnx_forward FILE`."""

from __future__ import annotations

from benchmarks.programs.forward import parse_forward, time_forward
from benchmarks.programs.onnx_session import open_session


def main() -> None:
    """Print the speed for each batch."""
    options = parse_forward("a file of ONNX")
    session = open_session(options.network)
    time_forward(options, lambda pictures: lambda: session.run(None, {"data": pictures}))


if __name__ == "__main__":
    main()
