"""The test page: what a browser gets at `/`, the files it is made of, and a description of the models for it.

    GET /page/NAME            a file of page_files/
    GET /page/service.json    {"models": [...], "limits": {...}, "samples": [...]}, see `describe`

The page of the platform's console renders its form from config.json and takes pictures below 8 MB (contract 4.4);
so does ours.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import AbstractSet, Any, Mapping, NamedTuple, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..package.model_package import CONFIG_FILE
from ..platform_rules import LIMITS, MAX_BODY_BYTES, REQUEST_LIMIT_S

FILES_FOLDER = Path(__file__).resolve().parent / "page_files"
INDEX = "index.html"
SAMPLES_FOLDER = "samples"
LABELS_FILE = "synset.txt"
MAX_PAGE_BYTES: int = LIMITS["page-request-size"].strictest

# Named here and not guessed: what the system thinks of .js differs from one to the other
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
# Nothing comes from elsewhere, no script stands in the page, and no other page may frame it
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # asked for each time and answered 304 while it is the same: a new version is seen at once
    "Cache-Control": "no-cache",
}


class PageModel(NamedTuple):
    """What the page tells of one model and asks it.

    path: where pictures are sent, from the root of the service.
    input_names: the fields that the handler reads.
    config: the package's config.json.
    labels: the classes, None where the package does not tell.
    engine: versions by name.
    """

    name: str
    path: str
    input_names: Sequence[str]
    config: Mapping[str, Any] = {}
    labels: Sequence[str] | None = None
    engine: Mapping[str, str] = {}


class _PageFile(NamedTuple):
    content: bytes
    content_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def read_page_model(
    name: str, path: str, model_dir: str, input_names: Sequence[str], engine: Mapping[str, str]
) -> PageModel:
    """Return what the page tells of the package in `model_dir`; what cannot be read there is left out."""
    return PageModel(name, path, input_names, _read_config(model_dir), _read_labels(model_dir), engine)


def page_routes(models: Sequence[PageModel], status_path: str | None = None) -> list[Route]:
    """Return the routes below /page/ for a service of `models`. status_path: where it tells how it does, if it does."""
    files = _read_files(FILES_FOLDER)
    # in ASCII: config.json may hold half a surrogate pair, which UTF-8 cannot carry
    description = json.dumps({**describe(models), "status": status_path}, allow_nan=False).encode("ascii")

    async def page_file(request: Request) -> Response:
        name = request.path_params["name"]
        # a table and no path: what is not in it cannot be asked for
        if name not in files:
            raise HTTPException(404)
        return _file_response(request, files[name])

    async def service_json(_: Request) -> Response:
        return Response(description, media_type="application/json", headers={**HEADERS, "Cache-Control": "no-store"})

    return [Route("/page/service.json", service_json), Route("/page/{name:path}", page_file)]


def index_response(request: Request) -> Response:
    """Return the page itself."""
    response = _file_response(request, _read_file(FILES_FOLDER / INDEX))
    # a program that asks for JSON gets another answer at the same address
    response.headers["Vary"] = "Accept"
    return response


def describe(models: Sequence[PageModel]) -> dict[str, Any]:
    """Return what page_files/ needs to know, fit for JSON.

    models: "apis" and "metrics" are those of config.json, "labels" the number of classes or null, "knows_samples"
        whether the samples show classes of its own, null where those are not known.
    limits: "page_bytes" of a picture, "body_bytes" of a request, "seconds" of an answer.
    samples: "name" and "url" of pictures to try.
    """
    names = sorted(path.name for path in (FILES_FOLDER / SAMPLES_FOLDER).glob("*.jpg"))
    shown = {name.rpartition(".")[0] for name in names}
    return {
        "models": [_describe_model(model, shown) for model in models],
        "limits": {"page_bytes": MAX_PAGE_BYTES, "body_bytes": MAX_BODY_BYTES, "seconds": REQUEST_LIMIT_S},
        "samples": [{"name": name, "url": f"/page/{SAMPLES_FOLDER}/{name}"} for name in names],
    }


def _describe_model(model: PageModel, samples: AbstractSet[str]) -> dict[str, Any]:
    # config.json is a stranger's: only what has the right form goes on
    apis = model.config.get("apis")
    metrics = model.config.get("metrics")
    return {
        "name": model.name,
        "path": model.path,
        "inputs": list(model.input_names),
        "apis": [api for api in apis if isinstance(api, dict)] if isinstance(apis, list) else [],
        "metrics": {
            name: value
            for name, value in (metrics.items() if isinstance(metrics, dict) else ())
            if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        },
        "labels": None if model.labels is None else len(model.labels),
        "knows_samples": None if model.labels is None else samples <= set(model.labels),
        "engine": dict(model.engine),
    }


def _read_config(model_dir: str) -> dict[str, Any]:
    try:
        with open(os.path.join(model_dir, CONFIG_FILE), encoding="utf-8") as stream:
            # JavaScript cannot read NaN and Infinity, which Python's JSON has
            config = json.load(stream, parse_constant=lambda _: None, parse_float=_finite)
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _read_labels(model_dir: str) -> list[str] | None:
    try:
        with open(os.path.join(model_dir, LABELS_FILE), encoding="utf-8") as stream:
            return [line.strip() for line in stream if line.strip()]
    except (OSError, ValueError):
        return None


def _read_files(folder: Path) -> dict[str, _PageFile]:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in CONTENT_TYPES]
    return {path.relative_to(folder).as_posix(): _read_file(path) for path in paths}


def _read_file(path: Path) -> _PageFile:
    return _PageFile(path.read_bytes(), CONTENT_TYPES[path.suffix])


def _file_response(request: Request, file: _PageFile) -> Response:
    headers = {**HEADERS, "ETag": file.etag}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.content_type, headers=headers)
