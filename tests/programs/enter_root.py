"""Run a command with a folder as its root, as a container engine does: chroot, own mounts, user, variables.

    unshare --mount --pid --net --fork python enter_root.py '{"root": ..., ...}'

{"root", "command", "user": [uid, gid], "folder", "environment", "binds": {host path: path in the root}}: JSON.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

SET_FLAGS, UP = 0x8914, 0x1 | 0x40  # SIOCSIFFLAGS; IFF_UP, IFF_RUNNING


def mount(*arguments):
    """Mount something for this process and its children, whose mounts nobody else sees."""
    subprocess.run(["mount", *arguments], check=True)


def enter(told):
    """Become the command; does not return."""
    root = told["root"]
    for host_path, path in told["binds"].items():
        mount("--bind", host_path, root + path)
    mount("-t", "proc", "proc", root + "/proc")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", root + "/dev/pts")
    mount("-t", "tmpfs", "tmpfs", root + "/dev/shm")
    if told["loopback"]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14s", b"lo", UP, b""))
    os.chroot(root)
    os.chdir(told["folder"])
    uid, gid = told["user"]
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)
    os.execvpe(told["command"][0], told["command"], told["environment"])


if __name__ == "__main__":
    enter(json.loads(sys.argv[1]))
