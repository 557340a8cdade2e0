"""Files of strangers: whatever a package holds, check ends with findings and never with a traceback."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.checking import PackageSettings, check_package
from modelarts_local.check.package.deployment import Deployment
from modelarts_local.check.package.files import MAX_ENTRIES, PackageFiles
from modelarts_local.check.package.trial import Limits, try_package
from modelarts_local.errors import CommandLineError
from modelarts_local.package.model_package import ModelPackage
from modelarts_local.platform_rules import GIB
from tests.faultless_package import CONFIG, HANDLER, write_faultless_package

STATIC = PackageSettings(run=False)


@pytest.fixture(scope="module")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faultless_package(tmp_path_factory.mktemp("faultless"))


@pytest.fixture
def model(faultless: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(faultless, tmp_path / "V0001")) / "model"


def check(model: Path, settings: PackageSettings = STATIC) -> list[Finding]:
    findings = check_package(str(model.parent), "V0001", settings)
    assert all(text.isprintable() for each in findings for text in (each.path, each.found, each.expected, each.remedy))
    return findings


def rules(findings: list[Finding]) -> list[str]:
    return [each.rule for each in findings]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "not JSON: Expecting value at column 1"),
        (b"\x00\xff\x89PNG", "it is not UTF-8 text: byte 1 is 0xff"),
        (b"\x00" * 100, "not JSON: Expecting value at column 1"),
        (b"[" * 1_000_000, "not JSON: it is nested deeper than 64 levels"),
        (b" " * (4 * 1024 * 1024 + 1), "it has more than 4194304 bytes"),
        (b"[]", "a list of 0"),
        (b'"\\u001b[31m"', "'\\x1b[31m'"),
        (b"1" * 100_000, "not JSON: a number of 100000 digits"),
    ],
)
def test_a_config_that_is_no_object_is_one_finding(model: Path, content: bytes, found: str) -> None:
    (model / "config.json").write_bytes(content)
    findings = check(model)
    assert (rules(findings), findings[0].found, findings[0].platform_code) == (["M3"], found, "ModelArts.3015")


@pytest.mark.parametrize(
    "value", ["null", "1", "1e400", "true", '""', "[]", "[[]]", "{}", '[{"a": [1, {}]}]', '"\\ud800\\u001b"']
)
@pytest.mark.parametrize("member", ["model_type", "model_algorithm", "runtime", "metrics", "apis", "dependencies"])
def test_a_member_of_any_kind_is_judged(model: Path, member: str, value: str) -> None:
    lines = [line for line in CONFIG.splitlines() if not line.strip().startswith(f'"{member}"')]
    if member == "apis":
        lines = ["{", '"model_algorithm": "a", "model_type": "MXNet", "runtime": "python3.6", "dependencies": []', "}"]
    text = "\n".join(lines).rstrip("}\n ").rstrip(",")
    (model / "config.json").write_text(f'{text}, "{member}": {value}}}')
    assert set(rules(check(model))) <= {"M3", "M4", "M6", "M7", "M9", "M11"}


@pytest.mark.parametrize("value", ["null", "1", "[]", '{"data": 3}', '{"data": {"properties": [1]}}', '"multipart"'])
@pytest.mark.parametrize("member", ["request", "response"])
def test_a_request_or_response_of_any_kind_is_judged(model: Path, member: str, value: str) -> None:
    api = f'"url": "/", "method": "post", "request": {{}}, "response": {{}}, "{member}": {value}'
    (model / "config.json").write_text(f'{{"model_type": "MXNet", "apis": [{{{api}}}]}}')
    assert set(rules(check(model))) <= {"M3", "M4", "M5", "M7", "M9", "S9"}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xff\xfe", "it is not UTF-8 text: byte 0 is 0xff"),
        (b"x = 1\x00", "null bytes"),
        (b"(" * 100_000, ""),
        (b"x = " + b"-" * 100_000 + b"1", ""),
        (b"#" * (512 * 1024 + 1), "it has 524289 characters, and is not looked at"),
    ],
)
def test_a_handler_that_is_no_python_is_one_finding(model: Path, content: bytes, found: str) -> None:
    (model / "customize_service.py").write_bytes(content)
    findings = check(model)
    assert rules(findings) == ["S9"]
    assert found in findings[0].found


def test_a_folder_that_may_not_be_read_is_one_finding(model: Path) -> None:
    model.parent.chmod(0)
    try:
        os.listdir(model.parent)
    except PermissionError:
        assert rules(check(model)) == ["M1"]
    finally:
        model.parent.chmod(0o755)


def test_a_model_folder_that_lies_elsewhere_is_read(model: Path, tmp_path: Path) -> None:
    model.rename(tmp_path / "elsewhere")
    model.symlink_to(tmp_path / "elsewhere")
    assert check(model) == []


def test_more_files_than_are_looked_at_are_told(model: Path) -> None:
    (model / "data").mkdir()
    for index in range(MAX_ENTRIES):
        os.link(model / "synset.txt", model / "data" / str(index))
    assert [(each.rule, each.found) for each in check(model)] == [("M12", "20000 files and folders, or more")]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(model: Path) -> None:
    (model / "config.json").unlink()
    os.mkfifo(model / "config.json")
    findings = check(model)
    assert [(each.rule, each.found) for each in findings] == [("M12", "a special file")]


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "../../outside.json", "gone.json", "config.json"])
def test_a_link_that_leads_out_or_nowhere_is_not_followed(model: Path, target: str) -> None:
    (model.parent.parent / "outside.json").write_text("secret")
    (model / "config.json").unlink()
    (model / "config.json").symlink_to(target)
    findings = check(model)
    assert rules(findings) == ["M12"]
    assert "secret" not in str(findings)


def test_a_link_within_the_package_is_a_file(model: Path) -> None:
    (model / "config.json").rename(model / "settings.json")
    (model / "config.json").symlink_to("settings.json")
    assert check(model) == []


def test_a_folder_that_leads_to_itself_is_walked_once(model: Path) -> None:
    (model / "again").symlink_to(".")
    assert check(model) == []


def test_names_that_a_terminal_would_obey_are_escaped(model: Path) -> None:
    (model / "\x1b[31mred.txt").write_text("")
    (model.joinpath(os.fsdecode(b"\xff.bin"))).write_text("")
    findings = check(model)
    assert sorted(each.path for each in findings) == ["V0001/model/\\udcff.bin", "V0001/model/\\x1b[31mred.txt"]
    assert rules(findings) == ["M12", "M12"]


def test_a_folder_of_very_many_files_is_read_up_to_a_bound(model: Path) -> None:
    for index in range(300):
        (model / f"part_{index:04d}.py").write_text("x = y\n" if index == 299 else "x = 1\n")
    assert [(each.rule, each.path) for each in check(model)] == [("S11", "V0001/model/part_0299.py")]


@pytest.mark.parametrize(
    "weights",
    [
        b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x94\x85\x94R\x94.",
        b"\x12\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f",
    ],
    ids=["pickle", "a count without end"],
)
def test_weights_that_are_none_are_one_finding(model: Path, weights: bytes) -> None:
    (model / "pred_model-0000.params").write_bytes(weights)
    findings = check(model, PackageSettings())
    assert [(each.rule, each.path) for each in findings] == [("M2", "V0001/model/pred_model-0000.params")]


def test_a_handler_that_writes_on_the_socket_of_its_host_is_one_finding(model: Path) -> None:
    disturb = (
        "        for channel in range(3, 64):\n            try:\n                os.write(channel, b'\\0\\0\\0\\2{}')\n"
    )
    disturb += "            except OSError:\n                pass\n"
    text = HANDLER.replace("        probabilities =", f"{disturb}        probabilities =")
    (model / "customize_service.py").write_text(text)
    findings = check(model, PackageSettings())
    assert (rules(findings), findings[0].platform_code) == (["S4"], "MR.0105")


def test_a_handler_that_speaks_for_its_host_is_one_finding(model: Path) -> None:
    frame = 'b\'{"event": "loaded", "inputs": [3], "engine": {}, "bodies": []}\''
    speak = f"import os, struct\nframe = {frame}\n"
    speak += (
        "for channel in range(3, 64):\n    try:\n        os.write(channel, struct.pack('>I', len(frame)) + frame)\n"
    )
    speak += "    except OSError:\n        pass\n"
    (model / "customize_service.py").write_text(speak + HANDLER)
    (found,) = check(model, PackageSettings())
    assert (found.rule, found.found) == ("S2", "it disturbs its host (ValueError)")


def test_what_a_program_says_is_one_line_that_is_cut_and_has_the_users_names(model: Path) -> None:
    files = PackageFiles(str(model.parent), "s3://bucket/V0001")
    said = f"OSError: {model}/labels.txt\nis \x1b[31m not there."
    assert files.told(said) == "OSError: s3://bucket/V0001/model/labels.txt is \\x1b[31m not there"
    assert len(files.told("no " * 100_000)) < 500


def test_a_python_without_mxnet_tries_nothing_and_says_so(model: Path, tmp_path: Path) -> None:
    python = tmp_path / "python-without-packages"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    limits = Limits(str(python), load_limit_s=60, answer_limit_s=40, memory_limit_bytes=8 * GIB)
    package = ModelPackage(str(model), "pred_model")
    (found,) = try_package(package, PackageFiles(str(model.parent), "V0001"), None, Deployment({}, [], []), limits)
    assert (found.rule, found.remedy) == ("S8", "Install MXNet, or check without the trial.")
    assert found.found.startswith("no engine: ")


def test_a_package_for_python_2_is_not_tried_and_it_is_said(model: Path) -> None:
    (model / "config.json").write_text(CONFIG.replace("python3.6", "python2.7"))
    (found,) = check(model, PackageSettings())
    assert (found.rule, found.found) == ("S8", "runtime python2.7, and no engine of ours is Python 2")


def test_an_engine_that_is_not_there_is_a_wrong_command_line(model: Path) -> None:
    with pytest.raises(CommandLineError, match="--engine=no-such-python: there is no such program"):
        check(model, PackageSettings(engine_name="no-such-python"))


def test_a_handler_that_takes_too_long_to_load_is_one_finding(model: Path) -> None:
    (model / "customize_service.py").write_text("import threading\nthreading.Event().wait()\n" + HANDLER)
    (found,) = check(model, PackageSettings(load_limit_s=15))
    assert (found.rule, found.place) == ("S2", "V0001/model/customize_service.py:2")
    assert found.found.endswith("did not load within 15 s; its process was ended at customize_service.py:2")
    assert found.remedy == "Look at what it waits for there; the service would not start."


def test_nothing_of_a_trial_is_left_behind(model: Path, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    child = f"import subprocess\nopen({str(told)!r}, 'a').write('%d\\n' % subprocess.Popen(['sleep', '600']).pid)\n"
    (model / "customize_service.py").write_text(HANDLER.replace("SIDE = 8\n", f"SIDE = 8\n{child}"))
    assert check(model, PackageSettings()) == []
    children = [int(line) for line in told.read_text().split()]
    assert len(children) == 2
    assert [pid for pid in children if is_running(pid)] == []
    assert not (model / "__pycache__").exists()


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie that waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
