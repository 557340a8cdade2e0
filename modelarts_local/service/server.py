"""The HTTP face of a hosted service: its paths and its limits, which are those of the platform."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any, AsyncIterator, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import HandlerTooSlow, RequestError
from ..handler_process import ENDING_LIMIT_S
from ..platform_rules import CODE_ANSWERED_TOO_LATE, CODE_TOO_MANY_REQUESTS, REQUEST_LIMIT_S
from . import openapi
from .access_log import MAX_PATH_CHARACTERS, STATUS_PATH, shown_url
from .error_answers import exception_handlers, printable
from .health import HEALTHY, Health, worst_of
from .metrics import CONTENT_TYPE, Metrics
from .page import PageModel, index_response, page_routes, read_page_model
from .request_body import SLOW_BODY_S, read_images
from .request_queue import PendingAnswer
from .served_model import ServedModel
from .status import status_route

MAX_IN_FLIGHT = 32  # chosen: with bodies of 12 MB they hold at most 384 MB while they wait for one model
TURN_END_S = 0.5  # chosen: a request that got its turn so soon after its arrival waits to hear where the handler hangs
MAX_UNKNOWN_IDS = 100  # chosen: so many are warned of; who sends more does not mistype

logger = logging.getLogger(__name__)


class RecognitionServer:
    """Answers HTTP requests with one model or several.

    models: loaded; the first is the default one.
    on_warm_up_end: called once, with None when every model is healthy, else with what a warm-up raised and the model.
    request_limit_s: a request that is not answered so long after its arrival is answered 504.
    slow_body_s: as read_images takes it.
    """

    def __init__(
        self,
        models: Sequence[ServedModel],
        metrics: Metrics,
        on_warm_up_end: Callable[[Exception | None, ServedModel], None],
        request_limit_s: float = REQUEST_LIMIT_S,
        slow_body_s: float = SLOW_BODY_S,
    ) -> None:
        self._models = {model.name: model for model in models}
        self._default = models[0]
        self._metrics = metrics
        self._on_warm_up_end = on_warm_up_end
        self._request_limit_s = request_limit_s
        self._slow_body_s = slow_body_s
        self._unknown_ids: set[str] = set()
        metrics.watch(models)

    def app(self) -> Starlette:
        """Return the ASGI application, to be wrapped in AccessLog; it warms the models up when it starts."""
        app = Starlette(
            routes=[
                Route("/", self._root, methods=["GET", "POST"]),
                # on the platform a cluster may stand before the service in the path: contract 4.1
                Route("/v1/infers/{service_id:path}", self._recognise, methods=["POST"]),
                Route("/health", self._overall_health, methods=["GET"]),
                Route("/health/{name}", self._health_of_one, methods=["GET"]),
                Route("/metrics", self._show_metrics, methods=["GET"]),
                status_route(list(self._models.values()), self._metrics),
                Route(openapi.PATH, self._describe, methods=["GET"]),
                *page_routes([self._page_model(model) for model in self._models.values()], STATUS_PATH),
            ],
            exception_handlers=exception_handlers(),
            lifespan=self._lifespan,
        )
        # an unknown path is 404, not a redirection to a known one
        app.router.redirect_slashes = False
        return app

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        warm_up = asyncio.create_task(self._warm_up())
        yield
        warm_up.cancel()

    async def _warm_up(self) -> None:
        model_of = {asyncio.wrap_future(model.warm_up()): model for model in self._models.values()}
        done, _ = await asyncio.wait(model_of, return_when=asyncio.FIRST_EXCEPTION)
        for warm in done:
            error = warm.exception()
            if isinstance(error, Exception):
                self._on_warm_up_end(error, model_of[warm])
                return
        self._on_warm_up_end(None, self._default)

    async def _overall_health(self, _: Request) -> Response:
        of_each = {name: model.health for name, model in self._models.items()}
        worst = worst_of(of_each.values())
        content = {**_told(worst), "models": {name: _told(health) for name, health in of_each.items()}}
        return JSONResponse(content, status_code=_health_status(worst))

    async def _health_of_one(self, request: Request) -> Response:
        model = self._models.get(request.path_params["name"])
        if model is None:
            raise HTTPException(404)
        return JSONResponse(_told(model.health), status_code=_health_status(model.health))

    async def _show_metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def _describe(self, _: Request) -> Response:
        return JSONResponse(openapi.describe_service({name: model.input_names for name, model in self._models.items()}))

    async def _root(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._recognise(request)
        if "text/html" in request.headers.get("accept", ""):
            return index_response(request)
        return JSONResponse(_usage(request, list(self._models.values())))

    def _page_model(self, model: ServedModel) -> PageModel:
        path = f"/v1/infers/{model.name}" if len(self._models) > 1 else "/"
        return read_page_model(model.name, path, model.handler.package.model_dir, model.input_names, model.engine)

    async def _recognise(self, request: Request) -> Response:
        model = self._model_for(request.path_params.get("service_id", ""))
        request.state.model = model.name
        if model.in_flight >= MAX_IN_FLIGHT:
            raise RequestError(503, CODE_TOO_MANY_REQUESTS, f"{MAX_IN_FLIGHT} requests wait. Try later.", 1)
        model.in_flight += 1
        try:
            return Response(await self._answer(request, model), media_type="application/json")
        finally:
            model.in_flight -= 1

    def _model_for(self, service_id: str) -> ServedModel:
        # the id of a service is the last part of its path; at home every id that names no model is the default one's
        name = service_id.rpartition("/")[2]
        if name not in self._models and name and len(self._models) > 1:
            self._warn_once(name)
        return self._models.get(name, self._default)

    def _warn_once(self, name: str) -> None:
        if name in self._unknown_ids or len(self._unknown_ids) == MAX_UNKNOWN_IDS:
            return
        self._unknown_ids.add(name)
        names = ", ".join(self._models)
        logger.warning(
            "no model is called %r, so %s answers; there are %s", name[:MAX_PATH_CHARACTERS], self._default.name, names
        )

    async def _answer(self, request: Request, model: ServedModel) -> bytes:
        began = time.monotonic()
        deadline = request.state.arrived + self._request_limit_s
        try:
            reading = read_images(request, model.input_names, self._slow_body_s)
            images = await asyncio.wait_for(reading, deadline - time.monotonic())
        except asyncio.TimeoutError:
            raise self._too_late("its body had not arrived") from None
        self._metrics.observe_body(model.name, time.monotonic() - began)
        queued = model.ask(images, self._request_limit_s)
        answer = asyncio.wrap_future(queued.future)
        done, _ = await asyncio.wait([answer], timeout=max(deadline - time.monotonic(), 0))
        if done:
            request.state.stages = {
                "queue_ms": round(queued.queued_s * 1000, 1),
                "handler_ms": round(queued.handler_s * 1000, 1),
                "together": queued.together,
            }
            return answer.result()
        is_turn = queued.future.running()
        if is_turn:
            await self._wait_for_place(queued, answer)
        # still queued, it is dropped; already running, the handler has its full time, and its process ends after it
        answer.cancel()
        raise self._too_late("the handler had not answered" if is_turn else "the handler was busy with other requests")

    async def _wait_for_place(self, queued: PendingAnswer, answer: asyncio.Future[bytes]) -> None:
        """Raise HandlerTooSlow, which says where the handler hangs, when its time is over now, too.

        The platform does not forbid such an answer to name a place: of ModelArts.4503 only the meaning is known, and
        neither status nor body (contract 4.3).
        """
        if (queued.turn_left_s() or 0) < TURN_END_S:
            await asyncio.wait([answer], timeout=TURN_END_S + ENDING_LIMIT_S)
            if answer.done() and isinstance(answer.exception(), HandlerTooSlow):
                answer.result()

    def _too_late(self, why: str) -> RequestError:
        message = f"the request is not answered within {self._request_limit_s:g} s of its arrival: {why}."
        return RequestError(504, CODE_ANSWERED_TOO_LATE, message)


def _told(health: Health) -> dict[str, str]:
    return {"health": health.state, **({"reason": printable(health.reason)} if health.reason else {})}


def _health_status(health: Health) -> int:
    return 200 if health.state == HEALTHY else 503


def _usage(request: Request, models: Sequence[ServedModel]) -> dict[str, Any]:
    names = models[0].input_names
    fields = " ".join(f"-F '{name}=@cat.jpg'" for name in names)
    usage: dict[str, Any] = {"usage": f"curl {fields} {shown_url(request.scope)}", "fields": names, "health": "/health"}
    usage["description"] = openapi.PATH
    if len(models) > 1:
        usage["models"] = {model.name: f"/v1/infers/{model.name}" for model in models}
    return usage
