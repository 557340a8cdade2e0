"""Loads a package's handler the way the platform's MXNet engine does, and asks it for answers."""

from __future__ import annotations

import importlib
import inspect
import io
import logging
import os
import sys
import traceback
from types import ModuleType
from typing import Any, Iterator, Sequence

from .answer import UnserialisableAnswer, answer_to_json
from .errors import HandlerError, HandlerLoadError
from .package import SERVICE_FILE, ModelPackage
from .platform_rules import INPUT_NAME

logger = logging.getLogger(__name__)

_STAND_IN_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mms_standin")
_BASE_CLASS_MODULE = "mms.model_service.mxnet_model_service"
_WARM_UP_SIDE_PX = 224  # where the signature tells no size
_WARM_UP_MAX_SIDE_PX = 2048  # a signature must not make us draw an image that fills the memory


class HostedService:
    """A loaded handler.

    Every call belongs on the thread that loaded it.

    input_names: the fields that a request carries, in the order in which the handler gets them.
    """

    def __init__(self, handler: Any, signature: dict[str, Any]) -> None:
        self._handler = handler
        self._inputs = _signature_inputs(handler, signature)
        self.input_names: list[str] = [str(spec.get("data_name", INPUT_NAME)) for spec in self._inputs]

    def answer(self, images: list[bytes]) -> bytes:
        """Return the JSON of what the handler answers to `images`, the raw bytes of each input.

        Raises HandlerError when the handler raises, or answers what is not JSON.
        """
        try:
            return answer_to_json(self._handler.inference(images))
        except UnserialisableAnswer as error:
            raise HandlerError(f"{SERVICE_FILE} {error}") from error
        # SystemExit included: on the platform, too, the server outlives a handler that calls sys.exit()
        except (Exception, SystemExit) as error:
            if getattr(error, "http_status", None) == 400:
                raise HandlerError(str(error), http_status=400) from error
            raise HandlerError(f"{SERVICE_FILE} raised {describe(error)}") from error

    def warm_up(self) -> None:
        """Answer one drawn image, so that the first request does not pay for MXNet's lazy set-up.

        An image that the handler refuses counts: it ran.

        Raises HandlerError when the handler fails on it.
        """
        try:
            self.answer([_drawn_jpeg(spec) for spec in self._inputs])
        except HandlerError as error:
            if error.http_status != 400:
                raise


def load_service(package: ModelPackage, signature: dict[str, Any]) -> HostedService:
    """Run the package's customize_service.py and construct its one service.

    signature: what the handler gets as manifest['Model']['Signature']; it may add to it.

    Raises HandlerLoadError with the place in the handler when it does not load.
    """
    _import_engine()
    base_class = _provide_base_class()
    # a __pycache__ in model/ would be uploaded with it
    sys.dont_write_bytecode = True
    # helper modules lie beside the handler; last, so that none of them shadows a library
    sys.path.append(package.model_dir)
    manifest = {
        "Model": {
            "Signature": signature,
            "Symbol": package.symbol_file,
            "Parameters": package.params_file,
            "Service": SERVICE_FILE,
        }
    }
    try:
        module = importlib.import_module("mms.model_service.model_service").load_service(package.service_path)
        service_class = the_only_leaf_class(module, base_class)
        handler = service_class(package.prefix, package.model_dir, manifest, gpu=None)
        return HostedService(handler, signature)
    except HandlerLoadError:
        raise
    except (Exception, SystemExit) as error:
        place = _place_in_package(error, package.model_dir)
        raise HandlerLoadError(f"{place} does not load: {describe(_innermost(error))}") from error


def the_only_leaf_class(module: ModuleType, base_class: type) -> type:
    """Return the class of `module` that derives from MXNetBaseService and from which none derives.

    Raises HandlerLoadError when there is none or more than one.
    """
    # as the engine does: imported classes count, and a class that has subclasses anywhere does not
    leaves = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, base_class) and member is not base_class and not member.__subclasses__()
    ]
    if len(leaves) == 1:
        return leaves[0]
    found = ", ".join(leaf.__name__ for leaf in leaves) or "none"
    raise HandlerLoadError(
        f"{SERVICE_FILE} must define exactly one service class derived from MXNetBaseService. Found: {found}."
    )


def describe(error: BaseException) -> str:
    """Return an exception's class and message on one line of at most 1000 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 1000 else f"{text[:997]}..."


def _import_engine() -> None:
    # its import makes codes/ importable in a checkout
    importlib.import_module("obs_layout.storage")
    engine = importlib.import_module("mxnet_support.engine")
    try:
        engine.import_mxnet()
    except ImportError as error:
        raise HandlerLoadError(str(error)) from error


def _provide_base_class() -> type:
    """Return MXNetBaseService of mxnet-model-server 0.4 where that works, else of the stand-in."""
    try:
        base_class: type = importlib.import_module(_BASE_CLASS_MODULE).MXNetBaseService
    # an installed package of that name may be another one, or fail on this Python in any way
    except Exception as error:
        logger.info("mxnet-model-server is not used here (%s); the built-in stand-in takes its place", describe(error))
        for name in [name for name in sys.modules if name.split(".")[0] == "mms"]:
            del sys.modules[name]
        sys.path.insert(0, _STAND_IN_FOLDER)
        importlib.invalidate_caches()
        base_class = importlib.import_module(_BASE_CLASS_MODULE).MXNetBaseService
    return base_class


def _signature_inputs(handler: Any, signature: dict[str, Any]) -> Sequence[dict[str, Any]]:
    own = getattr(handler, "signature", None)
    for candidate in (own, signature):
        if isinstance(candidate, dict) and candidate.get("inputs"):
            return list(candidate["inputs"])
    return [{"data_name": INPUT_NAME}]


def _drawn_jpeg(spec: dict[str, Any]) -> bytes:
    from PIL import Image

    shape = list(spec.get("data_shape") or ())
    # (batch, channels, height, width)
    height, width = (_warm_up_side(length) for length in (shape[2:] if len(shape) == 4 else (0, 0)))
    encoded = io.BytesIO()
    # a gradient, because a handler may refuse an image of one colour
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(encoded, format="JPEG")
    return encoded.getvalue()


def _warm_up_side(length: int) -> int:
    return min(int(length) or _WARM_UP_SIDE_PX, _WARM_UP_MAX_SIDE_PX)


def _place_in_package(error: BaseException, model_dir: str) -> str:
    """Return 'file:line' of the package's innermost frame that led to `error`, else the handler's name."""
    place = SERVICE_FILE
    for link in _chain(error):
        if isinstance(link, SyntaxError) and link.filename and link.filename.startswith(model_dir):
            return f"{os.path.relpath(link.filename, model_dir)}:{link.lineno}"
        for frame in traceback.extract_tb(link.__traceback__):
            if frame.filename.startswith(model_dir + os.sep):
                place = f"{os.path.relpath(frame.filename, model_dir)}:{frame.lineno}"
    return place


def _innermost(error: BaseException) -> BaseException:
    # the real server wraps what the handler raised in its own Exception
    return next(link for link in _chain(error) if type(link) is not Exception or link.__context__ is None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
