"""S2, S6 and S8: the handler loaded as the platform's engine loads it, in a process of its own."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ...errors import HandlerLoadError
from ...handler_process import HandlerProcess, Loaded
from ...package.model_package import SERVICE_FILE, ModelPackage
from ...platform_rules import INPUT_NAME
from ..findings import Finding
from ..rules import finding
from .answers import check_answers, check_output, line_of
from .api import check_input_names
from .config import Config
from .deployment import PICTURES, Deployment, KnownShape, check_shapes, shape_in_preprocessing
from .files import PackageFiles
from .handler_output import HandlerOutput
from .network import Network, not_tried, read_network, start_inspection
from .service import modules_asked_for, way_to
from .slow_steps import slow_step
from .source import PYTHON2

_LOAD_FAILURE = re.compile(r"(?P<file>\S+\.py)(?::(?P<line>[0-9]{1,9}))? does not load: (?P<what>.*)", re.DOTALL)
_MISSING_MODULE = re.compile(r"No module named '([^'.]+)")
_MISSING_FILE = re.compile(r"(?P<what>model/ has no .+, which it opens)\. (?P<remedy>Copy .+)")
_TOO_SLOW = "did not load within"
_NO_SHAPE = [0, 3, 224, 224]
_MOST_LENGTHS = 8  # chosen: pictures have four


class Limits(NamedTuple):
    """What a trial may take. python: of the engine; times in seconds; memory in bytes of address space."""

    python: str
    load_limit_s: float
    answer_limit_s: float
    memory_limit_bytes: int


def try_package(
    package: ModelPackage, files: PackageFiles, config: Config | None, deployment: Deployment, limits: Limits
) -> list[Finding]:
    """Load the package twice, without and with a signature's inputs, send pictures, and return what is amiss.

    The package's Python runs with the user's rights, without the user's keys. Whatever it does, this ends: after
    load_limit_s three times and answer_limit_s for each picture at the latest.
    """
    of_shapes = list(check_shapes(deployment, shape_in_preprocessing(files)))
    if config is not None and config.runtime == PYTHON2:
        return [
            *of_shapes,
            not_tried(
                files,
                "runtime python2.7, and no engine of ours is Python 2",
                'Write the code for Python 3 and state "runtime": "python3.6".',
            ),
        ]
    output = HandlerOutput()
    inspection = start_inspection(package, limits.python, deployment.input_shape, limits.memory_limit_bytes)
    bare = HandlerProcess(package, {}, limits.python, limits.memory_limit_bytes, output.write_end)
    try:
        with slow_step(f"reading {files.place(package.params_file)}", limits.load_limit_s):
            network, found = read_network(inspection, package, files, limits.load_limit_s)
        if network is None or found:
            return [*of_shapes, *found]
        loaded = _load(bare, files, limits)
        bare.close()
        known_output = KnownShape(network.output_shape, "the network") if network.output_shape else None
        known_input = _known_input(loaded, network, files)
        found = list(check_shapes(deployment, known_input, known_output))
        usable = Deployment({}, [], []) if any(one.rule == "M8" for one in found) else deployment
        if isinstance(loaded, HandlerLoadError) and _TOO_SLOW in str(loaded):
            return [*found, _load_finding(loaded, "S2", config, files)]  # nobody wants to wait so long again
        signature = usable.signature or _signature_for(loaded, network, known_input)
        with HandlerProcess(package, signature, limits.python, limits.memory_limit_bytes, output.write_end) as hosted:
            output.close_write_end()
            found += _judge(hosted, loaded, config, files, limits)
    finally:
        bare.close()
        inspection.kill()
        output.close_write_end()
        output.wait(1)
    return [*found, *check_output(output, files)]


def _load(hosted: HandlerProcess, files: PackageFiles, limits: Limits) -> Loaded | HandlerLoadError:
    try:
        with slow_step(f"loading {files.place(SERVICE_FILE)}", limits.load_limit_s):
            loaded = hosted.wait_until_loaded(limits.load_limit_s)
        if not all(map(_is_input, loaded.inputs)):
            raise ValueError("inputs of another form")
        return loaded
    except HandlerLoadError as error:
        return error
    # a handler that writes on our socket itself
    except (KeyError, TypeError, ValueError, MemoryError, OverflowError) as error:
        hosted.close()
        return HandlerLoadError(f"{SERVICE_FILE} does not load: it disturbs its host ({type(error).__name__})")


def _is_input(spec: Any) -> bool:
    return (
        isinstance(spec, dict)
        and isinstance(spec.get("data_name"), str)
        and isinstance(spec.get("data_shape"), list)
        and all(isinstance(length, int) for length in spec["data_shape"])
    )


def _known_input(loaded: Loaded | HandlerLoadError, network: Network, files: PackageFiles) -> KnownShape:
    """Return what is known of the input's shape: by the handler's own signature, else by our job, else by the network.

    A network with global pooling takes pictures of any size, and so does not tell that of the handler.
    """
    inputs = [] if isinstance(loaded, HandlerLoadError) else loaded.inputs
    if len(inputs) == 1 and 0 < len(inputs[0]["data_shape"]) <= _MOST_LENGTHS:
        return KnownShape([max(length, 0) for length in inputs[0]["data_shape"]], "the handler")
    stated = shape_in_preprocessing(files)
    if stated != PICTURES or not network.input_shape:
        return stated
    known = network.input_shape[:2] if network.any_size else network.input_shape
    return KnownShape([*known, 0, 0][: len(network.input_shape)], "the network")


def _signature_for(loaded: Loaded | HandlerLoadError, network: Network, known_input: KnownShape) -> dict[str, Any]:
    """Return what the deployment's variables would say, from what the handler or else the network says of itself."""
    inputs: list[dict[str, Any]] = [] if isinstance(loaded, HandlerLoadError) else loaded.inputs
    shape = known_input.lengths if all(known_input.lengths[1:]) else network.input_shape or _NO_SHAPE
    if inputs and all(spec.get("data_shape") for spec in inputs):
        described = [dict(spec, data_shape=[0, *spec["data_shape"][1:]]) for spec in inputs]
    else:
        described = [{"data_name": INPUT_NAME, "data_shape": [0, *shape[1:]]}]
    signature: dict[str, Any] = {"inputs": described}
    if network.output_shape:
        signature["outputs"] = [{"data_name": "output", "data_shape": [0, *network.output_shape[1:]]}]
    return signature


