"""Ask a service for predictions over kept connections: `python -m benchmarks.http_load URL ...`.

A process of its own, so that what it takes of the processor is known. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import http.client
import itertools
import json
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

from benchmarks import client_usage

BOUNDARY = "----benchmark-of-serving"
OK = 200
WRAPPED = "prediction"  # the member in which mxnet-model-server puts what the handler returns


class Service(NamedTuple):
    """Where pictures are sent, and under which name of the form."""

    host: str
    port: int
    path: str
    field: str


class Answer(NamedTuple):
    """One answer that came. finished: on the clock of time.monotonic."""

    picture: int
    status: int
    body: bytes
    latency_s: float
    finished: float


def main(argv: Sequence[str] | None = None) -> int:
    """Send pictures for the time that is wanted and print what `load` returns; 1 when the service breaks off."""
    options = build_parser().parse_args(argv)
    url = urllib.parse.urlsplit(options.url)
    service = Service(str(url.hostname), int(url.port or 80), url.path or "/", options.field)
    pictures = [path.read_bytes() for path in options.pictures]
    try:
        found = asyncio.run(
            load(service, pictures, options.connections, options.warm_up, options.seconds, options.server, options.rate)
        )
    except (OSError, EOFError, ValueError) as error:
        print(f"{options.url} broke off: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--field", required=True, help="of the form, which holds the picture")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True, help="seconds before those that are measured")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--server", type=int, required=True, help="its first process, whose processor time is taken")
    parser.add_argument("--rate", type=float, default=float("inf"), help="requests a second at most, evenly")
    parser.add_argument("--pictures", type=Path, nargs="+", required=True)
    return parser


async def load(
    service: Service,
    pictures: Sequence[bytes],
    connections: int,
    warm_up_s: float,
    seconds: float,
    server: int,
    rate: float = float("inf"),
) -> dict[str, Any]:
    """Keep `connections` requests under way and return what came in the `seconds` after `warm_up_s`.

    rate: of the requests a second; where it is the smaller limit, connections wait for their turn.

    Members: seconds, latencies_s of the answers 200, refused (answers by other status), labels (how often each label
    was given, by the number of the picture), closed (connections that the service ended after an answer), server_cpu_s
    and client_cpu_s.
    """
    requests = [encode(service, picture) for picture in pictures]
    order = itertools.cycle(range(len(pictures)))
    answers: list[Answer] = []
    lines = [Line(service) for _ in range(connections)]
    is_over = asyncio.Event()
    began_at = time.monotonic()
    turns = itertools.count()

    async def keep_asking(line: Line) -> None:
        while not is_over.is_set():
            await asyncio.sleep(max(began_at + next(turns) / rate - time.monotonic(), 0))
            picture = next(order)
            sent = time.monotonic()
            status, body = await line.ask(requests[picture])
            finished = time.monotonic()
            answers.append(Answer(picture, status, body, finished - sent, finished))

    async def measure() -> dict[str, float]:
        await asyncio.sleep(warm_up_s)
        began, of_server, of_client = time.monotonic(), cpu_of_tree(server), time.process_time()
        await asyncio.sleep(seconds)
        ended = time.monotonic()
        used = {"server_cpu_s": cpu_of_tree(server) - of_server, "client_cpu_s": time.process_time() - of_client}
        is_over.set()
        return {"began": began, "ended": ended, **used}

    asking = [asyncio.ensure_future(keep_asking(line)) for line in lines]
    measuring = asyncio.ensure_future(measure())
    try:
        await asyncio.gather(measuring, *asking)
    finally:  # the first that breaks ends all
        for task in (measuring, *asking):
            task.cancel()
        await asyncio.gather(measuring, *asking, return_exceptions=True)
        for line in lines:
            await line.close()
    times = measuring.result()
    began, ended = times.pop("began"), times.pop("ended")
    counted = [answer for answer in answers if began <= answer.finished <= ended]
    closed = sum(line.closed for line in lines)
    return {"seconds": ended - began, **times, **summary_of(counted), "closed": closed}


def summary_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """What `load` tells of the answers themselves."""
    refused: collections.Counter[int] = collections.Counter()
    labels: dict[int, collections.Counter[str]] = {}
    for answer in answers:
        if answer.status == OK:
            labels.setdefault(answer.picture, collections.Counter())[answer_in(answer.body)["predicted_label"]] += 1
        else:
            refused[answer.status] += 1
    latencies = [answer.latency_s for answer in answers if answer.status == OK]
    return {"latencies_s": latencies, "refused": refused, "labels": labels}


def answer_in(body: bytes) -> dict[str, Any]:
    """The handler's answer in a service's. Raises ValueError when it is none."""
    found = json.loads(body)
    if isinstance(found, dict):
        found = found.get(WRAPPED, found)
    if not isinstance(found, dict) or "predicted_label" not in found:
        raise ValueError(f"{body[:200]!r} is no prediction")
    return found


def cpu_of_tree(root: int) -> float:
    """Seconds of the processor that a process, all below it and those of them that have ended took."""
    return sum(client_usage.cpu_of(pid) for pid in set(client_usage.family(root)))


class Line:
    """A connection to a service that is opened when it is needed. closed: how often the service has ended it."""

    def __init__(self, service: Service) -> None:
        self.closed = 0
        self._service = service
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body. Raises OSError or EOFError when the connection breaks, ValueError for no HTTP."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._service.host, self._service.port)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        status_line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        protocol, status = status_line.split()[:2]
        headers = dict(_headers(fields))
        if "chunked" in headers.get("transfer-encoding", "").lower():
            raise ValueError("the answer comes in chunks, which this client does not read")
        length = headers.get("content-length")
        body = await (reader.read() if length is None else reader.readexactly(int(length)))
        kept = headers.get("connection", "keep-alive" if protocol == "HTTP/1.1" else "close").lower()
        if length is None or kept != "keep-alive":
            await self.close()
            self.closed += 1
        return int(status), body

    async def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):  # it is closed anyway
                await writer.wait_closed()


def _headers(fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    for field in fields:
        name, _, value = field.partition(":")
        yield name.strip().lower(), value.strip()


def encode(service: Service, picture: bytes) -> bytes:
    """The whole request that sends a picture as a form."""
    body = form_of(service.field, picture)
    head = [
        f"POST {service.path} HTTP/1.1",
        f"Host: {service.host}:{service.port}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        f"Content-Length: {len(body)}",
        "Connection: keep-alive",
    ]
    return "\r\n".join([*head, "", ""]).encode("ascii") + body


def form_of(field: str, picture: bytes) -> bytes:
    """A form of one file."""
    # mxnet-model-server takes a picture of this type only
    head = f'Content-Disposition: form-data; name="{field}"; filename="picture.jpg"\r\nContent-Type: image/jpeg'
    return b"".join((f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode("ascii"), picture, f"\r\n--{BOUNDARY}--\r\n".encode()))


def ask_once(service: Service, picture: bytes, timeout_s: float) -> tuple[int, bytes]:
    """Ask on a connection of its own; returns status and body. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(service.host, service.port, timeout=timeout_s)
    try:
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", service.path, form_of(service.field, picture), kind)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
