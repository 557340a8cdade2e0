"""Loads a package's handler the way the platform's MXNet engine does, and asks it for answers."""

import functools
import importlib
import inspect
import json
import os
import sys
import tempfile
import traceback

from .answer import UnserialisableAnswer, answer_to_json

SERVICE_FILE = "customize_service.py"
INPUT_NAME = "images"  # what an input is called where the signature does not say
SYMBOL_ENDING = "-symbol.json"
EPOCH_ENDING = "-0000.params"

NO_INPUTS = (
    "the signature has no inputs. Set input_data_name and input_data_shape in the environment, or "
    "fill manifest['Model']['Signature']['inputs'] before calling MXNetBaseService.__init__."
)

_STAND_IN_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mms_standin")
_BASE_CLASS_MODULE = "mms.model_service.mxnet_model_service"


class HandlerLoadFailed(Exception):
    """customize_service.py does not load; the message has the place in it."""


class HandlerFailed(Exception):
    """customize_service.py raised while it answered one request.

    http_status: 400 when the handler blames the image, else 500.
    """

    def __init__(self, message, http_status=500):
        super().__init__(message)
        self.http_status = http_status


class HostedService:
    """A loaded handler.

    inputs: dicts with data_name and perhaps data_shape, in the order in which the handler gets the images.
    base_class_origin: where MXNetBaseService came from.
    takes_many: whether the handler has our own method `inference_many`, which the platform's engine does not know:
        it gets a list of what `inference` gets, and returns for each the answer or the exception that it would raise.
    """

    def __init__(self, handler, signature, base_class_origin):
        self._handler = handler
        self.inputs = _inputs_of(handler, signature)
        self.base_class_origin = base_class_origin
        self.takes_many = callable(getattr(handler, "inference_many", None))

    def answers(self, requests):
        """Return for each request the JSON of the handler's answer, or a HandlerFailed.

        requests: lists of the raw bytes of each input.
        """
        if not (self.takes_many and len(requests) > 1):
            return [_as_json(_outcome_of(self._handler.inference, images)) for images in requests]
        outcomes = _outcome_of(self._handler.inference_many, requests)
        if isinstance(outcomes, BaseException):
            outcomes = [outcomes] * len(requests)
        elif not isinstance(outcomes, (list, tuple)) or len(outcomes) != len(requests):
            wrong = ValueError(f"inference_many returned no list of {len(requests)} answers")
            outcomes = [wrong] * len(requests)
        return [_as_json(outcome) for outcome in outcomes]


def _outcome_of(method, argument):
    """Return what a handler's method returns, or what it raises."""
    try:
        return method(argument)
    # SystemExit included: on the platform, too, the server outlives a handler that calls sys.exit()
    except (Exception, SystemExit) as error:
        return error


def _as_json(outcome):
    if isinstance(outcome, BaseException):
        if getattr(outcome, "http_status", None) == 400:
            return _caused_by(outcome, HandlerFailed(str(outcome), http_status=400))
        return _caused_by(outcome, HandlerFailed(f"{SERVICE_FILE} raised {describe(outcome)}"))
    try:
        return answer_to_json(outcome)
    except UnserialisableAnswer as error:
        return _caused_by(error, HandlerFailed(f"{SERVICE_FILE} {error}"))


def _caused_by(cause, failure):
    failure.__cause__ = cause
    return failure


def load_service(model_dir, prefix, signature, support_folder):
    """Run the package's customize_service.py and construct its one service.

    prefix: what the names of network and weights begin with.
    signature: what the handler gets as manifest['Model']['Signature'], a dict as on the platform (contract 3.2); it may
        add to it.
    support_folder: the folder that holds mxnet_support.

    Raises HandlerLoadFailed with the place in the handler when it does not load.
    """
    _import_engine(support_folder)
    base_class, origin = _provide_base_class()
    # a __pycache__ in model/ would be uploaded with it
    sys.dont_write_bytecode = True
    # helper modules lie beside the handler; last, so that none of them shadows a library
    sys.path.append(model_dir)
    manifest = {
        "Model": {
            "Signature": signature,
            "Symbol": prefix + SYMBOL_ENDING,
            "Parameters": prefix + EPOCH_ENDING,
            "Service": SERVICE_FILE,
        }
    }
    path = os.path.join(model_dir, SERVICE_FILE)
    try:
        module = importlib.import_module("mms.model_service.model_service").load_service(path)
        service_class = the_only_leaf_class(module, base_class)
        handler = service_class(prefix, model_dir, manifest, gpu=None)
        return HostedService(handler, signature, origin)
    except HandlerLoadFailed:
        raise
    except (Exception, SystemExit) as error:
        place, cause = _place_in_package(error, model_dir), _innermost(error)
        why = missing_file(cause, model_dir) or describe(cause)
        raise HandlerLoadFailed(f"{place} does not load: {why}") from error


