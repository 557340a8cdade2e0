"""M3, M7, M9, M10 and M11: config.json itself, its model, its runtime and its metrics."""

from __future__ import annotations

import difflib
import json
import os
import re
from typing import Any, Iterator, NamedTuple

from ...package.image_config import IMAGE_TYPE
from ...package.model_package import CONFIG_FILE
from ...platform_rules import LIMITS
from ..findings import Finding, listed, printable, quoted
from ..rules import finding
from .config_text import BrokenConfig, ConfigText, WrittenNumber, parse_config
from .files import PackageFiles, Unreadable, read_text

CODE_NOT_JSON = "ModelArts.3015"
CODE_UNSUPPORTED = "ModelArts.3016"  # an unsupported field, type or format
CODE_BLANK = "ModelArts.3036"
CODE_INVALID_VALUE = "ModelArts.3037"

MODEL_TYPE = "MXNet"
RUNTIMES = ("python3.6", "python2.7", "python3.7")  # of the MXNet engine, 2019 to 2023 (contract 2.4)
METRICS = ("f1", "recall", "precision", "accuracy")
# Printed in the platform's own sample, whose network reaches 78 % (contract 2.5)
PLACEHOLDERS = {"f1": 0.39542, "accuracy": 0.987426, "precision": 0.395875, "recall": 0.394966}
REPORT = os.path.join("report", "metrics.json")  # what the training job measured, beside model/

_ALGORITHM = re.compile(r"[A-Za-z][^&!'\"<>=\\\u4e00-\u9fff]*")
_KNOWN = {
    "": ("model_algorithm", "model_type", "runtime", "swr_location", "metrics", "apis", "dependencies", "health"),
    "metrics": METRICS,
    "apis": ("protocol", "url", "method", "request", "response"),
    "dependencies": ("installer", "packages"),
    "packages": ("package_name", "package_version", "restraint"),
    "health": ("url", "protocol", "initial_delay_seconds", "timeout_seconds"),
}
# Whatever of these is absent is told by the rule about it
_MANDATORY = ("model_algorithm", "model_type", "runtime", "apis", "url", "method", "request", "response")
_MANDATORY_OF_IMAGES = ("model_algorithm", "model_type", "swr_location", "url")


class Config(NamedTuple):
    """A config.json that is an object. text: its members and their lines; place: what messages call the file."""

    text: ConfigText
    place: str

    @property
    def runtime(self) -> str | None:
        """The runtime that it states; None where it states none."""
        runtime = self.text.get("runtime")
        return runtime if isinstance(runtime, str) else None

    @property
    def is_of_image(self) -> bool:
        """Whether it is that of a custom image, which brings its own server, and not of the MXNet engine."""
        return bool(self.get("model_type") == IMAGE_TYPE)

    def get(self, *path: str | int) -> Any:
        """Return the member at `path`; None where there is none."""
        return self.text.get(*path)

    def amiss(
        self, rule: str, path: tuple[str | int, ...], found: str, expected: str, remedy: str, code: str | None = None
    ) -> Finding:
        """Return a finding about the member at `path`."""
        return finding(rule, self.place, self.text.line(*path), found, expected, remedy, code)

    def absent(
        self, rule: str, path: tuple[str | int, ...], name: str, expected: str, remedy: str, code: str | None = None
    ) -> Finding:
        """Return the finding about a mandatory member that is not in the object at `path`; one like it is renamed."""
        wrong = self.misspelt(path).get(name)
        if wrong is not None:
            remedy = f"Rename {printable(wrong)} to {name}."
            return self.amiss(rule, (*path, wrong), f"no {name}, but {quoted(wrong)}", expected, remedy, code)
        return self.amiss(rule, (*path, name), f"no {name}", expected, remedy, code)

    def misspelt(self, path: tuple[str | int, ...]) -> dict[str, str]:
        """Return the wrong name of each known member that the object at `path` has under a similar one only."""
        members, known = self.get(*path), known_members(path)
        wrong: dict[str, str] = {}
        for name in members if isinstance(members, dict) else ():
            if name not in known:
                free = [other for other in known if other not in members and other not in wrong]
                for right in difflib.get_close_matches(name, free, 1, 0.7):
                    wrong[right] = name
        return wrong


def read_config(files: PackageFiles) -> Config | Finding | None:
    """Return config.json, the finding that says why it is none, or None when it is not there as a file."""
    place = files.place(CONFIG_FILE)
    if not files.holds(CONFIG_FILE):
        return None
    expected = "a JSON object in UTF-8"
    try:
        text = parse_config(files.read_text(CONFIG_FILE))
    except Unreadable as error:
        return finding("M3", place, None, str(error), expected, "Export the model again, or repair it.", CODE_NOT_JSON)
    except BrokenConfig as error:
        return finding("M3", place, error.line, f"not JSON: {error}", expected, error.remedy, CODE_NOT_JSON)
    if not isinstance(text.value, dict):
        found = quoted(text.value)
        return finding("M3", place, 1, found, expected, "Put the members into { and }.", CODE_NOT_JSON)
    return Config(text, place)


def check_config(config: Config, parent: str) -> Iterator[Finding]:
    """Yield what is amiss with the model, the runtime, the metrics and the names of members."""
    yield from _model(config)
    if not config.is_of_image:
        yield from _runtime(config)
    yield from _metrics(config, parent)
    yield from _odd_members(config)
    if config.get("swr_location") is not None and not config.is_of_image:
        # event on the platform: Non-custom type models should not contain swr_location
        yield config.amiss(
            "M10",
            ("swr_location",),
            "swr_location",
            "no swr_location beside model_type MXNet",
            "Remove it; it is for custom images.",
            CODE_UNSUPPORTED,
        )


