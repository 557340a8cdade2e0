"""Where the parts of a job lie in its folder, in place of the container's /home/work or /home/ma-user."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class JobLayout(NamedTuple):
    """The folders of one job. folder: the job's own. contract: "v1" or "v2". code_name: name of its code folder."""

    folder: Path
    contract: str
    code_name: str

    @property
    def work(self) -> Path:
        """/home/work of a v1 container, /home/ma-user of a v2 one."""
        return self.folder / "work"

    @property
    def mount(self) -> Path:
        """/home/ma-user/modelarts."""
        return self.work / "modelarts"

    @property
    def job_dir(self) -> Path:
        """The folder user-job-dir, which the program is started in: /home/work/user-job-dir (contract 1.2, 1.10)."""
        return (self.work if self.contract == "v1" else self.mount) / "user-job-dir"

    @property
    def code(self) -> Path:
        """The code folder; of its path in the bucket only the last component survives."""
        return self.job_dir / self.code_name

    @property
    def cache(self) -> Path:
        """/cache, the machine's large disk."""
        return self.work / "cache"

    @property
    def packages(self) -> Path:
        """What pip-requirements.txt asked for; the platform installs it into the image's Python."""
        return self.work / "pip-packages"

    @property
    def inputs(self) -> Path:
        """Where a v2 job finds its data."""
        return self.mount / "inputs" / "data_url_0"

    @property
    def outputs(self) -> Path:
        """Where a v2 job leaves its results."""
        return self.mount / "outputs" / "train_url_0"

    def folders(self) -> list[Path]:
        """Every folder that is there before the program starts."""
        own = [] if self.contract == "v1" else [self.inputs, self.outputs, self.mount / "log"]
        return [self.job_dir, self.cache, *own]
