"""The engine's own Python is asked whether it compiles a job, where one is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelarts_local.check.job.python36 import find_what_python36_refuses
from modelarts_local.check.job.source import read_job
from modelarts_local.check.job.submission import Submission

# Python 3.8 lifted the ban that the grammar never had
CONTINUE_IN_FINALLY = "for a in ():\n    try:\n        pass\n    finally:\n        continue\n"


@pytest.mark.parity
@pytest.mark.parametrize("engine", ["local", "parity", ""])
def test_what_only_python_36_refuses_is_found_by_asking_it(engine: str, parity_python: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import loop\nprint('started by the check', file=open('left', 'w'))\n")
    (tmp_path / "loop.py").write_text(CONTINUE_IN_FINALLY)
    job = read_job(str(tmp_path), "codes", "train.py")
    (found,) = find_what_python36_refuses(job, Submission(engine_name=engine or parity_python))
    assert (found.rule, found.place) == ("T1", "codes/loop.py:5")
    assert found.found == "'continue' not supported inside 'finally' clause"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loop.py", "train.py"]


@pytest.mark.parity
def test_python_36_compiles_what_is_right(parity_python: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("# coding: latin-1\nname = '\xe4'\n", encoding="latin-1")
    job = read_job(str(tmp_path), "codes", "train.py")
    assert job.reached[0].broken is None
    assert list(find_what_python36_refuses(job, Submission(engine_name=parity_python))) == []
