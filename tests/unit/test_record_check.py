"""Checking a .rec file finds what would make MXNet end the process, and never fails itself."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mxnet_support import record_check, recordio
from tests.picture_folders import draw, encode, jpeg

GOOD = jpeg(40, 30)


def write(path: Path, payloads: list[bytes]) -> str:
    with open(path, "wb") as rec, io.StringIO() as idx:
        writer = recordio.IndexedRecordWriter(rec, idx)
        for key, payload in enumerate(payloads):
            writer.write(key, payload)
    return str(path)


def sentences(check: record_check.RecordCheck) -> list[str]:
    return [finding.sentence for finding in check.findings]


def test_a_good_file_has_counts_and_no_findings(tmp_path: Path) -> None:
    images = [jpeg(40, 30), jpeg(25, 60), encode(draw(50, 50), "PNG")]
    path = write(tmp_path / "a.rec", [recordio.pack(label, 0, image) for label, image in zip((1, 0, 1), images)])
    check = record_check.check_records(path, num_classes=2, smallest_edge=25)
    assert (check.count, check.class_counts, check.smallest_edge, check.findings) == (3, {0: 1, 1: 2}, 25, [])
    with recordio.RecordReader(path) as reader:
        assert check.good_offsets == [record.byte_offset for record in reader]


@pytest.mark.parametrize("decode", [True, False])
def test_an_image_smaller_than_the_crop_is_found(tmp_path: Path, decode: bool) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, GOOD), recordio.pack(0, 1, jpeg(224, 20))])
    check = record_check.check_records(path, smallest_edge=30, decode=decode)
    offset = len(recordio.encode_record(recordio.pack(0, 0, GOOD)))
    sentence = "its image has 224x20 pixels, the shorter edge must be at least 30."
    assert check.findings == [record_check.Finding(1, offset, sentence)]
    assert str(check.findings[0]) == f"record 1 at byte {offset}: {sentence}"
    assert check.smallest_edge == 20


def test_a_truncated_image_is_found_only_by_decoding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, GOOD[:-40])])
    assert record_check.check_records(path, decode=False).findings == []
    (sentence,) = sentences(record_check.check_records(path))
    assert sentence.startswith("its image does not decode: image file is truncated")


@pytest.mark.parametrize(("image", "start"), [(b"", "nothing"), (b"hello world", "68656c6c")])
def test_bytes_that_are_no_image_are_found(tmp_path: Path, image: bytes, start: str) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, image)])
    assert sentences(record_check.check_records(path)) == [
        f"its image is damaged or no JPEG, PNG, BMP; it starts with {start}."
    ]


def test_a_picture_of_more_pixels_than_are_safe_is_not_decoded(tmp_path: Path) -> None:
    bomb = bytearray(encode(Image.new("L", (1, 1)), "BMP"))
    struct.pack_into("<ii", bomb, 18, 30000, 5000)
    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, bytes(bomb))])
    (sentence,) = sentences(record_check.check_records(path))
    assert "150000000 pixels" in sentence or "30000x5000 pixels" in sentence


@pytest.mark.parametrize("label", [2, -1, 0.5, float("nan"), float("inf")])
def test_a_label_that_is_no_class_is_found(tmp_path: Path, label: float) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(label, 0, GOOD)])
    check = record_check.check_records(path, num_classes=2)
    assert sentences(check) == [f"its label is {float(label)!r}, expected a whole number from 0 to 1."]
    assert check.class_counts == {}


def test_any_whole_label_is_taken_when_the_number_of_classes_is_unknown(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(1000, 0, GOOD)])
    assert record_check.check_records(path).class_counts == {1000: 1}


def test_a_record_of_several_labels_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [struct.pack("<IfQQ2f", 2, 0, 0, 0, 1, 2) + GOOD])
    assert sentences(record_check.check_records(path)) == ["it has 2 labels, expected one."]


def test_a_record_without_header_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [b"abc"])
    assert sentences(record_check.check_records(path)) == [
        "the record holds 3 bytes, fewer than the 24 of an image header."
    ]


def test_a_place_that_is_no_record_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    good = recordio.encode_record(recordio.pack(0, 0, GOOD))
    path.write_bytes(good + good[:20])
    check = record_check.check_records(str(path))
    assert (check.count, check.class_counts) == (1, {0: 1})
    (finding,) = check.findings
    assert (finding.record_number, finding.byte_offset) == (1, len(good))
    assert "it is cut off." in finding.sentence


def test_checking_goes_on_behind_a_place_that_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    good = recordio.encode_record(recordio.pack(0, 0, GOOD))
    bad = recordio.encode_record(recordio.pack(0, 0, b"bad"))
    path.write_bytes(good + b"oops" + good[4:] + bad + good)
    check = record_check.check_records(str(path))
    assert (check.count, check.good_offsets) == (3, [0, 2 * len(good) + len(bad)])
    assert [(gap.byte_offset, gap.num_bytes) for gap in check.gaps] == [(len(good), len(good))]
    assert [finding.record_number for finding in check.findings] == [1, 2]


def test_what_the_training_does_with_a_picture_is_tried_too(tmp_path: Path) -> None:
    def refuse(image: Image.Image) -> None:
        raise ValueError(f"no {image.mode} here")

    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, GOOD)])
    assert sentences(record_check.check_records(path, convert=refuse)) == ["its image does not decode: no RGB here."]


def test_a_file_without_records_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"")
    assert sentences(record_check.check_records(str(tmp_path / "a.rec"))) == ["the file holds no records."]


def test_a_file_of_nothing_but_bad_records_does_not_fill_the_memory_with_findings(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [b""] * (record_check.MAX_FINDINGS + 500))
    check = record_check.check_records(path)
    assert (check.count, len(check.findings)) == (record_check.MAX_FINDINGS + 500, record_check.MAX_FINDINGS)
    assert check.findings[-1].record_number == check.count - 1
    assert check.findings[-1].sentence == "there are more findings, only 1000 are listed."


def test_findings_come_in_the_order_of_the_file_whatever_the_number_of_workers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, GOOD if n % 3 else b"bad") for n in range(50)])
    checks = [record_check.check_records(path, workers=workers) for workers in (1, 5)]
    assert checks[0] == checks[1]
    assert [finding.record_number for finding in checks[0].findings] == list(range(0, 50, 3))


def test_progress_is_reported_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [recordio.pack(0, 0, GOOD)] * 3)
    seen: list[tuple[int, int]] = []
    record_check.check_records(path, on_progress=lambda done, total: seen.append((done, total)))
    total = Path(path).stat().st_size
    assert seen == [(0, total), (total // 3, total), (2 * total // 3, total)]


def test_a_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        record_check.check_records(str(tmp_path / "none.rec"))


@st.composite
def damaged_files(draw_value: st.DrawFn) -> bytes:
    """A good file with some bytes replaced, and perhaps cut off."""
    content = bytearray(recordio.encode_record(recordio.pack(1, 0, GOOD)) * 2)
    for _ in range(draw_value(st.integers(1, 8))):
        content[draw_value(st.integers(0, len(content) - 1))] = draw_value(st.integers(0, 255))
    return bytes(content[: draw_value(st.integers(0, len(content)))])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=damaged_files())
def test_whatever_is_damaged_checking_ends_with_findings_and_no_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    path.write_bytes(content)
    check = record_check.check_records(str(path), num_classes=2, smallest_edge=30)
    assert 0 <= check.count <= 1 + len(content) // 8
    assert sum(check.class_counts.values()) <= check.count
    assert len(check.good_offsets) <= check.count
