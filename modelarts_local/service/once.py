"""`modelarts-local serve --once IMAGE`: the answer to one picture, without a server."""

from __future__ import annotations

import json
import logging
from typing import Any

from ..errors import CommandLineError, HandlerError, PackageError
from ..platform_rules import MAX_BODY_BYTES, REQUEST_LIMIT_S
from .loading import LoadSettings, load_failure, loaded_models
from .serve import stopped_by_signals
from .served_model import ServedModel

logger = logging.getLogger(__name__)


def answer_once(settings: LoadSettings, image_path: str) -> int:
    """Print what the handler answers to the image in a file, and return 0.

    With several models it is a JSON object with the answer of each by its name.

    Raises CommandLineError for a file that cannot be read, PackageError when the picture is refused or too large, and
    what loaded_models raises.
    """
    image = _read(image_path)
    with stopped_by_signals(), loaded_models(settings) as models:
        answers = {model.name: _answer(model, image, image_path, len(models) == 1) for model in models}
        content: Any = answers if len(models) > 1 else answers[models[0].name]
        print(json.dumps(content, ensure_ascii=False))
    return 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            content = stream.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        raise CommandLineError(
            f"--once={path}: cannot be read: {error.strerror}. Give the path of a picture."
        ) from error
    if len(content) > MAX_BODY_BYTES:
        raise PackageError(
            f"{path} has more than {MAX_BODY_BYTES} bytes (12 MB); the platform takes no more. Send a smaller image."
        )
    return content


def _answer(model: ServedModel, image: bytes, image_path: str, is_alone: bool) -> Any:
    try:
        model.warm_up().result()
    except HandlerError as error:
        raise load_failure(error, model, is_alone) from error
    if len(model.input_names) != 1:
        raise CommandLineError(
            f"--once sends one picture, and model {model.name} takes {', '.join(model.input_names)}. Start the service "
            "and send them with curl."
        )
    try:
        return json.loads(model.ask([image], REQUEST_LIMIT_S).future.result())
    except HandlerError as error:
        if error.trace and error.http_status != 400:
            logger.error("%s was not answered:\n%s", image_path, error.trace.rstrip())
        raise PackageError(f"{image_path}: {error}") from error
