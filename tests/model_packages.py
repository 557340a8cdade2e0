"""Small model packages to serve, and the server process that serves them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Sequence

import httpx

START_DEADLINE_S = 60
COLOURS = ("red", "green", "blue", "dark", "light")
IMAGE_SIDE_PX = 8

# What an environment says of the colour network, as one fills in the deployment form.
COLOUR_ENVIRONMENT = {
    "input_data_name": "images",
    "input_data_shape": "0,3,8,8",
    "output_data_shape": "0,5",
}

COLOUR_HANDLER = """
import mxnet as mx
from mms.model_service.mxnet_model_service import MXNetBaseService
from mms.utils.mxnet import image, ndarray


class BadImage(ValueError):
    http_status = 400


class ColourService(MXNetBaseService):
    def _preprocess(self, data):
        batch = []
        for content, spec in zip(data, self.signature["inputs"]):
            height, width = spec["data_shape"][2:]
            try:
                pixels = image.read(content)
            except mx.MXNetError:
                raise BadImage("these %d bytes are not an image" % len(content))
            batch.append(image.transform_shape(image.resize(pixels, width, height)).astype("float32"))
        return batch

    def _postprocess(self, data):
        best = ndarray.top_probability(data[0], self.labels)
        return {"predicted_label": best[0]["class"], "scores": [[b["class"], b["probability"]] for b in best]}
"""


# Answers with how many bytes it was given
LENGTH_HANDLER = """
from mms.model_service.mxnet_model_service import MXNetBaseService


class LengthService(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = {"inputs": [{"data_name": "images", "data_shape": [0, 3, 8, 8]}]}

    def inference(self, data):
        return {"bytes": len(data[0])}
"""


def write_package(parent: Path, handler: str, **other_files: str) -> Path:
    """Write a package with a stand-in network and `handler` under `parent`; returns `parent`.

    other_files: content by name of module, for helper modules beside the handler.
    """
    model_dir = parent / "model"
    model_dir.mkdir(parents=True)
    (model_dir / "config.json").write_text('{"model_type": "MXNet"}')
    (model_dir / "customize_service.py").write_text(handler)
    (model_dir / "pred_model-symbol.json").write_text("{}")
    (model_dir / "pred_model-0000.params").write_bytes(b"")
    for name, content in other_files.items():
        (model_dir / f"{name}.py").write_text(content)
    return parent


def write_colour_package(parent: Path) -> Path:
    """Write a package whose network tells red, green and blue images apart; returns `parent`."""
    write_package(parent, COLOUR_HANDLER)
    (parent / "model" / "synset.txt").write_text("\n".join(COLOURS))
    write_colour_network(parent / "model")
    return parent


def write_colour_network(model: Path) -> None:
    """Write network and weights that tell red, green and blue images apart into `model`."""
    from mxnet_support import engine

    mx = engine.import_mxnet()
    pixels = IMAGE_SIDE_PX * IMAGE_SIDE_PX
    weight = mx.nd.zeros((len(COLOURS), 3 * pixels))
    for channel in range(3):
        weight[channel, channel * pixels : (channel + 1) * pixels] = 1.0 / (255 * pixels)
    network = mx.sym.SoftmaxOutput(
        mx.sym.FullyConnected(mx.sym.Flatten(mx.sym.Variable("images")), num_hidden=len(COLOURS), name="fc"),
        name="softmax",
    )
    arguments = {"fc_weight": weight, "fc_bias": mx.nd.array([0, 0, 0, -1, -2])}
    mx.model.save_checkpoint(str(model / "pred_model"), 0, network, arguments, {})


def one_colour_image(path: Path, colour: str) -> Path:
    """Write an image of one colour in the format that the file's ending names; returns `path`."""
    from PIL import Image

    Image.new("RGB", (40, 30), colour).save(path)
    return path


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for what another process does, and fail with `what` when it has not done it in time."""
    deadline = time.monotonic() + START_DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come to this: {what}"
        time.sleep(0.02)


def refusal_of(response: httpx.Response) -> dict[str, Any]:
    """Return the body of a refusal without the number of the request, which the header has too."""
    body: dict[str, Any] = response.json()
    assert body.pop("request_id") == response.headers["x-request-id"]
    return body


def serve_command(*arguments: str) -> list[str]:
    """Return the command line that runs `modelarts_local serve`, on packages too small for the platform."""
    return [sys.executable, "-m", "modelarts_local", "serve", "--no-check", *arguments]


class ServerProcess:
    """A `modelarts_local serve` in a process of its own, on a free port.

    parent: the package, a local folder unless a test passes a URL.
    work_dir: where its two output files go.
    flags: for the command line, besides --port.
    cwd: where it runs, when a test passes relative paths.
    """

    def __init__(
        self,
        parent: Path | str,
        work_dir: Path,
        environment: dict[str, str] | None = None,
        flags: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> None:
        self.parent = parent
        self._stdout = work_dir / "stdout.txt"
        self._stderr = work_dir / "stderr.txt"
        with open(self._stdout, "wb") as stdout, open(self._stderr, "wb") as stderr:
            self.process = subprocess.Popen(
                serve_command(str(parent), *flags, "--port", "0"),
                cwd=cwd,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
            )

    def wait_until_serving(self) -> ServerProcess:
        """Wait for the line on standard output; returns self."""
        self._wait_for("serving ", self.output)
        return self

    def wait_until_listening(self) -> ServerProcess:
        """Wait until the port is open, be the model warm or not; returns self."""
        self._wait_for("listening on ", self.log)
        return self

    @property
    def url(self) -> str:
        """Address of the service, without a slash at the end."""
        return self.log().split("listening on ", 1)[1].split(",", 1)[0]

    def output(self) -> str:
        """Return what was printed to standard output so far."""
        return self._stdout.read_text()

    def log(self) -> str:
        """Return what was written to standard error so far."""
        return self._stderr.read_text()

    def post(self, path: str = "/", **request: Any) -> httpx.Response:
        """Send a POST request; `request` is what httpx.post takes."""
        return httpx.post(self.url + path, timeout=START_DEADLINE_S, trust_env=False, **request)

    def get(self, path: str = "/", **request: Any) -> httpx.Response:
        """Send a GET request; `request` is what httpx.get takes."""
        return httpx.get(self.url + path, timeout=START_DEADLINE_S, trust_env=False, **request)

    def wait_for_log(self, text: str) -> str:
        """Wait until `text` stands on standard error, which may lag behind an answer; returns all that does."""
        self._wait_for(text, self.log)
        return self.log()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()

    def _wait_for(self, text: str, read: Any) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while text not in read():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"the server did not get to {text!r}:\n{self.log()}")
            time.sleep(0.05)
