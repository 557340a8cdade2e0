"""The one exception of the benchmarks."""

from __future__ import annotations


class BenchmarkFailed(Exception):
    """A program of the benchmark is missing or failed; the message says which and how it ended."""
