"""Where the handler's base class comes from."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tests.model_packages import ServerProcess, write_package

HANDLER = """
from mms.model_service.mxnet_model_service import MXNetBaseService


class Service(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self._signature = manifest["Model"]["Signature"]

    def inference(self, data):
        return getattr(MXNetBaseService, "ORIGIN", "stand-in")
"""

INSTALLED_BASE_CLASS = """
class MXNetBaseService:
    ORIGIN = "installed"
"""

INSTALLED_LOADER = """
import importlib.util


def load_service(path, name=None):
    spec = importlib.util.spec_from_file_location("customize_service", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""


def base_class_origin(tmp_path: Path, installed: Path) -> tuple[str, str]:
    """Where the handler sees its base class to be from, and where the log says it is."""
    search_path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    parent = write_package(tmp_path / "package", HANDLER)
    with contextlib.closing(ServerProcess(parent, tmp_path, {"PYTHONPATH": search_path})) as server:
        server.wait_until_serving()
        (line,) = [line for line in server.log().splitlines() if "MXNetBaseService is that of" in line]
        return str(server.post(files={"images": b"1"}).json()), line.partition(" is that of ")[2]


def test_an_installed_model_server_is_preferred(tmp_path: Path) -> None:
    package = tmp_path / "site" / "mms" / "model_service"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "mxnet_model_service.py").write_text(INSTALLED_BASE_CLASS)
    (package / "model_service.py").write_text(INSTALLED_LOADER)
    assert base_class_origin(tmp_path, tmp_path / "site") == ("installed", "mxnet-model-server")


def test_another_package_of_the_same_name_gives_way_to_the_stand_in(tmp_path: Path) -> None:
    (tmp_path / "site" / "mms").mkdir(parents=True)
    (tmp_path / "site" / "mms" / "__init__.py").write_text("VERSION = '1.1.11'")
    assert base_class_origin(tmp_path, tmp_path / "site") == (
        "stand-in",
        "the built-in stand-in (ModuleNotFoundError: No module named 'mms.model_service')",
    )


def test_a_start_without_an_installed_model_server_sounds_like_no_failure(tmp_path: Path) -> None:
    assert base_class_origin(tmp_path, tmp_path / "site") == ("stand-in", "the built-in stand-in")
