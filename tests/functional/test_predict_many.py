"""`predict --dir`, `--data` and their reports, against a real service."""

from __future__ import annotations

import contextlib
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from obs_layout.pack import PackSettings, pack
from tests.asking import ask
from tests.model_packages import COLOUR_ENVIRONMENT, ServerProcess, one_colour_image, write_colour_package


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    parent = write_colour_package(tmp_path_factory.mktemp("colour"))
    with contextlib.closing(ServerProcess(parent, tmp_path_factory.mktemp("server"), COLOUR_ENVIRONMENT)) as running:
        yield running.wait_until_serving()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two red pictures, one of them in the folder of blue ones, one blue one, and one that is torn."""
    for name, colour in (("red/a.jpg", "red"), ("blue/b.jpg", "blue"), ("blue/c.png", "red")):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        one_colour_image(tmp_path / "images" / name, colour)
    (tmp_path / "images" / "blue" / "torn.jpg").write_text("not an image")
    return tmp_path / "images"


def without_time(text: str) -> str:
    return text.partition(" answered in ")[0] + " answered" + text.partition("/s)")[2]


def test_a_folder_gets_a_table_and_the_accuracy(server: ServerProcess, folder: Path) -> None:
    asked = ask("--dir", folder, "--labels", "--url", server.url)
    lines = re.sub(r"0\.\d{4}  ", "0.5200  ", asked.out).splitlines()
    assert lines[:6] == [
        "file           truth  predicted_label   score  rank",
        "blue/b.jpg     blue   blue             0.5200     1",
        f"blue/c.png     blue   red              0.5200     {lines[2][-1]}",
        "blue/torn.jpg  blue   failed                -     -",
        "red/a.jpg      red    red              0.5200     1",
        "",
    ]
    assert lines[2][-1] in "2345"
    assert without_time(lines[6]) == "4 pictures: 3 answered, 1 failed"
    assert lines[7:] == [
        "  1 x 400: these 12 bytes are not an image",
        "accuracy of 3: top-1 0.6667, top-5 1.0000 (every answer names the same 5 classes)",
        "most often wrong:",
        "  blue  1 of 2  1 as red",
    ]
    assert asked.code == 1


def test_progress_goes_to_standard_error(server: ServerProcess, folder: Path) -> None:
    lines = ask("--dir", folder, "--url", server.url).err.splitlines()
    assert len(lines) == 5 and lines[3].startswith("asking 4/4 pictures  100 %  ")
    assert lines[4] == "not answered: 1 of 4 pictures"


def test_only_wrong_leaves_the_right_ones_out(server: ServerProcess, folder: Path) -> None:
    asked = ask("--dir", folder, "--labels", "--only-wrong", "--url", server.url)
    files = [line.split()[0] for line in asked.out.split("\n\n")[0].splitlines()]
    assert files == ["file", "blue/c.png", "blue/torn.jpg"]


def test_json_has_a_line_for_each_picture_and_a_summary(server: ServerProcess, folder: Path) -> None:
    *lines, last = map(json.loads, ask("--dir", folder, "--labels", "--json", "--url", server.url).out.splitlines())
    assert [Path(line["file"]).name for line in lines] == ["b.jpg", "c.png", "torn.jpg", "a.jpg"]
    assert [(line["status"], line["truth"], line["rank"]) for line in lines][2:] == [
        (400, "blue", None),
        (200, "red", 1),
    ]
    assert lines[0]["answer"]["predicted_label"] == "blue"
    summary = last["summary"]
    assert summary.pop("seconds") >= 0
    assert summary == {
        "pictures": 4,
        "answered": 3,
        "failed": 1,
        "not_sent": 0,
        "judged": 3,
        "top1_accuracy": 0.666667,
        "top5_accuracy": 1.0,
        "worst_classes": [{"truth": "blue", "pictures": 2, "wrong": 1, "taken_for": {"red": 1}}],
    }


def test_csv_and_page_are_written_whole(server: ServerProcess, folder: Path, tmp_path: Path) -> None:
    table, page = tmp_path / "table.csv", tmp_path / "page.html"
    asked = ask("--dir", folder, "--labels", "--csv", table, "--html", page, "--url", server.url)
    assert asked.err.splitlines()[-3:] == [f"wrote {table}", f"wrote {page}", "not answered: 1 of 4 pictures"]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["predicted_label"] for row in rows] == ["blue", "red", "", "red"]
    assert page.read_text(encoding="utf-8").count("<img src=") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "page.html", "table.csv"]


def test_a_list_gives_the_true_classes_of_named_pictures(server: ServerProcess, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("red/a.jpg,green\n")
    asked = ask(folder / "red" / "a.jpg", f"--labels={folder.parent / 'truth.csv'}", "--url", server.url)
    assert asked.code == 2 and "it names none of the 1 pictures. Its first path is 'red/a.jpg'" in asked.err
    asked = ask("--dir", folder, f"--labels={tmp_path / 'truth.csv'}", "--url", server.url)
    assert "accuracy of 1: top-1 0.0000, top-5 1.0000" in asked.out


def test_a_packed_data_set_is_measured_by_its_own_labels(server: ServerProcess, tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        (tmp_path / "images" / colour).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (40, 30 + number), colour).save(tmp_path / "images" / colour / f"{number}.jpg")
    pack(tmp_path / "images", tmp_path / "packed", PackSettings(resize=8, workers=1))
    for source in (["--data", tmp_path / "packed"], ["--rec", tmp_path / "packed" / "Caltech101_val.rec"]):
        asked = ask(*source, "--url", server.url)
        assert asked.code == 0, asked.err
        assert "accuracy of 4: top-1 1.0000, top-5 1.0000" in asked.out
        assert sorted(line.split()[1] for line in asked.out.splitlines()[1:5]) == ["blue", "blue", "red", "red"]


@pytest.mark.keeps("request-size", "predict")
def test_a_picture_above_the_limit_is_told_and_not_sent(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(bytes(12 * 1024 * 1024 + 1))
    before = server.log()
    asked = ask(tmp_path / "large.jpg", "--url", server.url)
    assert asked.out == (
        f"{tmp_path / 'large.jpg'}: not sent: its request would have more than the 12582912 bytes that the platform "
        "takes (12 MB); send a smaller one\n"
    )
    assert asked.code == 1
    assert "POST" not in server.log()[len(before) :]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "give IMAGE..., or one of --dir, --rec and --data"),
        (["a.jpg", "--dir", "b"], "give IMAGE..., or one of --dir, --rec and --data"),
        (["--data", "b", "--labels"], "--labels and --data: the records hold their own labels; leave --labels out"),
        (["--connections", "0", "a.jpg"], "argument --connections: '0' is not a number from 1 to 64"),
        (["--retries", "11", "a.jpg"], "argument --retries: '11' is not a number from 0 to 10"),
        (["a.jpg", "--html", "gone/page.html"], "'gone/page.html' cannot be written: its folder is not there."),
        (["--dir", "gone"], "--dir is 'gone'; there is no such folder."),
    ],
)
def test_a_wrong_command_line_ends_with_code_2(flags: list[str], said: str) -> None:
    asked = ask(*flags)
    assert (asked.code, asked.out) == (2, "")
    assert asked.err.splitlines()[-1].endswith(said)


def test_a_report_that_cannot_be_written_is_told(server: ServerProcess, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    asked = ask("--dir", folder, "--html", tmp_path / "page.html", "--url", server.url)
    assert "4 pictures: 3 answered in " in asked.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "page.html"]
    assert (asked.code, asked.err.splitlines()[-1]) == (
        2,
        f"modelarts-local: '{tmp_path}/page.html' cannot be written: Is a directory.",
    )
