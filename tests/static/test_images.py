"""What a builder is told by the images' Dockerfiles: little more than to run the scripts that the tests run, too."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from modelarts_local.platform_rules import SERVICE_PORT
from tests.image_roots import PACKAGES, Instruction, instructions
from tests.static.sources import ROOT
from tools.dependency_page import LOCAL, pinned

IMAGES = ("training", "inference")
SCRIPTS = ("make-context", "setup/install.sh", "training/train-caltech", "inference/serve-caltech")
KNOWN = ("FROM", "ARG", "COPY", "RUN", "ENV", "USER", "WORKDIR", "EXPOSE", "CMD")
# a day's build of Debian 12, which is not built again
BASE = re.compile(r"debian:bookworm-\d{8}-slim")
CALL = re.compile(r"sh (/[\w./-]+\.sh)")
each_image = pytest.mark.parametrize("image", IMAGES)
each_script = pytest.mark.parametrize("script", SCRIPTS)


def dockerfile(image: str) -> str:
    return (ROOT / "images" / image / "Dockerfile").read_text(encoding="utf-8")


def only(lines: list[Instruction], name: str) -> str:
    """The text of the one instruction of a name."""
    (text,) = [line.text for line in lines if line.name == name]
    return text


def flaws(text: str) -> Iterator[str]:
    """What a Dockerfile should not say."""
    lines = instructions(text)
    for line in lines:
        if line.name not in KNOWN:
            yield f"{line.name} is not tried by the tests"
        if line.name == "RUN" and not CALL.fullmatch(line.text):
            yield f"RUN {line.text} is more than the call of a script"
        if line.name == "FROM" and not BASE.fullmatch(line.text):
            yield f"FROM {line.text} is not pinned to a day"
        if line.name == "ENV" and re.search(r"pip|proxy|key|token|passw", line.text, re.IGNORECASE):
            yield f"ENV {line.text} stays in the image"
        if line.name == "ARG" and "=" in line.text:
            yield f"ARG {line.text} has a value of one network"
    users = [line.text for line in lines if line.name == "USER"]
    if users != ["1000:100"]:
        yield f"USER is {users}, and not once 1000:100"
    names = [line.name for line in lines]
    if "USER" in names and {"RUN", "COPY"} & set(names[names.index("USER") :]):
        yield "files are written after USER, so that they belong to the user"


@each_image
def test_a_dockerfile_calls_scripts_on_a_pinned_base_and_leaves_root(image: str) -> None:
    assert list(flaws(dockerfile(image))) == []


GOOD = "FROM debian:bookworm-20260824-slim\nRUN sh /opt/a.sh\nUSER 1000:100\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bookworm-20260824-slim", "bookworm-slim"),
        ("debian:bookworm-20260824-slim", "python"),
        ("RUN sh /opt/a.sh", "RUN apt-get update && sh /opt/a.sh"),
        ("RUN sh /opt/a.sh", "ADD https://a.example/b /b"),
        ("RUN sh /opt/a.sh", "ENV PIP_EXTRA=x"),
        ("RUN sh /opt/a.sh", "ARG PIP_INDEX_URL=x"),
        ("USER 1000:100\n", ""),
        ("USER 1000:100", "USER root"),
        ("USER 1000:100\n", "USER 1000:100\nCOPY a /a\n"),
    ],
)
def test_a_flaw_of_a_dockerfile_is_found(before: str, after: str) -> None:
    assert list(flaws(GOOD)) == []
    assert list(flaws(GOOD.replace(before, after))) != []


def test_both_images_have_the_same_first_layers() -> None:
    # which a registry then keeps once, and a machine fetches once
    def up_to_run(image: str) -> list[Instruction]:
        lines = instructions(dockerfile(image))
        return lines[: [line.name for line in lines].index("RUN") + 1]

    assert up_to_run("training") == up_to_run("inference")


def test_the_service_is_on_the_port_of_the_platform() -> None:
    assert only(instructions(dockerfile("inference")), "EXPOSE") == str(SERVICE_PORT)
    assert f"--host 0.0.0.0 --port {SERVICE_PORT} " in (ROOT / "images/inference/serve-caltech").read_text()


@each_image
def test_an_image_starts_the_program_that_it_brings(image: str) -> None:
    (program,) = json.loads(only(instructions(dockerfile(image)), "CMD"))
    assert (ROOT / "images" / image / program).stat().st_mode & 0o111


@each_script
def test_a_script_is_one_for_a_posix_shell(script: str) -> None:
    path = ROOT / "images" / script
    assert path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True).stderr == ""


@each_script
def test_shellcheck_finds_nothing_in_a_script(script: str) -> None:
    if shutil.which("shellcheck") is None and os.environ.get("CI") == "true":
        pytest.fail("shellcheck is not installed")
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", str(ROOT / "images" / script)], capture_output=True, text=True)
    assert done.stdout == ""


def test_every_script_of_the_images_is_looked_at() -> None:
    found = {path.relative_to(ROOT / "images").as_posix() for path in (ROOT / "images").rglob("*") if path.is_file()}
    assert found - {f"{image}/Dockerfile" for image in IMAGES} == set(SCRIPTS)


def test_the_packages_of_the_images_have_the_versions_that_all_tests_run_with() -> None:
    packages = pinned(PACKAGES)
    assert len(packages) > 20
    assert set(packages) - set(pinned(LOCAL)) == set()


def make_context(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "images" / "make-context"), *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("image", IMAGES)
def test_a_context_holds_all_that_its_dockerfile_copies_and_no_more(image: str, tmp_path: Path) -> None:
    package = tmp_path / "V0001"
    (package / "model").mkdir(parents=True)
    (package / "checkpoints").mkdir()
    done = make_context(image, str(tmp_path / "context"), *[str(package)] * (image == "inference"))
    assert done.returncode == 0, done.stderr
    copied = {line.text.split()[0] for line in instructions(dockerfile(image)) if line.name == "COPY"}
    assert {path.name for path in (tmp_path / "context").iterdir()} == {"Dockerfile", *copied}
    assert not list((tmp_path / "context").rglob("__pycache__"))
    assert not list((tmp_path / "context").rglob("checkpoints"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "'' is no image; there are training and inference."),
        (("serving", "x"), "'serving' is no image"),
        (("training",), "training takes one folder"),
        (("inference", "x"), "inference takes a folder and a model package"),
        (("inference", "x", "s3://b/out"), "s3://b/out is a URL; fetch the package first: obs-layout pull"),
        (("inference", "x", "{tmp}"), "{tmp} holds no model/"),
        (("training", "{tmp}"), "{tmp} is there already"),
        (("training", "--force"), "unknown option --force"),
    ],
)
def test_a_context_that_cannot_be_made_is_refused_in_a_sentence(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = make_context(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert said.format(tmp=tmp_path) in done.stderr
    assert not Path("x").exists()
