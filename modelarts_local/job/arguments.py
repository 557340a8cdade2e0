"""The command line that the platform starts a program with (contract 1.3)."""

from __future__ import annotations

from ..platform_rules import REQUIREMENTS
from .settings import JobSettings


def program_arguments(settings: JobSettings, data_value: str, train_value: str) -> list[str]:
    """Return what follows `python -u`: the boot file and one token for each argument, --name=value.

    data_value, train_value: URLs in v1, local folders in v2.

    The order, the platform's own arguments first, is not established (contract 9); it is the observed one.
    """
    arguments = [settings.boot_path, f"--data_url={data_value}", f"--train_url={train_value}"]
    # Seen with GPU flavours only, and in v1 (contract 1.3): a script's own default counts on a CPU
    if settings.gpus and settings.contract == "v1":
        arguments.append(f"--num_gpus={settings.gpus}")
    return [*arguments, *(f"--{name}={value}" for name, value in settings.parameters)]


def hook_command(python: str, names: list[str]) -> list[str] | None:
    """Return the command of a v2 job's hook, None when there is none (contract 1.10).

    names: the files beside the boot file.
    """
    if "ma-pre-start.sh" in names:
        return ["bash", "ma-pre-start.sh"]
    return [python, "-u", "ma-pre-start.py"] if "ma-pre-start.py" in names else None


def pip_command(python: str, target: str) -> list[str]:
    """Return the command that installs pip-requirements.txt of the current folder into `target`.

    In the folder of the file, wheels that lie beside it are found by their names (contract 1.5).
    """
    quiet = ["--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
    return [python, "-m", "pip", "install", *quiet, "--target", target, "-r", REQUIREMENTS]
