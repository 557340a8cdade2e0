"""Why a job ended, in one sentence that begins with the cause (contract 1.8)."""

from __future__ import annotations

import re
import signal

REASON_CHARACTERS = 1000  # chosen: what shows in a list and still names a path
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)(?:: .*)?")
_RAISED = re.compile(r"[A-Za-z_][\w.]*(: .*)?")  # below a traceback, where exceptions of any name stand
_ERROR_LINE = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b:?\s*(.*)")
_REFUSED_FLAG = re.compile(r"\S+: error: (.+)")  # argparse's own form
_MEMORY = "the memory was probably full; take a smaller batch or smaller images"
# Exit codes that the platform's documents explain
_EXPLAINED = {
    127: "a program or a library that it starts was not found",
    137: _MEMORY,
    139: "usually two packages that do not fit each other, or a native library built for another version",
    247: _MEMORY,
}
_SIGNALS = {
    signal.SIGKILL: "killed by hand, or by the system because the memory was full",
    signal.SIGSEGV: "segmentation fault: " + _EXPLAINED[139],
    signal.SIGABRT: "aborted by a native library; the lines above the end of the log say why",
}


def exit_code_of(returncode: int) -> int:
    """Return an exit code as the platform has it, 128 and the number of the signal for a process that was killed."""
    return 128 - returncode if returncode < 0 else returncode


def reason_of(returncode: int, log_tail: str) -> str:
    """Return why a program ended, from subprocess's return code and the end of its log."""
    code = exit_code_of(returncode)
    if code == 0:
        return "the program ended with exit code 0"
    if returncode < 0:
        name = _signal_name(-returncode)
        why = _SIGNALS.get(signal.Signals(-returncode)) if name.startswith("SIG") else None
        return f"{why} ({name}, exit code {code})" if why else f"killed by {name} (exit code {code})"
    cause = cause_in(log_tail)
    explained = f"{code}: {_EXPLAINED[code]}" if code in _EXPLAINED else str(code)
    if cause:
        return f"{cause[:REASON_CHARACTERS]} (exit code {explained})"
    words = (log_tail.split("\n")[-1] or "nothing")[:REASON_CHARACTERS]
    return f"the program ended with exit code {explained}. It told no error; it last said: {words}"


def cause_in(log_tail: str) -> str:
    """Return the line of a log's end that tells what went wrong; empty when none does.

    That is the exception below the last traceback or, where one is logged after it, the last error message.
    """
    lines = [line.rstrip() for line in log_tail.splitlines() if line.strip()]
    if lines and _EXCEPTION.fullmatch(lines[-1]):
        return lines[-1]  # a SyntaxError in the boot file itself has no traceback
    for index in range(len(lines) - 1, -1, -1):
        message = _ERROR_LINE.search(lines[index])
        if message and message.group(2):
            return _with_what_follows(message.group(2), lines[index + 1 :])
        refused = _REFUSED_FLAG.fullmatch(lines[index])
        if refused:
            return refused.group(1)
        if lines[index].startswith(_TRACEBACK):
            return next((line for line in lines[index + 1 :] if _RAISED.fullmatch(line)), "")
    return ""


def _with_what_follows(message: str, lines: list[str]) -> str:
    """Return a message that ends in a colon with the first of the lines that it announces."""
    return f"{message} {lines[0].strip()}" if message.endswith(":") and lines else message


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
