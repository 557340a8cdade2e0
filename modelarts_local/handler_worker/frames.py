"""Messages on a socket between a handler's process and the one that asks it.

A frame is a head, which is a JSON object, and any number of bodies, which are bytes:

    4 bytes     length of the head, big-endian
    the head    UTF-8 JSON; its member "bodies" lists the bodies' lengths in bytes
    the bodies  one after the other
"""

import json
import socket
import struct
from typing import Any, Dict, List, Optional, Sequence, Tuple

_LENGTH = struct.Struct(">I")
MAX_HEAD_BYTES = 16 * 1024 * 1024  # chosen: a head holds sentences and a traceback, never a picture
MAX_BODY_BYTES = 1024 * 1024 * 1024  # chosen: an answer of a gigabyte is a mistake


class BrokenFrame(ValueError):
    """The bytes on the socket are no frame; whoever sent them is no peer of ours."""


def send_frame(connection: socket.socket, head: Dict[str, Any], bodies: Sequence[bytes] = ()) -> None:
    """Write one frame.

    connection: a connected socket. head: dict that JSON can hold. bodies: sequence of bytes.

    Raises OSError when the other side is gone.
    """
    content = json.dumps(dict(head, bodies=[len(body) for body in bodies])).encode("utf-8")
    connection.sendall(_LENGTH.pack(len(content)) + content)
    for body in bodies:
        connection.sendall(body)


def receive_frame(connection: socket.socket) -> Optional[Tuple[Dict[str, Any], List[bytes]]]:
    """Read one frame; returns (head, list of bytes), or None when the other side has closed.

    Raises BrokenFrame for what is no frame, OSError (socket.timeout included) from the socket.
    """
    length = _read(connection, _LENGTH.size)
    if length is None:
        return None
    (head_bytes,) = _LENGTH.unpack(length)
    if head_bytes > MAX_HEAD_BYTES:
        raise BrokenFrame(f"a head of {head_bytes} bytes was announced; the limit is {MAX_HEAD_BYTES}")
    content = _read(connection, head_bytes)
    if content is None:
        raise BrokenFrame("the other side closed in the middle of a frame")
    try:
        head = json.loads(content.decode("utf-8"))
        lengths = [int(number) for number in head.pop("bodies")]
    # RecursionError: brackets nested too deep
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise BrokenFrame(f"the head is not the JSON of a frame: {error}") from error
    bodies = []
    for number in lengths:
        if not 0 <= number <= MAX_BODY_BYTES:
            raise BrokenFrame(f"a body of {number} bytes was announced; the limit is {MAX_BODY_BYTES}")
        body = _read(connection, number)
        if body is None:
            raise BrokenFrame("the other side closed in the middle of a frame")
        bodies.append(body)
    return head, bodies


def _read(connection: socket.socket, number: int) -> Optional[bytes]:
    """Return exactly `number` bytes, or None when the other side closed before them."""
    content = bytearray(number)
    view = memoryview(content)
    while len(view):
        received = connection.recv_into(view)
        if not received:
            return None
        view = view[received:]
    return bytes(content)
