"""The sentence that says why a job ended."""

from __future__ import annotations

import pytest

from modelarts_local.job import states
from modelarts_local.job.reasons import REASON_CHARACTERS, cause_in, exit_code_of, reason_of

TRACEBACK = """\
epoch 1
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    f()
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 5, in <module>
    raise mx.base.MXNetError("x")
mxnet.base.MXNetError: [10:00:00] src/io.cc:3: Check failed: x
Stack trace:
  [bt] (0) somewhere
"""


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (TRACEBACK, "mxnet.base.MXNetError: [10:00:00] src/io.cc:3: Check failed: x"),
        ('  File "a.py", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax', "SyntaxError: invalid syntax"),
        ("2020-01-01 ERROR no record file under data", "no record file under data"),
        (TRACEBACK + "2020-01-01 ERROR: gave up", "gave up"),
        ("Traceback (most recent call last):\n  File ...\nOops\n", "Oops"),
        (
            "09:00 ERROR a.rec cannot be trained on; 2 findings:\n  record 1: too small\n  ...",
            "a.rec cannot be trained on; 2 findings: record 1: too small",
        ),
        ("usage: train.py [-h]\ntrain.py: error: argument --lr: 'x' is no number", "argument --lr: 'x' is no number"),
        ("epoch 1: loss 3.2\n", ""),
        ("", ""),
    ],
)
def test_the_cause_is_the_last_exception_or_error_of_the_log(log: str, cause: str) -> None:
    assert cause_in(log) == cause


@pytest.mark.parametrize(
    ("returncode", "log", "reason"),
    [
        (0, TRACEBACK, "the program ended with exit code 0"),
        (1, "x\nValueError: no such layer", "ValueError: no such layer (exit code 1)"),
        (3, "", "the program ended with exit code 3. It told no error; it last said: nothing"),
        (3, "epoch 1\nepoch 2", "the program ended with exit code 3. It told no error; it last said: epoch 2"),
        (
            127,
            "sh: x: not found",
            "the program ended with exit code 127: a program or a library that it starts was not found. It told no "
            "error; it last said: sh: x: not found",
        ),
        (
            247,
            "MemoryError",
            "MemoryError (exit code 247: the memory was probably full; take a smaller batch or smaller images)",
        ),
        (
            -9,
            "epoch 1",
            "killed by hand, or by the system because the memory was full (SIGKILL, exit code 137)",
        ),
        (
            -11,
            "",
            "segmentation fault: usually two packages that do not fit each other, or a native library built for "
            "another version (SIGSEGV, exit code 139)",
        ),
        (-10, "", "killed by SIGUSR1 (exit code 138)"),
        (-100, "", "killed by signal 100 (exit code 228)"),
    ],
)
def test_the_reason_begins_with_the_cause(returncode: int, log: str, reason: str) -> None:
    assert reason_of(returncode, log) == reason


def test_a_reason_stays_short_enough_to_show() -> None:
    assert len(reason_of(1, f"ValueError: {'x' * 5000}")) < REASON_CHARACTERS + 20


def test_a_signal_counts_as_the_platform_counts_it() -> None:
    assert [exit_code_of(code) for code in (0, 3, -9, -15)] == [0, 3, 137, 143]


def test_states_have_the_numbers_and_phases_of_the_platform() -> None:
    assert {name: (states.CODES[name], states.PHASES[name]) for name in states.CODES} == {
        "INIT": (1, "Creating"),
        "RUNNING": (8, "Running"),
        "KILLING": (9, "Terminating"),
        "COMPLETED": (10, "Completed"),
        "FAILED": (11, "Failed"),
        "KILLED": (12, "Terminated"),
        "LOST": (14, "Abnormal"),
    }