def _judge(
    hosted: HandlerProcess, bare: Loaded | HandlerLoadError, config: Config | None, files: PackageFiles, limits: Limits
) -> list[Finding]:
    """Return what is amiss with the handler in the deployment's form."""
    loaded = _load(hosted, files, limits)
    if isinstance(loaded, HandlerLoadError):
        return [_load_finding(loaded, "S2", config, files)]
    found = []
    if isinstance(bare, HandlerLoadError):
        found.append(_load_finding(bare, "S6", config, files))
    if config is not None:
        found += check_input_names(config, loaded.input_names)
    return [*found, *check_answers(hosted, loaded, config, files, limits.answer_limit_s)]


def _classes(names: str) -> str:
    return "no class derived from MXNetBaseService" if names == "none" else f"several classes: {names}"


def _load_finding(error: HandlerLoadError, rule: str, config: Config | None, files: PackageFiles) -> Finding:
    message = str(error)
    missing = _MISSING_MODULE.search(message)
    if missing and missing.group(1) in modules_asked_for(config):
        return not_tried(
            files,
            f"no {missing.group(1)} on this computer, which config.json asks for",
            f"Install {missing.group(1)} beside the engine and check again.",
        )
    failure = _LOAD_FAILURE.match(message)
    what = files.told(failure.group("what") if failure else message)
    place = files.place(failure.group("file") if failure else SERVICE_FILE)
    line = int(failure.group("line")) if failure and failure.group("line") else line_of(error.trace)
    if "exactly one service class" in message:
        return finding(
            "S1",
            place,
            line,
            _classes(what.rpartition("Found: ")[2]),
            "one class derived from MXNetBaseService",
            "Keep one, or let one derive from the other.",
        )
    if rule == "S6":
        return finding(
            rule,
            place,
            line,
            what,
            "a constructor that adds the inputs to a signature without them",
            "Fill manifest['Model']['Signature']['inputs'] where it is empty, or never deploy without "
            "input_data_name and input_data_shape.",
        )
    absent = _MISSING_FILE.search(what)
    if missing:
        remedy = way_to(missing.group(1))
    elif absent:
        what, remedy = absent.group("what"), f"{absent.group('remedy')}."
    else:
        remedy = "Look at what it waits for there." if _TOO_SLOW in message else "Repair it."
    return finding(rule, place, line, what, "a service that loads", f"{remedy[:-1]}; the service would not start.")
