"""The config.json with which a custom image is imported as a model, made from that of the package that it serves."""

from __future__ import annotations

from typing import Any, Mapping

IMAGE_TYPE = "Image"
IMAGE_FOLDER = "image"  # beside the package's own model/, which stays as the job wrote it
# Where serve tells whether it can answer. The times are text (contract 2.3); chosen: a network of 45 MB was ready after
# a few seconds
HEALTH = {"url": "/health", "protocol": "http", "initial_delay_seconds": "15", "timeout_seconds": "10"}
# What describes the model, whatever runs it; runtime and dependencies are an engine's
_OF_THE_MODEL = ("model_algorithm", "metrics")


def image_config(of_package: Mapping[str, Any], swr_location: str) -> dict[str, Any]:
    """Return the config of the image at `swr_location`, which serves a package with the config `of_package`."""
    config: dict[str, Any] = {"model_type": IMAGE_TYPE, "swr_location": swr_location}
    config.update((name, of_package[name]) for name in _OF_THE_MODEL if name in of_package)
    # the platform speaks https to its own engines; what listens in the image speaks http
    apis = of_package.get("apis")
    described = [api for api in apis if isinstance(api, dict)] if isinstance(apis, list) else []
    config["apis"] = [{**api, "protocol": "http"} for api in described]
    return {**config, "health": HEALTH}
