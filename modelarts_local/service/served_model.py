"""One model of a service: its package and the process of its handler."""

from __future__ import annotations

import sys
from typing import Any, Mapping

from ..errors import HandlerError
from ..handler_process import HandlerProcess
from ..package.model_package import ModelPackage
from ..trial_pictures import draw_picture


class ServedModel:
    """A loaded handler; every call belongs on one thread.

    input_names: the fields that a request carries, in the order in which the handler gets them.
    engine: versions of "mxnet" and "python", and where "base_class" came from.

    Raises HandlerLoadError when the handler does not load.
    """

    def __init__(self, package: ModelPackage, signature: Mapping[str, Any], python: str = sys.executable) -> None:
        self._process = HandlerProcess(package, signature, python)
        loaded = self._process.wait_until_loaded()
        self._inputs = loaded.inputs
        self.engine = loaded.engine
        self.input_names = loaded.input_names

    def answer(self, images: list[bytes]) -> bytes:
        """Return the JSON of what the handler answers to the raw bytes of each input, or raise HandlerError."""
        return self._process.answer(images)

    def warm_up(self) -> None:
        """Answer one drawn picture, so that the first request does not pay for MXNet's lazy set-up.

        A picture that the handler refuses counts: it ran.

        Raises HandlerError when the handler fails on it.
        """
        try:
            self.answer([draw_picture(spec) for spec in self._inputs])
        except HandlerError as error:
            if error.http_status != 400:
                raise

    def close(self) -> None:
        """End the handler's process."""
        self._process.close()