def _model(config: Config) -> Iterator[Finding]:
    model_type = config.get("model_type")
    if model_type in (None, ""):
        yield config.absent("M3", (), "model_type", MODEL_TYPE, 'Add "model_type": "MXNet".', CODE_BLANK)
    elif model_type != MODEL_TYPE and not config.is_of_image:
        yield config.amiss(
            "M3", ("model_type",), quoted(model_type), MODEL_TYPE, 'Write "model_type": "MXNet".', CODE_INVALID_VALUE
        )
    algorithm = config.get("model_algorithm")
    most = LIMITS["model-algorithm"].strictest
    expected = f"a letter, then at most {most - 1} characters, none Chinese and none of & ! ' \" < > = \\"
    if algorithm in (None, ""):
        yield config.absent(
            "M3",
            (),
            "model_algorithm",
            expected,
            'Add "model_algorithm": "image_classification".',
            CODE_BLANK,
        )
    elif not isinstance(algorithm, str) or len(algorithm) > most or not _ALGORITHM.fullmatch(algorithm):
        yield config.amiss(
            "M3",
            ("model_algorithm",),
            quoted(algorithm),
            expected,
            "Name it as the samples do: image_classification.",
            CODE_UNSUPPORTED,
        )


def _runtime(config: Config) -> Iterator[Finding]:
    runtime = config.get("runtime")
    if runtime is None:
        # The default was python2.7 until 2021 and is python3.6 since: what is not stated runs on either
        yield config.absent(
            "M7",
            (),
            "runtime",
            "the runtime that the service code is written for",
            'Add "runtime": "python3.6".',
        )
    elif runtime not in RUNTIMES:
        yield config.amiss(
            "M11",
            ("runtime",),
            quoted(runtime),
            f"one of {', '.join(RUNTIMES)}",
            'Write "runtime": "python3.6".',
            CODE_INVALID_VALUE,
        )


def _metrics(config: Config, parent: str) -> Iterator[Finding]:
    metrics = config.get("metrics")
    if metrics is None:
        return
    if not isinstance(metrics, dict):
        yield config.amiss("M7", ("metrics",), quoted(metrics), "an object of numbers", "Write the numbers measured.")
        return
    measured = _measured(parent)
    for name in METRICS:
        if name in metrics:
            amiss = _metric_amiss(name, metrics[name], measured)
            if amiss:
                found, expected, remedy = amiss
                yield config.amiss("M7", ("metrics", name), f"metrics.{name} {found}", expected, remedy)


def _metric_amiss(name: str, value: Any, measured: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return found, expected and remedy for a metric that the model page would show falsely; None for a good one."""
    most = LIMITS["model-metric-decimals"].strictest
    written = value.text if isinstance(value, WrittenNumber) else str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"is {quoted(value)}", "a JSON number", "Write it without quotes."
    if not 0 <= value <= 1:
        return f"is {quoted(value)}", "a part of one, 0 to 1", "Divide a percentage by 100."
    if value == PLACEHOLDERS.get(name):
        return (
            f"is {written}, the number of the platform's sample",
            "what was measured on your validation set",
            "Put your own in, or leave it out: the page shows it as this model's.",
        )
    if name in measured and measured[name] != value:
        return (
            f"is {written}",
            f"{measured[name]!r}, what {REPORT} says",
            "Export the model again, or correct the number.",
        )
    if _decimals(written) > most:
        return f"has {_decimals(written)} decimals", f"at most {most}", "Round it; what is beyond is cut."
    return None


def _decimals(written: str) -> int:
    digits, _, exponent = written.lower().partition("e")
    shift = int(exponent) if exponent.lstrip("+-").isdigit() and len(exponent) < 6 else 0
    return max(0, len(digits.partition(".")[2]) - shift)


def _measured(parent: str) -> dict[str, Any]:
    """Return the metrics that our own job wrote beside model/; empty for any other job."""
    try:
        metrics = json.loads(read_text(os.path.join(parent, REPORT)))["metrics"]
        return metrics if isinstance(metrics, dict) else {}
    except (Unreadable, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _odd_members(config: Config) -> Iterator[Finding]:
    for path in config.text.duplicates:
        yield config.amiss(
            "M9",
            path,
            f"{quoted(path[-1])} a second time",
            "each name once in an object",
            "Remove one; which of them counts is not documented.",
        )
    mandatory = _MANDATORY_OF_IMAGES if config.is_of_image else _MANDATORY
    for path in _described_objects(config):
        members, known = config.get(*path), known_members(path)
        right_names = {wrong: right for right, wrong in config.misspelt(path).items()}
        for name in members if isinstance(members, dict) else ():
            right = right_names.get(name)
            if name in known or right in mandatory:
                continue  # a mandatory one is told as absent, with this name of it
            remedy = f"Rename it to {right}." if right else "Remove it; the platform may refuse what it does not know."
            yield config.amiss("M9", (*path, name), quoted(name), f"one of {listed(list(known))}", remedy)


def _described_objects(config: Config) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each object whose members are documented."""
    yield ()
    yield ("metrics",)
    yield ("health",)
    for index, _ in enumerate(as_list(config.get("apis"))):
        yield ("apis", index)
    for index, dependency in enumerate(as_list(config.get("dependencies"))):
        yield ("dependencies", index)
        packages = dependency.get("packages") if isinstance(dependency, dict) else None
        for number, _ in enumerate(as_list(packages)):
            yield ("dependencies", index, "packages", number)


def known_members(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the documented members of the object at `path`, which is one of those that are described."""
    names = [step for step in path if isinstance(step, str)]
    return _KNOWN[names[-1] if names else ""]


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []
