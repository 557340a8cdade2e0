"""What one side of a handler's socket sends, the other receives; what is no frame is told."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_local.handler_worker.frames import MAX_HEAD_BYTES, BrokenFrame, receive_frame, send_frame

DEADLINE_S = 30
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HEADS = st.dictionaries(st.text().filter(lambda name: name != "bodies"), JSON_VALUES, max_size=4)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(DEADLINE_S)
        theirs.settimeout(DEADLINE_S)
        yield ours, theirs


def arrived(content: bytes) -> Any:
    """What receive_frame makes of these bytes and the end of the connection."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(content)
        return receive_frame(ours)


def frame(head: Any) -> bytes:
    content = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack(">I", len(content)) + content


@settings(max_examples=60, deadline=None)
@given(frames=st.lists(st.tuples(HEADS, st.lists(st.binary(max_size=300), max_size=4)), min_size=1, max_size=3))
def test_frames_arrive_as_they_were_sent_one_after_the_other(frames: list[tuple[dict[str, Any], list[bytes]]]) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            for head, bodies in frames:
                send_frame(theirs, head, bodies)
        assert [receive_frame(ours) for _ in frames] == frames
        assert receive_frame(ours) is None


def test_a_body_that_is_larger_than_the_sockets_buffer_arrives(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    body = bytes(range(256)) * 20_000
    sender = threading.Thread(target=send_frame, args=(theirs, {"a": 1}, [body, b""]))
    sender.start()
    assert receive_frame(ours) == ({"a": 1}, [body, b""])
    sender.join(DEADLINE_S)


@settings(max_examples=60, deadline=None)
@given(bodies=st.lists(st.binary(max_size=50), max_size=3), data=st.data())
def test_a_frame_that_is_cut_off_is_told_apart_from_an_end(bodies: list[bytes], data: Any) -> None:
    whole = frame({"event": "answered", "bodies": [len(body) for body in bodies]}) + b"".join(bodies)
    length = data.draw(st.integers(4, len(whole) - 1))
    with pytest.raises(BrokenFrame, match=r"^the other side closed in the middle of a frame$"):
        arrived(whole[:length])


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0\0"])
def test_an_end_before_a_frame_is_an_end(content: bytes) -> None:
    assert arrived(content) is None


def test_a_head_that_announces_more_than_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(BrokenFrame) as refusal:
        arrived(b"\xff\xff\xff\xff")
    assert str(refusal.value) == f"a head of 4294967295 bytes was announced; the limit is {MAX_HEAD_BYTES}"


@pytest.mark.parametrize(
    "head", [b"not JSON", b"\xff\xfe", b"[" * 100_000, [1], {"event": "answered"}, {"bodies": 3}, {"bodies": ["many"]}]
)
def test_a_head_that_is_no_head_of_a_frame_is_told(head: Any) -> None:
    with pytest.raises(BrokenFrame, match=r"^the head is not the JSON of a frame: "):
        arrived(frame(head))


@pytest.mark.parametrize("length", [-1, 1 << 40])
def test_a_body_of_an_impossible_length_is_refused_before_it_is_read(length: int) -> None:
    with pytest.raises(BrokenFrame) as refusal:
        arrived(frame({"bodies": [length]}))
    assert str(refusal.value) == f"a body of {length} bytes was announced; the limit is 1073741824"
