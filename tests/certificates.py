"""A certificate for servers of tests that speak TLS."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def write_certificate(folder: Path) -> Path:
    """Write a PEM file with a key and a certificate for 127.0.0.1, signed by itself."""
    if not shutil.which("openssl"):
        pytest.skip("certificates are made with the program openssl, which CI has")
    path = folder / "server.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -addext subjectAltName=IP:127.0.0.1"
    made = subprocess.run([*command.split(), "-keyout", str(path)], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + made.stdout)
    return path
