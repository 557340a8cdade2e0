"""The web server under the application: uvicorn with the settings and the limits of this service."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

from ..credentials import Secrets
from ..platform_rules import REQUEST_LIMIT_S
from .access_log import AccessLog
from .authentication import Guard
from .connections import KEEP_ALIVE_S, SERVER, ConnectionLimits, bounded_connections, connection_limits
from .listening import BACKLOG
from .metrics import Metrics
from .request_head import MAX_HEAD_BYTES, HeadLimit


def guarded(app: ASGIApp, secrets: Secrets, metrics: Metrics) -> ASGIApp:
    """Return the application with the log of requests, the limit of their heads, and the check of `secrets`."""
    return AccessLog(HeadLimit(Guard(app, secrets) if any(secrets) else app), metrics)


def http_server(app: ASGIApp, limits: ConnectionLimits | None = None) -> uvicorn.Server:
    """Return a server for what `guarded` returns. limits: None for those that fit this process."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=bounded_connections(limits or connection_limits()),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,  # ours leaves out the query string, where a client may put a key
            server_header=False,
            headers=[("Server", SERVER)],
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(REQUEST_LIMIT_S),
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            # asyncio takes so many connections before it lets one of them do anything, so this is a limit, too
            backlog=BACKLOG,
        )
    )
