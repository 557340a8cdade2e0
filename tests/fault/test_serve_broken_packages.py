"""A package that the platform would not run ends `serve` with one sentence, code 1 and no open port."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.model_packages import START_DEADLINE_S, serve_command, write_package

HEADER = "from mms.model_service.mxnet_model_service import MXNetBaseService\n"

# Handler and the sentence with which it is refused, as far as it is the same on every Python.
BROKEN_HANDLERS = {
    "two leaf classes": (
        HEADER + "class First(MXNetBaseService): pass\nclass Second(MXNetBaseService): pass\n",
        "customize_service.py must define exactly one service class derived from MXNetBaseService. "
        "Found: First, Second.",
    ),
    "missing module": (
        HEADER + "import not_there_at_all\n",
        "customize_service.py:2 does not load: ModuleNotFoundError: No module named 'not_there_at_all'",
    ),
    "syntax error": (
        HEADER + "print 'python 2'\n",
        "customize_service.py:2 does not load: SyntaxError: Missing parentheses in call to 'print'.",
    ),
    "constructor raises": (
        HEADER
        + "class Service(MXNetBaseService):\n"
        + "    def __init__(self, model_name, model_dir, manifest, gpu=None):\n"
        + "        open(model_dir + '/synset.txt')\n",
        "customize_service.py:4 does not load: model/ has no synset.txt, which it opens. Copy synset.txt there from "
        "the same training, or export the model again.",
    ),
    "constructor of the documented generic form": (
        HEADER + "class Service(MXNetBaseService):\n    def __init__(self, model_name, model_path): pass\n",
        "customize_service.py does not load: TypeError: ",
    ),
    "exits while it is imported": (
        HEADER + "import sys\nsys.exit('no licence')\n",
        "customize_service.py:3 does not load: SystemExit: no licence",
    ),
    "base class without a signature": (
        HEADER + "class Service(MXNetBaseService): pass\n",
        "customize_service.py does not load: ValueError: the signature has no inputs. Set input_data_name "
        "and input_data_shape in the environment, or fill manifest['Model']['Signature']['inputs'] before "
        "calling MXNetBaseService.__init__.",
    ),
    "helper module raises": (
        HEADER + "import helper\n",
        "helper.py:2 does not load: ZeroDivisionError: division by zero",
    ),
}


def serve(parent: Path) -> subprocess.CompletedProcess[str]:
    command = serve_command(str(parent), "--port", "0")
    return subprocess.run(command, capture_output=True, text=True, timeout=START_DEADLINE_S)


@pytest.mark.parametrize("fault", BROKEN_HANDLERS)
def test_a_handler_that_does_not_load_is_named_with_its_line(tmp_path: Path, fault: str) -> None:
    handler, sentence = BROKEN_HANDLERS[fault]
    ended = serve(write_package(tmp_path, handler, helper="\n1 / 0\n"))
    assert ended.stderr.splitlines()[-1].startswith(f"modelarts-local: {sentence}")
    assert "Traceback" not in ended.stderr
    assert "listening on" not in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_handler_that_fails_on_the_warm_up_image_ends_the_service_with_its_traceback(
    tmp_path: Path,
) -> None:
    handler = (
        HEADER
        + "class Service(MXNetBaseService):\n"
        + "    def __init__(self, model_name, model_dir, manifest, gpu=None): self._signature = {}\n"
        + "    def inference(self, data): return map(str, data)[0]\n"
    )
    ended = serve(write_package(tmp_path, handler))
    assert ended.stderr.splitlines()[-1] == (
        "modelarts-local: the handler fails on the warm-up image: customize_service.py raised "
        "TypeError: 'map' object is not subscriptable"
    )
    assert ended.stderr.count("Traceback (most recent call last)") == 1
    assert (ended.returncode, ended.stdout) == (1, "")


@pytest.mark.parametrize(
    "names, sentence",
    [
        ([], "{parent} holds no model/ folder. Found: nothing. Choose the folder that holds model/."),
        (
            ["V0001"],
            "{parent} holds no model/ folder. Found: V0001. Choose the folder that holds model/.",
        ),
        (["model"], "{parent}/model: there is no network file, one ending in -symbol.json. Found: nothing."),
    ],
)
def test_a_folder_that_is_no_package_is_refused(tmp_path: Path, names: list[str], sentence: str) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    ended = serve(tmp_path)
    assert ended.stderr == f"modelarts-local: {sentence.format(parent=tmp_path)}\n"
    assert (ended.returncode, ended.stdout) == (1, "")


def test_the_model_folder_itself_is_refused_before_it_is_read(tmp_path: Path) -> None:
    ended = serve(tmp_path / "model")
    assert ended.stderr == (
        f"modelarts-local: {tmp_path}/model is the model folder itself; the platform imports the folder that "
        f"holds it. Choose {tmp_path}.\n"
    )
    assert ended.returncode == 1


def test_a_shape_with_a_space_is_a_wrong_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("input_data_name", "images")
    monkeypatch.setenv("input_data_shape", "0, 3,8,8")
    ended = serve(tmp_path)
    assert ended.stderr == (
        "modelarts-local: input_data_shape is '0, 3,8,8'; write numbers and commas without spaces, "
        "such as 0,3,224,224.\n"
    )
    assert ended.returncode == 2


def test_a_config_that_is_no_json_is_refused_as_the_import_does(tmp_path: Path) -> None:
    parent = write_package(tmp_path, HEADER)
    (parent / "model" / "config.json").write_text("{bad")
    result = serve(parent)
    assert result.returncode == 1
    assert f"{parent}/model/config.json is not valid JSON: Expecting property name" in result.stderr
    assert "Export the model again, or repair it." in result.stderr