def the_only_leaf_class(module, base_class):
    """Return the class of `module` that derives from MXNetBaseService and from which none derives.

    Raises HandlerLoadFailed when there is none or more than one.
    """
    # as the engine does: imported classes count, and a class that has subclasses anywhere does not (contract 3.1)
    leaves = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, base_class) and member is not base_class and not member.__subclasses__()
    ]
    if len(leaves) == 1:
        return leaves[0]
    found = ", ".join(leaf.__name__ for leaf in leaves) or "none"
    raise HandlerLoadFailed(
        f"{SERVICE_FILE} must define exactly one service class derived from MXNetBaseService. Found: {found}."
    )


def describe(error):
    """Return an exception's class and message on one line of at most 1000 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 1000 else f"{text[:997]}..."


def missing_file(error, model_dir):
    """Return what to do about a file that is not in model/ and that the handler opens; None for any other error."""
    path = error.filename if isinstance(error, FileNotFoundError) else None
    if not isinstance(path, str) or not path.startswith(model_dir + os.sep):
        return None
    name = os.path.relpath(path, model_dir)
    return f"model/ has no {name}, which it opens. Copy {name} there from the same training, or export the model again."


def _import_engine(support_folder):
    # a handler that imports what only this project has would fail on the platform: it must fail here too, so the
    # folder leaves the path again
    sys.path.insert(0, support_folder)
    try:
        importlib.import_module("mxnet_support.engine").import_mxnet()
    except ImportError as error:
        raise HandlerLoadFailed(str(error)) from error
    finally:
        sys.path.remove(support_folder)


def _provide_base_class():
    """Return (MXNetBaseService, where it is from): mxnet-model-server 0.4 where that works, else the stand-in."""
    try:
        base_class = importlib.import_module(_BASE_CLASS_MODULE).MXNetBaseService
        _let_it_take_dicts(base_class)
        return base_class, "mxnet-model-server"
    # an installed package of that name may be another one, or fail on this Python in any way
    except Exception as error:
        # that it is not installed is the usual case, and no failure to tell
        is_absent = isinstance(error, ImportError) and error.name == _BASE_CLASS_MODULE.split(".")[0]
        reason = "" if is_absent else f" ({describe(error)})"
    for name in [name for name in sys.modules if name.split(".")[0] == "mms"]:
        del sys.modules[name]
    sys.path.insert(0, _STAND_IN_FOLDER)
    importlib.invalidate_caches()
    return importlib.import_module(_BASE_CLASS_MODULE).MXNetBaseService, f"the built-in stand-in{reason}"


def _let_it_take_dicts(base_class):
    """Let the constructor of mxnet-model-server 0.4 take the signature itself, where it opens a file of that name."""
    constructor = base_class.__init__

    # the platform runs a fork of the server that hands the signature over as a dict: contract 3.2
    @functools.wraps(constructor)
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        signature = manifest["Model"]["Signature"]
        if not isinstance(signature, dict):
            constructor(self, model_name, model_dir, manifest, gpu)
            return
        if not signature.get("inputs"):
            raise ValueError(NO_INPUTS)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
            json.dump(signature, stream)
            stream.flush()
            model = dict(manifest["Model"], Signature=stream.name)
            constructor(self, model_name, model_dir, dict(manifest, Model=model), gpu)
        # the handler may hold the dict that it was given, and looks for the bound shapes there
        signature.update(self._signature)
        self._signature = signature

    base_class.__init__ = __init__


def _inputs_of(handler, signature):
    own = getattr(handler, "signature", None)
    for candidate in (own, signature):
        if isinstance(candidate, dict) and candidate.get("inputs"):
            return [
                {"data_name": str(spec.get("data_name", INPUT_NAME)), "data_shape": _shape_of(spec)}
                for spec in candidate["inputs"]
            ]
    return [{"data_name": INPUT_NAME, "data_shape": []}]


def _shape_of(spec):
    shape = spec.get("data_shape") or ()
    return [int(length) for length in (shape.split(",") if isinstance(shape, str) else shape)]


def _place_in_package(error, model_dir):
    """Return 'file:line' of the package's innermost frame that led to `error`, else the handler's name."""
    place = SERVICE_FILE
    for link in _chain(error):
        if isinstance(link, SyntaxError) and link.filename and link.filename.startswith(model_dir):
            return f"{os.path.relpath(link.filename, model_dir)}:{link.lineno}"
        for frame in traceback.extract_tb(link.__traceback__):
            if frame.filename.startswith(model_dir + os.sep):
                place = f"{os.path.relpath(frame.filename, model_dir)}:{frame.lineno}"
    return place


def _innermost(error):
    # the real server wraps what the handler raised in its own Exception
    return next(link for link in _chain(error) if type(link) is not Exception or link.__context__ is None)


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
