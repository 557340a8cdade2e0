"""The report of a training: its page, its numbers and its pictures."""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mxnet_support import recordio
from tests.training_history import history_of

import recipes
import report
from dataset.records import RecordFile
from report import numbers
from report.axes import charts_of, epoch_ticks, nice_ticks
from report.words import WORDS

HOSTILE = "<script>alert('x')</script>&\"\u202e\x07"
RUN_FLAGS = {
    "data_url": "s3://bucket/data",
    "train_url": "s3://bucket/out",
    "lr_step": (16, 24),
    "asks_for_gpus": True,
    "weights": "/data/somebody/weights.params",
}
PAGE_LIMIT_BYTES = 600_000  # for Caltech-101's 102 classes


class Output:
    """The local side of an output folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make_folder(self, name: str) -> str:
        (self.path / name).mkdir(parents=True, exist_ok=True)
        return str(self.path / name)


class Elements(HTMLParser):
    """What a browser would find: elements by name with their attributes, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "input", "img", "br", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def records_of(folder: Path, count: int) -> RecordFile:
    """A record file of one picture again and again: noise, of which a JPEG is largest."""
    folder.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    pixels = np.random.RandomState(0).randint(0, 255, (120, 160, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(content, "JPEG")
    record = recordio.encode_record(recordio.pack(0.0, 0, content.getvalue()))
    (folder / "val.rec").write_bytes(record * count)
    return RecordFile(str(folder / "val.rec"))


def write(folder: Path, class_names: list[str], labels: Any, probabilities: Any, num_epochs: int = 4) -> str:
    """Write a report; returns the page."""
    output = Output(folder)
    training = argparse.Namespace(history=history_of(num_epochs), best={"epoch": num_epochs, "accuracy": 0.5})
    report.write_report(output, training, labels, probabilities, class_names)
    records = records_of(folder / "data", len(labels))
    mistakes = report.surest_mistakes(labels, probabilities, records)
    records.close()
    options = argparse.Namespace(**RUN_FLAGS)
    run = report.describe_run(options, recipes.RECIPES["tutorial"], ["cpu(0)"], "1.9.1")
    report.write_page(output, training, mistakes, run)
    return (folder / "report" / report.PAGE).read_text(encoding="utf-8")


def one_hot(predicted: list[int], num_classes: int, confidence: list[float]) -> Any:
    """Probabilities of which the largest is at `predicted`."""
    probabilities = np.zeros((len(predicted), num_classes), dtype=np.float32)
    for row, (label, value) in enumerate(zip(predicted, confidence)):
        probabilities[row] = (1 - value) / (num_classes - 1)
        probabilities[row, label] = value
    return probabilities


LABELS = np.array([0, 0, 1, 1, 2, 2])
PREDICTED = one_hot([0, 1, 1, 1, 0, 0], 4, [0.9, 0.6, 0.7, 0.8, 0.99, 0.5])
NAMES = ["ant", "bee", HOSTILE, "nobody"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write(folder, NAMES, LABELS, PREDICTED)
    return folder / "report"


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def elements(page: str) -> Elements:
    return Elements(page)


def test_the_folder_holds_all_that_is_published_and_nothing_else(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(report.FILES)
    assert set(report.FILES) == {"metrics.json", "history.csv", "index.html", "curves.png", "confusion.png"}


def test_every_element_of_the_page_is_closed(elements: Elements) -> None:
    assert elements.open == []


def test_the_page_loads_nothing_from_elsewhere(page: str, elements: Elements) -> None:
    assert re.findall(r"https?:|//[a-z]|url\(|@import", page.replace("s3://bucket", "")) == []
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in elements.all("img"))
    assert elements.all("link") == []
    policy = elements.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none'")


def test_the_one_script_is_the_one_that_the_policy_allows(page: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


def test_a_class_name_is_shown_as_text_wherever_it_occurs(page: str, elements: Elements) -> None:
    assert "<script>alert" not in page
    assert "\u202e" not in page and "\x07" not in page
    assert any("<script>alert('x')</script>&\"" in text for text in elements.texts)


def test_a_long_class_name_is_cut(tmp_path: Path) -> None:
    long = write(tmp_path / "long", ["a" * 5000, "b"], np.array([0, 1]), one_hot([1, 1], 2, [0.9, 0.9]))
    short = write(tmp_path / "short", ["a" * 60, "b"], np.array([0, 1]), one_hot([1, 1], 2, [0.9, 0.9]))
    assert len(long) < len(short) + 100


def test_every_word_stands_in_both_languages(elements: Elements) -> None:
    languages = [attributes["lang"] for _, attributes in elements.elements if "lang" in attributes]
    assert languages.count("en") == languages.count("zh-CN") + 1  # and the page itself
    assert all(len(words) == 2 and all(words) for words in WORDS.values())
    fields = [[sorted(re.findall(r"{(\w+)}", text)) for text in words] for words in WORDS.values()]
    assert all(english == chinese for english, chinese in fields)


def test_the_headline_tells_accuracy_f1_best_epoch_and_time(elements: Elements) -> None:
    text = " ".join(elements.texts).replace("\u00a0", " ")
    for part in ("50.0 %", "3 of 6 right", "of 4", "8 s", "2 s an epoch"):
        assert part in text
    assert "Top-5" not in text  # of four classes five are always right
    assert "0.400" in text  # mean of 2/5, 4/5 and 0


def test_each_curve_has_axis_labels_and_its_values_to_point_at(page: str) -> None:
    for key in ("accuracy", "cross-entropy", "lr"):
        (chart,) = re.findall(rf'<svg [^>]*aria-labelledby="chart-{key}">.*?</svg>', page)
        assert f'id="chart-{key}"' in page
        assert ">epoch</text>" in chart and ">轮次</text>" in chart
        assert len(re.findall(r"<title>epoch 轮次 \d: ", chart)) == 4
    assert "<title>epoch 轮次 4: train 训练 0.4, validation 验证 0.5</title>" in page


def test_the_matrix_has_a_titled_square_for_each_pair_that_occurs(page: str) -> None:
    titles = re.findall(r'z"><title>(.*?)</title>', page)
    assert sorted(title for title in titles if "script" not in title) == [
        "ant → ant: 1/2", "ant → bee: 1/2", "bee → bee: 2/2",
    ]  # fmt: skip
    assert len(titles) == 4


def test_the_worst_class_comes_first_with_its_counts(page: str) -> None:
    bars = re.search(r'<ol class="bars">.*?</ol>', page, re.DOTALL)
    assert bars is not None
    counts = re.findall(r"<small>(\d+) / (\d+)</small>", bars.group())
    assert counts == [("0", "2"), ("1", "2"), ("2", "2")]
    assert "1 classes have no validation picture" in page


def test_the_surest_mistakes_are_shown_first_with_their_probability(page: str, elements: Elements) -> None:
    cards = re.findall(r'number">([\d.]+)\xa0%</p></li>', page)
    assert cards == ["99.0", "60.0", "50.0"]
    picture = base64.b64decode(elements.all("img")[0]["src"].partition(",")[2])
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.format, image.size) == ("JPEG", (112, 84))


def test_flags_recipe_and_versions_are_listed_and_no_path_of_a_machine(page: str, elements: Elements) -> None:
    texts = " ".join(elements.texts)
    for part in ("s3://bucket/data", "16, 24", "weights.params", "crop_area", "MXNet 1.9.1", "cpu(0)"):
        assert part in texts
    assert "somebody" not in page and "asks_for_gpus" not in page


def test_a_training_without_mistakes_says_so(tmp_path: Path) -> None:
    page = write(tmp_path, ["a", "b"], np.array([0, 1]), one_hot([0, 1], 2, [0.9, 0.9]))
    assert "every validation picture was recognised" in page
    assert "<img" not in page


def test_the_page_of_102_classes_stays_small(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    labels = np.repeat(np.arange(102), 18)
    probabilities = random.uniform(size=(len(labels), 102)).astype(np.float32)  # the most mistakes there can be
    page = write(tmp_path, [f"class_number_{number}" for number in range(102)], labels, probabilities, 30)
    assert len(page.encode()) < PAGE_LIMIT_BYTES
    assert page.count("<img") == 24
    assert "87.5\u00a0%" in page  # top-5 at the best epoch


def test_a_thousand_classes_are_cut_to_those_with_most_mistakes(tmp_path: Path) -> None:
    labels = np.arange(1000)
    predicted = [1 if label > 990 else label for label in range(1000)]
    page = write(tmp_path, [f"c{n}" for n in range(1000)], labels, one_hot(predicted, 1000, [0.9] * 1000), 1)
    assert "the 130 of 1000 classes with most mistakes" in page
    assert "<title>c999 → c1: 1/1</title>" in page
    assert len(page.encode()) < PAGE_LIMIT_BYTES


def test_a_history_of_many_epochs_keeps_the_page_small(tmp_path: Path) -> None:
    page = write(tmp_path, NAMES, LABELS, PREDICTED, 1000)
    assert 3 * 100 <= page.count('<g class="at">') <= 3 * 120
    assert "<title>epoch 轮次 1: " in page


def test_the_history_has_a_line_an_epoch_and_keeps_what_only_some_have(tmp_path: Path) -> None:
    history = [{"epoch": 0, "lr": 0.1}, {"epoch": 1, "lr": 0.1, "extra": 5}]
    numbers.write_history(history, str(tmp_path / "history.csv"))
    with open(tmp_path / "history.csv", encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {"epoch": "0", "lr": "0.1", "extra": ""},
            {"epoch": "1", "lr": "0.1", "extra": "5"},
        ]


def test_the_pictures_for_a_readme_show_the_curves_and_the_matrix(folder: Path) -> None:
    with Image.open(folder / "curves.png") as curves:
        colours = {colour for _, colour in curves.convert("RGB").getcolors(1 << 20)}
        assert curves.size == (3 * 420, 300)
    assert {(192, 122, 26), (15, 107, 102)} <= colours  # the lines of training and validation
    with Image.open(folder / "confusion.png") as matrix:
        found = {colour for _, colour in matrix.convert("RGB").getcolors(1 << 20)}
    assert {(31, 122, 70), (165, 48, 42)} <= found  # all of bee is right, all of the third class wrong


def test_a_class_that_pillows_letters_lack_has_its_number_in_the_picture(tmp_path: Path) -> None:
    write(tmp_path, ["蚂蚁", "bee"], np.array([0, 1]), one_hot([1, 1], 2, [0.9, 0.9]))
    assert (tmp_path / "report" / "confusion.png").stat().st_size > 1000


def test_the_most_frequent_confusions_come_first_and_of_equals_the_rarer_class() -> None:
    matrix = np.array([[5, 2, 0], [0, 1, 2], [3, 0, 0]])
    found = numbers.frequent_confusions(matrix, 10)
    assert [tuple(confusion) for confusion in found] == [(2, 0, 3), (1, 2, 2), (0, 1, 2)]
    assert len(numbers.frequent_confusions(matrix, 2)) == 2


@pytest.mark.parametrize(
    ("high", "ticks"),
    [(1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (4.7, [0, 1, 2, 3, 4, 5]), (0.1, [0, 0.02, 0.04, 0.06, 0.08, 0.1])],
)
def test_ticks_are_round_and_reach_the_top(high: float, ticks: list[float]) -> None:
    assert nice_ticks(high) == pytest.approx(ticks)


def test_the_first_and_the_last_epoch_stand_below_the_axis() -> None:
    assert epoch_ticks(1) == [1]
    assert epoch_ticks(3) == [1, 2, 3]
    assert epoch_ticks(30) == [1, 5, 10, 15, 20, 25, 30]


def test_a_learning_rate_that_falls_far_has_a_logarithmic_axis() -> None:
    history = [{"epoch": epoch, "lr": rate} for epoch, rate in enumerate((0.1, 0.01, 0.0001))]
    (chart,) = charts_of(history)
    assert chart.is_log
    assert chart.ticks == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert [chart.height_of(rate) for rate in (1e-4, 1e-3, 1e-1)] == pytest.approx([0, 1 / 3, 1])


def test_a_learning_rate_of_zero_is_drawn_on_a_linear_axis() -> None:
    (chart,) = charts_of([{"epoch": 0, "lr": 0.1}, {"epoch": 1, "lr": 0.0}])
    assert not chart.is_log
    assert chart.height_of(0.0) == 0
