"""Programs that stand where the benchmarks install those of others."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import requirements


def write_program(path: Path, text: str) -> Path:
    """Write a program that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def stand_in(tools: Path, environment: str, text: str) -> None:
    """Write `text` as the Python of an environment that counts as installed."""
    write_program(tools / environment / "bin" / "python", text)
    (tools / environment / "done").write_text(requirements(environment))
