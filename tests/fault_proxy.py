"""A proxy between a client and a real S3 server that does what networks do: cut, corrupt, stall and refuse.

A client is pointed at it as at a server; the Host header, which S3 signs, passes unchanged. What is done to each
exchange is up to a function Exchange -> Fault, called once its request has come in.

Kept to Python 3.6: it runs on the parity engine too.
"""

import contextlib
import http.client
import http.server
import random
import socketserver
import sys
import threading
import time
from typing import NamedTuple
from urllib.parse import urlsplit

PIECE_BYTES = 64 * 1024
# These are for one connection, and ours are others
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "expect")


class Exchange(NamedTuple):
    """A request that has come in; `number` counts them from 0."""

    number: int
    method: str
    path: str  # with the query
    body: bytes


class Fault(NamedTuple):
    """What happens to one exchange; by default nothing does."""

    refuse: bool = False  # 503 SlowDown, and the server never sees the request
    damage_request: bool = False  # one bit of its body is turned
    hang_up_before: bool = False  # the connection ends; the server never sees the request
    hang_up_after: bool = False  # the connection ends without an answer; the server has done what was asked
    cut_body: float = None  # the connection ends after this share of the answer's body
    short_body: bool = False  # the answer ends early, in an orderly way, and says so in its length
    damage_body: bool = False  # one bit of the answer's body is turned
    stall_s: float = 0  # silence in the middle of the answer's body, or before an empty one
    pace_s: float = 0  # silence after every 64 KiB of it


GOOD = Fault()


def is_content(exchange):
    """True for the GET and the PUT of content, in parts or whole; false for listings and other bookkeeping."""
    return exchange.method in ("GET", "PUT") and "list-type" not in exchange.path


def seldom(share, fault, applies=is_content, seed=1):
    """A function that gives `fault` to that share of the exchanges that `applies` picks, the same ones each time."""
    source, lock = random.Random(seed), threading.Lock()

    def choose(exchange):
        if not applies(exchange):
            return GOOD
        with lock:
            return fault if source.random() < share else GOOD

    return choose


def first_time(fault, applies=is_content):
    """A function that gives `fault` to the first exchange on each path that `applies` picks."""
    seen, lock = set(), threading.Lock()

    def choose(exchange):
        with lock:
            is_first = applies(exchange) and (exchange.method, exchange.path) not in seen
            seen.add((exchange.method, exchange.path))
        return fault if is_first else GOOD

    return choose


def always(fault, applies=is_content):
    """A function that gives `fault` to every exchange that `applies` picks."""
    return lambda exchange: fault if applies(exchange) else GOOD


class FaultProxy:
    """Serves on 127.0.0.1 what the server at `endpoint` does, with faults; `faults` may be replaced any time.

    `exchanges` is what came in, without the bodies; `harmed` how many of them got a fault.
    """

    def __init__(self, endpoint):
        self.upstream = urlsplit(endpoint).netloc
        self.faults = always(GOOD)
        self.exchanges, self.harmed = [], 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self):
        """Serve for the length of a block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fault_of(self, method, path, body):
        """The Fault of a request that has come in."""
        with self._lock:
            exchange = Exchange(len(self.exchanges), method, path, body)
            self.exchanges.append(exchange._replace(body=b""))
        fault = self.faults(exchange)
        with self._lock:
            self.harmed += fault != GOOD
        return fault


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep its connection open longer than the test
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Report what went wrong here; a client that hangs up is part of the tests."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.owner.fault_of(self.command, self.path, body)
        if fault.hang_up_before:
            self.close_connection = True
            return
        if fault.refuse:
            self._refuse()
            return
        status, headers, answer = self._ask(damaged(body) if fault.damage_request else body)
        if fault.hang_up_after:
            self.close_connection = True
            return
        self._answer(fault, status, headers, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

    def _ask(self, body):
        """Put the request to the real server, over a connection of its own; returns its whole answer."""
        with contextlib.closing(http.client.HTTPConnection(self.server.owner.upstream, timeout=60)) as upstream:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    upstream.putheader(name, value)
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            headers = [pair for pair in response.getheaders() if pair[0].lower() not in HOP_BY_HOP]
            return response.status, headers, response.read()

    def _answer(self, fault, status, headers, body):
        if fault.damage_body:
            body = damaged(body)
        length = len(body) // 2 if fault.short_body and body else None
        body = body[:length]
        if not body:
            time.sleep(fault.stall_s)
        self.send_response_only(status)
        for name, value in headers:
            is_length = name.lower() == "content-length" and self.command != "HEAD"
            self.send_header(name, str(len(body)) if is_length else value)
        if self.command != "HEAD" and "content-length" not in [name.lower() for name, _ in headers]:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send(fault, body)

    def _send(self, fault, body):
        if fault.cut_body is not None:
            body = body[: int(len(body) * fault.cut_body)]
            self.close_connection = True
        half = len(body) // 2
        self.wfile.write(body[:half])
        time.sleep(fault.stall_s if body else 0)
        for start in range(half, len(body), PIECE_BYTES):
            self.wfile.write(body[start : start + PIECE_BYTES])
            time.sleep(fault.pace_s)

    def _refuse(self):
        body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        self.send_response_only(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        """Keep the test output clean."""


def damaged(body):
    """The same bytes with one bit turned, in the middle."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body
