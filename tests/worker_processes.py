"""Several workers with MXNet's parameter server beside them, as processes on this computer."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from modelarts_local.job.distributed import ports, server_command
from modelarts_local.job.environment import dmlc_variables
from tests.fixtures_engines import CODES

DEADLINE_S = 120


def run_workers(python: str, *commands: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """Run a worker for each command, each what follows the Python; returns them in that order, not in their ranks'.

    stdout and stderr are apart. No process is left when this returns or raises.
    """
    (port,) = ports(1)
    started: list[subprocess.Popen[str]] = []
    try:
        for role in ("scheduler", "server"):
            started.append(_start(server_command(python, CODES), role, port, len(commands)))
        workers = [_start([python, "-W", "ignore", *command], "worker", port, len(commands)) for command in commands]
        started += workers
        outputs = [worker.communicate(timeout=DEADLINE_S) for worker in workers]
        return [
            subprocess.CompletedProcess(worker.args, worker.returncode, *output)
            for worker, output in zip(workers, outputs)
        ]
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _start(command: list[str], role: str, port: int, num_workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env={
            **os.environ,
            **dmlc_variables(role, port, num_workers, num_servers=1),
            "PYTHONPATH": str(CODES),
            "OMP_NUM_THREADS": "1",  # many processes, two cores
        },
        cwd=Path(CODES).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
