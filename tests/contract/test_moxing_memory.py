"""A large object passes through File in little memory, whatever its size.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "tests", "programs", "memory_of_one_object.py")
OBJECT_MIB = 300
# 8 parts of some 11 MB on their way at a time, and what the pool keeps of them
WRITING_MB, READING_MB = 180, 180


def test_an_object_of_300_mb_is_written_and_read_in_bounded_memory(bucket_rig):
    done = subprocess.run(
        [sys.executable, PROGRAM, bucket_rig.url("a"), str(OBJECT_MIB)],
        env=dict(os.environ, PYTHONPATH=os.path.join(ROOT, "codes")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout.decode()
    before, after_writing, after_reading = map(int, done.stdout.split())
    assert after_writing - before < WRITING_MB
    assert after_reading - before < READING_MB
