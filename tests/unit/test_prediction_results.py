"""What predict counts and how it lays it out."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from modelarts_local.client.html_page import MAX_CARDS, results_page
from modelarts_local.client.pictures import Picture
from modelarts_local.client.prediction import Prediction
from modelarts_local.client.report import csv_text, results_table, summary_lines
from modelarts_local.client.results import Result, summarise
from modelarts_local.client.table import Column, shorten, table_lines, width_of
from tests.picture_folders import jpeg


def result(truth: str | None, *labels: str, name: str = "cat/a.jpg", content: bytes = b"") -> Result:
    """One picture for which the service gave `labels`, the best first with 0.5, 0.25 and so on."""
    scores = [[label, 0.5 ** (place + 1)] for place, label in enumerate(labels)]
    answer: Any = {"predicted_label": labels[0], "scores": scores}
    return Result(Picture(name, lambda: content, truth), Prediction(name, 200, answer))


def failed(truth: str | None, status: int | None, message: str, code: str = "") -> Result:
    answer = {"error_code": code, "error_msg": message} if code else {"error_msg": message}
    return Result(Picture("torn.jpg", bytes, truth), Prediction("torn.jpg", status, answer))


@pytest.mark.parametrize(
    ("truth", "rank", "is_right"),
    [("cat", 1, True), ("dog", 2, False), ("owl", None, False), (None, None, False)],
)
def test_the_rank_is_the_place_of_the_truth_among_the_scores(truth: str, rank: int | None, is_right: bool) -> None:
    shown = result(truth, "cat", "dog", "cow")
    assert (shown.rank, shown.is_right) == (rank, is_right)


def test_scores_that_come_unsorted_are_ranked_by_score() -> None:
    answer = {"predicted_label": "dog", "scores": [["cat", 0.1], ["dog", 0.7], ["cow", 0.2]]}
    shown = Result(Picture("a.jpg", bytes, "cow"), Prediction("a.jpg", 200, answer))
    assert shown.rank == 2


def test_accents_kept_apart_in_a_folder_name_are_the_same_class() -> None:
    assert result("cafe\u0301", "caf\u00e9").is_right
    assert result("cafe\u0301", "dog", "caf\u00e9").rank == 2


def test_accuracy_is_of_pictures_with_an_answer_and_a_known_class() -> None:
    results = [
        result("cat", "cat", "dog"),
        result("cat", "dog", "cat"),
        result("cat", "dog", "cow"),
        result("dog", "dog"),
        result(None, "cat"),
        failed("cat", 400, "not an image"),
    ]
    summary = summarise(results, 8, 2.0)
    assert summary[:7] == (8, 5, 1, 2, 4, 0.5, 0.75)
    assert summary.worst_classes == [("cat", 3, 2, [("dog", 2)])]


def test_a_truth_in_the_sixth_place_does_not_count_as_top_5() -> None:
    assert summarise([result("g", "a", "b", "c", "d", "e", "g")], 1, 1.0).top5_accuracy == 0.0


def test_without_known_classes_there_is_no_accuracy() -> None:
    summary = summarise([result(None, "cat")], 1, 1.0)
    assert (summary.judged, summary.top1_accuracy, summary.top5_accuracy) == (0, None, None)
    assert summary.as_json()["top1_accuracy"] is None


def test_a_top_5_of_five_classes_or_fewer_is_said_to_be_that() -> None:
    results = [result("cat", "dog", "cat"), result("dog", "dog", "cat")]
    assert summary_lines(summarise(results, 2, 1.0), results)[1] == (
        "accuracy of 2: top-1 0.5000, top-5 1.0000 (every answer names the same 2 classes)"
    )
    results.append(result("dog", *"abcde"))
    assert summary_lines(summarise(results, 3, 1.0), results)[1] == "accuracy of 3: top-1 0.3333, top-5 0.6667"


def test_the_summary_tells_counts_reasons_accuracy_and_confusions() -> None:
    results = [result("cat", "dog"), result("cat", "dog"), result("cat", "owl"), result("cat", "cat")]
    results += [result("dog", "cat"), failed("cat", 504, "the handler was slow", "ModelArts.4503")]
    assert summary_lines(summarise(results, 7, 2.0), results) == [
        "7 pictures: 5 answered in 2.0 s (2.5/s), 1 failed, 1 not sent",
        "  1 x 504: the handler was slow. The service is not there or answered too late: look into the service's log "
        "and at its load.",
        "accuracy of 5: top-1 0.2000, top-5 0.2000",
        "most often wrong:",
        "  cat  3 of 4  2 as dog, 1 as owl",
        "  dog  1 of 1  1 as cat",
    ]


def test_classes_that_the_service_does_not_know_are_told() -> None:
    results = [result("豹子", "leopard", "cat"), result("猫", "cat", "leopard")]
    assert summary_lines(summarise(results, 2, 1.0), results)[2] == (
        "no answer names a true class, of which '猫' is one: the service's classes are such as 'cat'; name the folders "
        "or the list's labels as they are"
    )


def test_the_table_has_a_line_for_each_picture_in_columns() -> None:
    results = [
        result("cat", "dog", "cat", name="in/cat/a.jpg"),
        result("cat", "cat", name="in/cat/b.jpg"),
        result("owl", "cat", name="in/owl/c.jpg"),
        failed("owl", 400, "not an image"),
        Result(Picture("in/d.jpg", bytes, "owl"), Prediction("in/d.jpg", 200, {"boxes": []})),
    ]
    assert results_table(results, "in/") == [
        "file       truth  predicted_label   score  rank",
        "cat/a.jpg  cat    dog              0.5000     2",
        "cat/b.jpg  cat    cat              0.5000     1",
        "owl/c.jpg  owl    cat              0.5000     -",
        "torn.jpg   owl    failed                -     -",
        "d.jpg      owl    other answer          -     -",
    ]


def test_without_known_classes_the_table_has_no_columns_for_them() -> None:
    assert results_table([result(None, "cat")]) == [
        "file       predicted_label   score",
        "cat/a.jpg  cat              0.5000",
    ]


def test_a_chinese_character_takes_two_places() -> None:
    lines = table_lines((Column("a", 10), Column("b", 5)), [["豹子", "1"], ["cat", "2"]])
    assert lines == ["a     b", "豹子  1", "cat   2"]
    assert [width_of(line) for line in lines] == [7, 7, 7]


@pytest.mark.parametrize(
    ("text", "keeps_end", "cut"),
    [
        ("abcdefg", False, "abcdefg"),
        ("abcdefgh", False, "abcdef…"),
        ("abcdefgh", True, "…cdefgh"),
        ("豹豹豹豹", False, "豹豹豹…"),
        ("a豹豹豹豹", True, "…豹豹豹"),
        ("ab豹豹豹", False, "ab豹豹…"),
        ("abc豹豹豹", False, "abc豹…"),
    ],
)
def test_a_long_text_is_cut_to_its_column(text: str, keeps_end: bool, cut: str) -> None:
    assert shorten(text, Column("", 7, keeps_end)) == cut


def test_escape_sequences_reach_neither_table_nor_summary_nor_page() -> None:
    results = [result("\x1b[2Jcat", "\x1b[2Jdog", name="\x1b]0;x\x07.jpg"), failed("cat", 400, "\x1b[2J")]
    summary = summarise(results, 2, 1.0)
    shown = "\n".join([*results_table(results), *summary_lines(summary, results), results_page(results, summary, "x")])
    assert "\x1b" not in shown and "\x07" not in shown


def test_csv_has_every_column_and_leaves_what_is_unknown_empty() -> None:
    results = [result("cat", "dog", "cat"), result(None, "-"), failed(None, None, "cannot be read: Is a directory")]
    rows = list(csv.reader(io.StringIO(csv_text(results))))
    assert rows == [
        ["file", "status", "truth", "predicted_label", "score", "rank", "reason"],
        ["cat/a.jpg", "200", "cat", "dog", "0.5000", "2", ""],
        ["cat/a.jpg", "200", "", "-", "0.5000", "", ""],
        ["torn.jpg", "", "", "", "", "", "cannot be read: Is a directory"],
    ]


def test_the_page_shows_the_wrong_ones_with_truth_scores_and_picture() -> None:
    results = [result("cat", "cat"), result("cat", "dog", "cat", name="x/b.jpg", content=jpeg(40, 30))]
    page = results_page(results, summarise(results, 2, 1.0), "http://here/")
    assert page.count("<figure>") == 1
    assert 'x/b.jpg</p><p>is <span class="true">cat</span></p><p>taken for <span class="wrong">dog</span></p>' in page
    assert '<li style="--share:25.0%"><span class="true">cat</span><span>0.250</span></li>' in page
    assert '<img src="data:image/jpeg;base64,' in page
    assert "1 wrong, the surest first" in page and "Predictions of http://here/" in page


def test_without_known_classes_the_page_shows_all() -> None:
    results = [result(None, "cat", content=jpeg(40, 30)), result(None, "dog", content=b"torn")]
    page = results_page(results, summarise(results, 2, 1.0), "x")
    assert page.count("<figure>") == 2 and "2 predictions" in page
    assert page.count("<img") == 1 and page.count("no preview") == 1


def test_the_page_shows_the_surest_of_many_and_says_how_many_there_are() -> None:
    results = [result("cat", "dog") for _ in range(MAX_CARDS + 1)]
    page = results_page(results, summarise(results, len(results), 1.0), "x")
    assert page.count("<figure>") == MAX_CARDS and f"{MAX_CARDS} of {MAX_CARDS + 1} wrong" in page


def test_markup_in_names_and_labels_is_text_on_the_page() -> None:
    evil = "<script>alert(1)</script>\"'"
    results = [result(f"{evil}x", evil, "a&b", name=evil)]
    page = results_page(results, summarise(results, 1, 1.0), evil)
    assert "<script" not in page and "a&amp;b" in page
    assert "default-src 'none'" in page
