"""Starts OpenStack Swift, whose S3 API is the second real S3 server of the contract tests.

What it does otherwise than moto and Amazon, as far as tests meet it:

- it wants Content-MD5 with DeleteObjects, and verifies it everywhere;
- it signs: a wrong secret or region is refused, where moto takes everything;
- times in listings have whole seconds or fractions, and an object's Last-Modified is rounded up;
- parts of less than 5 MiB are refused when the upload is completed, and so is a part that was not uploaded;
- a key with parts is 970 bytes long at most: its parts are objects too, KEY/UPLOAD/NUMBER.

Kept to Python 3.6: it runs on the parity engine too.
"""

import contextlib
import os
import subprocess

PACKAGES = "python3-swift"
PYTHON = "/usr/bin/python3"  # the one that sees the system's packages
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "serve_swift.py")
ACCESS_KEY, SECRET_KEY = "test:tester", "testing"


def missing():
    """What has to be installed before Swift can be started, as a sentence; None when nothing has."""
    try:
        code = subprocess.call([PYTHON, "-I", "-c", "import swift.common.middleware.s3api.s3api"], stderr=-3)
    except OSError:
        code = 1
    return "Swift is not installed here: apt-get install --no-install-recommends " + PACKAGES if code else None


@contextlib.contextmanager
def running(folder):
    """Serve from an empty folder for the length of a block; gives the endpoint."""
    log_path = os.path.join(folder, "log")
    with open(log_path, "wb") as log:
        server = subprocess.Popen(
            [PYTHON, "-I", PROGRAM, folder, ACCESS_KEY, SECRET_KEY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        port = server.stdout.readline().strip()
        if not port:
            with open(log_path, encoding="utf-8", errors="replace") as log:
                raise RuntimeError("Swift did not start: " + log.read()[-2000:])
        yield "http://127.0.0.1:{}".format(port.decode("ascii"))
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()
