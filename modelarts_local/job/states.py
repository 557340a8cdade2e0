"""The states of a job, with the platform's numbers and the names that v2 jobs have for them (contract 1.8)."""

from __future__ import annotations

INIT = "INIT"
RUNNING = "RUNNING"
KILLING = "KILLING"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
KILLED = "KILLED"
LOST = "LOST"

# Those that a job at home can be in, of the platform's twenty-two
CODES = {INIT: 1, RUNNING: 8, KILLING: 9, COMPLETED: 10, FAILED: 11, KILLED: 12, LOST: 14}
PHASES = {
    INIT: "Creating",
    RUNNING: "Running",
    KILLING: "Terminating",
    COMPLETED: "Completed",
    FAILED: "Failed",
    KILLED: "Terminated",
    LOST: "Abnormal",
}
ACTIVE = (INIT, RUNNING, KILLING)
