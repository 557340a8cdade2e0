"""Starts OpenStack Swift, whose S3 API is the second real S3 server of the contract tests.

What it does otherwise than moto and Amazon, as far as tests meet it:

- it checks signatures and Content-MD5, where moto takes everything, and takes no batch delete without Content-MD5;
- Last-Modified, in listings too, is rounded up to whole seconds, so a new object is from the future for a moment;
- parts below 5 MiB are refused when the upload is completed;
- HEAD of one part of an object is answered 405, so nothing tells how large its parts were.

Kept to Python 3.6: it runs on the parity engine too.
"""

import contextlib
import os
import subprocess

PACKAGES = "python3-swift"
PYTHON = "/usr/bin/python3"  # the one that sees the system's packages
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "serve_swift.py")
ACCESS_KEY, SECRET_KEY = "test:tester", "testing"


def missing(python=PYTHON):
    """What has to be installed before Swift can be started, as a sentence; None when nothing has."""
    command = [python, "-I", "-c", "import swift.common.middleware.s3api.s3api"]
    try:
        code = subprocess.call(command, stderr=subprocess.DEVNULL)
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
