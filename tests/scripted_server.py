"""An HTTP server on a real socket that answers as a test tells it to, faults included.

Kept to Python 3.6: it runs on the parity engine too.
"""

import contextlib
import http.server
import socketserver
import ssl
import sys
import threading
import time
from typing import NamedTuple


class Request(NamedTuple):
    """What a client sent."""

    method: str
    path: str  # with the query
    headers: object
    body: bytes


class Answer(NamedTuple):
    """What the server sends back."""

    status: int = 200
    body: bytes = b""
    headers: dict = {}
    cut_after: int = None  # bytes of the body after which the connection is cut; None sends it all
    delay_s: float = 0  # silence before the answer


def s3_error(status, code, message="told to"):
    """The Answer with which an S3 server refuses a request."""
    text = '<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message><RequestId>R1</RequestId></Error>'
    return Answer(status, (text % (code, message)).encode("utf-8"), {"x-amz-request-id": "R1"})


def listing(sizes):
    """The Answer that lists {key: bytes} on one page."""
    items = "".join(
        f"<Contents><Key>{key}</Key><Size>{size_bytes}</Size></Contents>" for key, size_bytes in sizes.items()
    )
    text = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>%s</ListBucketResult>'
    return Answer(200, (text % items).encode("utf-8"))


class ScriptedServer:
    """Serves on 127.0.0.1; `script` is a function Request -> Answer, `requests` is what came in, in order."""

    def __init__(self, script, certificate=None):
        """certificate: path of a PEM file with certificate and key, with which it speaks TLS."""
        self.script = script
        self.requests = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = "{}://127.0.0.1:{}".format("https" if certificate else "http", self.port)

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

    def of(self, method):
        """The requests with that method."""
        return [request for request in self.requests if request.method == method]


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep its connection open longer than the test

    def handle_error(self, request, client_address):
        """Report what a script did wrong; a client that hangs up is part of the tests."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers, body)
        self.server.owner.requests.append(request)
        answer = self.server.owner.script(request)
        time.sleep(answer.delay_s)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

    def _send(self, answer):
        self.send_response(answer.status)
        headers = dict({"Content-Length": str(len(answer.body))}, **answer.headers)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body if answer.cut_after is None else answer.body[: answer.cut_after])
        if answer.cut_after is not None:
            self.close_connection = True

    def log_message(self, format, *args):
        """Keep the test output clean."""


DATA = bytes(bytearray(range(256))) * 40  # 10,240 bytes


def get_data(request, cut_after=None):
    """Answer a GET of DATA, ranges included, cut after so many bytes."""
    first = int((request.headers.get("Range") or "bytes=0-")[len("bytes=") :].rstrip("-"))
    headers = {"ETag": '"e1"', "Content-Range": f"bytes {first}-{len(DATA) - 1}/{len(DATA)}"}
    return Answer(206 if first else 200, DATA[first:], headers, cut_after)
