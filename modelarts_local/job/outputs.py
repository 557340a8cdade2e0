"""What a job has left in its output: is there a package that could be imported?"""

from __future__ import annotations

from obs_layout.storage import mox_file

from ..package.model_package import (
    CONFIG_FILE,
    EPOCH_ENDING,
    MODEL_FOLDER,
    SERVICE_FILE,
    SYMBOL_ENDING,
)


def missing_of_package(output: str) -> list[str] | None:
    """Return what model/ below `output` lacks of a package, nothing where it is complete, None where it is not there.

    output: folder or URL. A place that cannot be looked at counts as complete: check and serve say what is amiss.
    """
    folder = f"{output}/{MODEL_FOLDER}"
    try:
        names = mox_file.list_directory(folder) if mox_file.is_directory(folder) else None
    except (OSError, RuntimeError, ValueError):
        return []
    if names is None:
        return None
    needed = (CONFIG_FILE, SERVICE_FILE, f"*{SYMBOL_ENDING}", f"*{EPOCH_ENDING}")
    return [name for name in needed if not any(found.endswith(name.lstrip("*")) for found in names)]
