"""`modelarts_local predict`: send images to a service and print what it answers."""

from __future__ import annotations

import ipaddress
import json
import os
from typing import Any, NamedTuple, Sequence
from urllib.parse import urlsplit

import httpx

from ..errors import CommandLineError, ServiceUnreachable
from ..platform_rules import INPUT_NAME, REQUEST_LIMIT_S

_TIMEOUT = httpx.Timeout(REQUEST_LIMIT_S + 20, connect=10)  # s; the service's own limit must answer first


class Prediction(NamedTuple):
    """What came of one image.

    status: HTTP status, None when the file could not be read.
    answer: the decoded JSON, or {"error_msg": text} where there is none.
    """

    file: str
    status: int | None
    answer: Any

    @property
    def is_answered(self) -> bool:
        """Tell whether the service recognised the image."""
        return self.status == 200


def predict(images: Sequence[str], url: str, as_json: bool) -> int:
    """Send each image file to the service at `url`; print one line for each as it is answered.

    Returns 0 when all were answered, 1 when one was not.

    Raises CommandLineError for a URL that is not http, ServiceUnreachable when nothing answers there.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandLineError(f"--url is {url!r}; give the service's address, such as http://127.0.0.1:8080/.")
    # a proxy cannot reach the services of this computer
    with httpx.Client(timeout=_TIMEOUT, trust_env=not _is_loopback(parts.hostname)) as client:
        all_answered = True
        for image in images:
            prediction = predict_one(client, url, image)
            print(as_json_line(prediction) if as_json else as_line(prediction), flush=True)
            all_answered = all_answered and prediction.is_answered
    return 0 if all_answered else 1


def predict_one(client: httpx.Client, url: str, image: str) -> Prediction:
    """Send the file `image` and return what came of it.

    Raises ServiceUnreachable when nothing answers at `url`.
    """
    try:
        with open(image, "rb") as file:
            content = file.read()
    except OSError as error:
        return Prediction(image, None, {"error_msg": f"cannot be read: {error.strerror}"})
    try:
        response = client.post(url, files={INPUT_NAME: (os.path.basename(image), content)})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServiceUnreachable(
            f"no service answers at {url}: {error}. Start one with: python -m modelarts_local serve PARENT"
        ) from error
    try:
        answer = response.json()
    except ValueError:
        answer = {"error_msg": f"the answer is not JSON but {response.text[:80]!r}"}
        return Prediction(image, None if response.is_success else response.status_code, answer)
    return Prediction(image, response.status_code, answer)


def as_json_line(prediction: Prediction) -> str:
    """Return the JSON object {"file", "status", "answer"}."""
    return json.dumps(prediction._asdict(), ensure_ascii=False)


def as_line(prediction: Prediction) -> str:
    """Return `file: label 0.93 (label 0.930, ...)`, or `file: status: reason` for an image without answer.

    An answer that is not the platform's form for classification is shown as JSON.
    """
    answer = prediction.answer
    if not prediction.is_answered:
        reason = answer.get("error_msg") if isinstance(answer, dict) else None
        status = "" if prediction.status is None else f"{prediction.status}: "
        text = f"{status}{reason or json.dumps(answer, ensure_ascii=False)}"
    else:
        text = _classification(answer) or json.dumps(answer, ensure_ascii=False)
    return _printable(f"{prediction.file}: {text}")


def _classification(answer: Any) -> str | None:
    try:
        scores = [(str(label), float(score)) for label, score in answer["scores"]]
        label = str(answer["predicted_label"])
        best = dict(scores)[label]
    except (TypeError, ValueError, KeyError):
        return None
    return f"{label} {best:.2f} ({', '.join(f'{name} {score:.3f}' for name, score in scores)})"


def _printable(text: str) -> str:
    # labels come from the service: escape sequences must not reach the terminal
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
