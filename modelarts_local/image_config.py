"""`modelarts-local image-config`: the config.json of a custom image that serves a package."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from .check.findings import ERROR
from .errors import PackageError, storage_errors
from .options import STORAGE
from .package.image_config import IMAGE_FOLDER, image_config
from .package.model_package import CONFIG_FILE, MODEL_FOLDER, is_url, open_package

_DESCRIPTION = f"""\
Write {IMAGE_FOLDER}/ beside model/: the config.json with which today's ModelArts imports the custom image of a model.

    images/make-context inference build/inference out/V0001
    docker build -t swr.cn-north-4.myhuaweicloud.com/my-organization/caltech:1.0 build/inference
    modelarts-local image-config out/V0001 swr.cn-north-4.myhuaweicloud.com/my-organization/caltech:1.0
    modelarts-local check out/V0001/{IMAGE_FOLDER}

It says what the model's own config.json says of its metrics and its api, where the image lies, and how its health is
asked for. The package in model/ stays as it is.
"""
_EPILOG = f"""\
{STORAGE}

exit codes: 0 written; 1 no model package is there, or the platform would refuse the config; 2 the command line; 3
storage
"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of image-config to the program's."""
    parser = commands.add_parser(
        "image-config",
        help="write the config.json of a custom image, for today's platform",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("parent", metavar="PARENT", help="folder, or s3:// or obs:// URL, that holds model/")
    parser.add_argument("swr_location", metavar="IMAGE", help="where it lies in SWR: registry/organization/name:tag")
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        help=f"write {MODEL_FOLDER}/{CONFIG_FILE} here (default: PARENT/{IMAGE_FOLDER}, or {IMAGE_FOLDER} for a URL)",
    )
    parser.set_defaults(run=_run_image_config)


def _run_image_config(arguments: argparse.Namespace) -> int:
    parent = arguments.parent
    output = Path(arguments.output or (IMAGE_FOLDER if is_url(parent) else os.path.join(parent, IMAGE_FOLDER)))
    with open_package(parent) as package:
        of_package = json.loads((Path(package.model_dir) / CONFIG_FILE).read_text(encoding="utf-8"))
    if not isinstance(of_package, dict):
        raise PackageError(f"{CONFIG_FILE} of {parent} is no JSON object. Export the model again, or repair it.")
    text = json.dumps(image_config(of_package, arguments.swr_location), indent=4, ensure_ascii=False) + "\n"
    path = _write_checked(output, text)
    print(f"wrote {path}; the folder to import is {output}")
    return 0


def _write_checked(output: Path, text: str) -> Path:
    """Write the config where it is fit for the platform; returns its path. Raises PackageError, StorageFailed."""
    from .check.package.config import Config, check_config
    from .check.package.config_text import parse_config
    from .check.package.image import check_image

    path = output / MODEL_FOLDER / CONFIG_FILE
    config = Config(parse_config(text), CONFIG_FILE)
    for finding in (*check_config(config, str(output)), *check_image(config)):
        if finding.severity == ERROR:
            found = f"found {finding.found}; expected {finding.expected}. {finding.remedy}"
            raise PackageError(f"the platform would refuse it, and it was not written: {found}")
    part = path.with_name(f"{CONFIG_FILE}.part")
    with storage_errors(f"{path} cannot be written", str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    return path
