"""docs/faq.md: each message is what the command above it says of the broken job or package that the page names."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Iterator, NamedTuple

import pytest
from PIL import Image

from modelarts_local.check.rules import RULES
from modelarts_local.cli import main
from modelarts_local.platform_rules import MIB
from tests.broken_cases import BROKEN, Case
from tests.documented_commands import run_program
from tests.faultless_package import write_faultless_package
from tests.fixtures_engines import ROOT
from tests.model_packages import ServerProcess, one_colour_image

DOCUMENT = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
FAULTLESS = "tests/faultless_package.py"
PARENT = "V0001"
SERVICE = "http://127.0.0.1:8080"
# Of the log on standard error, which is not what a command has to say at its end
LOG_LINE = re.compile(r"^(\d{4}-|\[\d\d:).*\n", re.MULTILINE)
REQUEST_ID = re.compile(r'(?<="request_id":")\w+')


class Question(NamedTuple):
    """One block of the page. source: what is broken; command: how it is asked; answer: what is said, wrapped."""

    source: str
    command: str
    answer: str

    @property
    def asks_a_service(self) -> bool:
        """Whether a service has to run for it."""
        return self.command.startswith(("curl ", "modelarts-local predict "))


QUESTIONS = [
    Question(source, command, answer)
    for source, command, answer in re.findall(
        r"^<!-- (tests/\S+) -->\n\n    (.+)\n\n((?:    .*\n|\n(?=    ))+)", DOCUMENT, re.MULTILINE
    )
]
each_question = pytest.mark.parametrize(
    "question",
    [question for question in QUESTIONS if not question.asks_a_service],
    ids=lambda question: f"{Path(question.source).stem}, {question.command.split(' ', 1)[1]}",
)
each_question_to_a_service = pytest.mark.parametrize(
    "question", [question for question in QUESTIONS if question.asks_a_service], ids=lambda question: question.command
)


def lay_out(source: str, faultless: Path, folder: Path) -> Path:
    """Put what the page names into `folder`: a job as it is, beside a folder for its data; a package as V0001."""
    (folder / "data").mkdir()
    if source.startswith("tests/broken/jobs/"):
        return Case("jobs", Path(source).name).lay_over(folder)
    shutil.copytree(faultless, folder / PARENT)
    if source != FAULTLESS:
        Case("packages", Path(source).name).lay_over(folder / PARENT)
    return folder


def without_spaces(text: str) -> str:
    """The text however it is wrapped."""
    return "".join(text.split())


@pytest.fixture(scope="module")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faultless_package(tmp_path_factory.mktemp("faultless"))


@pytest.fixture(scope="module")
def service(faultless: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The package that all questions to a service are about, served beside the pictures that they name."""
    (source,) = {question.source for question in QUESTIONS if question.asks_a_service}
    folder = lay_out(source, faultless, tmp_path_factory.mktemp("served"))
    one_colour_image(folder / "cat.jpg", "red")
    Image.new("L", (40, 30), 99).save(folder / "grey.png")
    with open(folder / "large.jpg", "wb") as stream:
        stream.truncate(13 * MIB)
    server = ServerProcess(folder / PARENT, folder).wait_until_serving()
    yield server
    server.close()


def test_the_page_has_the_ten_failures_and_a_message_for_each() -> None:
    sections = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:]
    assert [section.partition(".")[0] for section in sections[:10]] == [str(number) for number in range(1, 11)]
    assert all("<!-- tests/" in section for section in sections[:10])
    assert len(QUESTIONS) == DOCUMENT.count("<!-- tests/")


@each_question
def test_a_command_says_what_the_page_says(
    question: Question,
    faultless: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(lay_out(question.source, faultless, tmp_path))
    monkeypatch.setenv("MODELARTS_LOCAL_HOME", str(tmp_path / "home"))
    words = shlex.split(question.command)
    program = words.index("modelarts-local")
    for assignment in words[:program]:
        monkeypatch.setenv(*assignment.split("=", 1))
    exit_code = main(words[program + 1 :])
    said = capsys.readouterr()
    # a link on the way to the temporary folder is followed where a folder is named in full
    told = (said.out or LOG_LINE.sub("", said.err)).replace(str(tmp_path.resolve()), "...")
    assert without_spaces(told) == without_spaces(question.answer)
    assert exit_code == (0 if "warning" in question.answer.split("\n")[0] else 1)


@each_question_to_a_service
def test_a_service_answers_what_the_page_says(question: Question, service: ServerProcess) -> None:
    is_curl = question.command.startswith("curl ")
    command = question.command.replace(SERVICE, service.url) if is_curl else f"{question.command} --url={service.url}"
    done = run_program(command, Path(service.parent).parent, expected_code=0 if is_curl else 1)
    told = REQUEST_ID.sub("...", done.stdout).replace(service.url, SERVICE)
    assert without_spaces(told) == without_spaces(question.answer), done.stderr


def test_the_other_rules_that_the_page_names_are_there_and_proven() -> None:
    named = re.findall(r"\| ([TMSN]\d+)\b", DOCUMENT)
    assert named and set(named) <= set(RULES)
    assert all((ROOT / question.source).exists() for question in QUESTIONS)
    assert BROKEN == ROOT / "tests" / "broken"
