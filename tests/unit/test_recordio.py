"""The record format: what is written, what is read back, and what is said about damaged bytes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxnet_support import recordio

MAGIC = struct.pack("<I", 0xCED7230A)
# Payloads in which the magic word is as likely as anything else, aligned or not.
PAYLOADS = st.lists(st.sampled_from([MAGIC, b"abcd", b"x", b"yz", MAGIC[:3]]), max_size=12).map(b"".join)


def head(place: int, size: int) -> bytes:
    return MAGIC + struct.pack("<I", place << 29 | size)


def write(path: Path, payloads: list[bytes]) -> list[int]:
    with open(path, "wb") as rec, io.StringIO() as idx:
        writer = recordio.IndexedRecordWriter(rec, idx)
        return [writer.write(key, payload) for key, payload in enumerate(payloads)]


def read(path: Path) -> list[recordio.Record]:
    with recordio.RecordReader(path) as reader:
        return list(reader)


def error_in(path: Path, content: bytes) -> recordio.RecordFormatError:
    path.write_bytes(content)
    with pytest.raises(recordio.RecordFormatError) as caught:
        read(path)
    return caught.value


def test_a_record_is_padded_with_zero_bytes_to_a_multiple_of_four() -> None:
    assert recordio.encode_record(b"abcde") == head(0, 5) + b"abcde\0\0\0"


def test_an_empty_record_is_only_its_head() -> None:
    assert recordio.encode_record(b"") == head(0, 0)


def test_a_payload_is_cut_where_it_holds_the_magic_word_at_a_multiple_of_four() -> None:
    payload = b"abcd" + MAGIC + b"efgh" + MAGIC + b"i"
    expected = head(1, 4) + b"abcd" + head(2, 4) + b"efgh" + head(3, 1) + b"i\0\0\0"
    assert recordio.encode_record(payload) == expected


def test_a_magic_word_elsewhere_does_not_cut_the_payload() -> None:
    assert recordio.encode_record(b"x" + MAGIC) == head(0, 5) + b"x" + MAGIC + b"\0\0\0"


@given(payload=PAYLOADS)
def test_the_magic_word_stands_at_multiples_of_four_only_where_a_part_starts(payload: bytes) -> None:
    encoded = recordio.encode_record(payload)
    aligned = [at for at in range(0, len(encoded), 4) if encoded[at : at + 4] == MAGIC]
    starts, at = [], 0
    while at < len(encoded):
        starts.append(at)
        at += 8 + -(-(struct.unpack_from("<I", encoded, at + 4)[0] & 0x1FFFFFFF) // 4) * 4
    assert aligned == starts


@given(payloads=st.lists(PAYLOADS, max_size=6))
def test_what_was_written_is_read_back_from_the_offsets_that_were_returned(
    payloads: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    offsets = write(path, payloads)
    assert read(path) == [recordio.Record(*pair) for pair in zip(offsets, payloads)]
    with recordio.RecordReader(path) as reader:
        assert [reader.read_at(offset) for offset in offsets] == payloads


@given(content=st.lists(st.one_of(st.just(MAGIC), st.binary(max_size=9)), max_size=8).map(b"".join))
def test_any_bytes_are_either_records_or_an_error_that_says_where(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    path.write_bytes(content)
    try:
        records = read(path)
    except recordio.RecordFormatError as error:
        assert error.byte_offset is not None and 0 <= error.byte_offset <= len(content)
        assert f"at byte {error.byte_offset}: " in str(error)
    else:
        assert sum(len(recordio.encode_record(record.payload)) for record in records) <= len(content)


def test_a_wrong_magic_word_is_reported_with_what_was_found(tmp_path: Path) -> None:
    content = recordio.encode_record(b"abcd") + b"\1\2\3\4\0\0\0\0"
    error = error_in(tmp_path / "a.rec", content)
    assert str(error) == (
        f"{tmp_path}/a.rec: at byte 12: expected the magic word 0xced7230a of a record, found 0x04030201."
    )


def test_a_length_beyond_the_end_is_reported_and_not_allocated(tmp_path: Path) -> None:
    error = error_in(tmp_path / "a.rec", head(0, recordio.MAX_RECORD_BYTES) + b"abcd")
    assert str(error).endswith(
        "at byte 0: the record announces 536870912 bytes, the file has only 4 more; it is cut off."
    )


def test_padding_that_is_missing_counts_as_cut_off(tmp_path: Path) -> None:
    error = error_in(tmp_path / "a.rec", recordio.encode_record(b"abcde")[:-1])
    assert "announces 8 bytes, the file has only 7 more" in str(error)


def test_bytes_left_over_at_the_end_are_reported(tmp_path: Path) -> None:
    error = error_in(tmp_path / "a.rec", recordio.encode_record(b"abcd") + MAGIC)
    assert str(error).endswith("at byte 12: 4 bytes are left, a record starts with 8; the file is cut off.")


@pytest.mark.parametrize(("place", "name"), [(2, "a middle part"), (3, "a last part"), (7, "a part of unknown kind 7")])
def test_a_record_that_starts_in_its_middle_is_reported(tmp_path: Path, place: int, name: str) -> None:
    assert f"at byte 0: a record starts with {name}." in str(error_in(tmp_path / "a.rec", head(place, 0)))


def test_a_record_that_never_ends_is_reported(tmp_path: Path) -> None:
    error = error_in(tmp_path / "a.rec", head(1, 0) + head(2, 0))
    assert str(error).endswith("at byte 16: the file ends inside a record that starts at byte 0.")


def test_a_record_inside_another_is_reported(tmp_path: Path) -> None:
    error = error_in(tmp_path / "a.rec", head(1, 0) + head(0, 0))
    assert str(error).endswith("at byte 8: inside the record that starts at byte 0 stands a whole record.")


def test_an_offset_outside_the_file_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [b"abcd"])
    with recordio.RecordReader(tmp_path / "a.rec") as reader:
        with pytest.raises(recordio.RecordFormatError, match="no record can start here, the file has 12 bytes"):
            reader.read_at(12)


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"")
    assert read(tmp_path / "a.rec") == []


def salvage(path: Path, content: bytes) -> list[recordio.Record | recordio.Gap]:
    path.write_bytes(content)
    with recordio.RecordReader(path) as reader:
        return list(reader.salvage())


@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=5), draw=st.data())
def test_salvaging_loses_only_the_record_that_was_damaged(
    payloads: list[bytes], draw: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    offsets = [*write(path, payloads), path.stat().st_size]
    hit = draw.draw(st.integers(0, len(payloads) - 1))
    content = bytearray(path.read_bytes())
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(offsets[hit], offsets[hit + 1] - 1))
        content[at] = draw.draw(st.integers(0, 255))
    sound = [recordio.Record(*pair) for pair in zip(offsets, payloads)]
    del sound[hit]
    found = salvage(path, bytes(content))
    assert [item for item in found if item in sound] == sound
    assert sum(isinstance(item, recordio.Gap) for item in found) <= len(content) // 4


@given(content=st.lists(st.one_of(st.just(MAGIC), st.binary(max_size=9)), max_size=8).map(b"".join))
def test_salvaging_accounts_for_every_byte_of_any_file(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    end = 0
    for item in salvage(tmp_path_factory.mktemp("rec") / "a.rec", content):
        assert item.byte_offset == end
        end += item.num_bytes if isinstance(item, recordio.Gap) else len(recordio.encode_record(item.payload))
    assert end == len(content)


def test_a_damaged_length_that_ends_in_the_next_records_magic_loses_one_record(tmp_path: Path) -> None:
    content = bytearray(recordio.encode_record(b"abcd") + recordio.encode_record(b"") + recordio.encode_record(b""))
    content[16] = 1  # the length of the second: its one byte and three of padding are the magic of the third
    kinds = [type(item) for item in salvage(tmp_path / "a.rec", bytes(content))]
    assert kinds == [recordio.Record, recordio.Gap, recordio.Record]


def test_a_sound_file_is_salvaged_as_it_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [b"abcd", b"x" + MAGIC, b"abcd" + MAGIC + b"i", b""])
    content = (tmp_path / "a.rec").read_bytes()
    assert salvage(tmp_path / "a.rec", content) == read(tmp_path / "a.rec")


def test_the_next_record_is_found_behind_a_long_gap(tmp_path: Path) -> None:
    good = recordio.encode_record(b"abcd")
    for gap_bytes in (4, (1 << 20) - 4, 1 << 20, (1 << 20) + 4, 3 << 20):
        gap, record = salvage(tmp_path / "a.rec", bytes(gap_bytes) + good)
        assert isinstance(gap, recordio.Gap) and gap[:2] == (0, gap_bytes)
        assert record == recordio.Record(gap_bytes, b"abcd")


def test_a_length_that_swallows_whole_records_is_told_from_a_long_record(tmp_path: Path) -> None:
    good = recordio.encode_record(b"abcd")
    gap, *records = salvage(tmp_path / "a.rec", head(0, 16) + good[8:] + good + good)
    assert isinstance(gap, recordio.Gap) and gap.num_bytes == len(good)
    assert str(gap.error).endswith("at byte 0: the record announces so many bytes that others start inside it.")
    assert records == [recordio.Record(12, b"abcd"), recordio.Record(24, b"abcd")]


def test_an_image_record_carries_label_and_number() -> None:
    header, image = recordio.unpack(recordio.pack(7, 9144, b"jpeg"))
    assert (header, image) == (recordio.Header(0, 7.0, 9144, 0), b"jpeg")


def test_several_labels_lie_behind_the_header() -> None:
    payload = struct.pack("<IfQQ", 2, 0, 5, 0) + struct.pack("<2f", 1, 2.5) + b"jpeg"
    assert recordio.unpack(payload) == (recordio.Header(2, (1.0, 2.5), 5, 0), b"jpeg")


def test_a_payload_shorter_than_its_header_is_reported() -> None:
    with pytest.raises(recordio.RecordFormatError, match="holds 3 bytes, fewer than the 24 of an image header"):
        recordio.unpack(b"abc")


def test_labels_that_are_announced_but_missing_are_reported() -> None:
    with pytest.raises(recordio.RecordFormatError, match="announces 4294967295 labels, but the record holds only 24"):
        recordio.unpack(struct.pack("<IfQQ", 0xFFFFFFFF, 0, 0, 0))


def test_an_index_lists_key_and_offset(tmp_path: Path) -> None:
    (tmp_path / "a.idx").write_bytes(b"3\t0\n1\t40\r\n")
    assert recordio.read_index(tmp_path / "a.idx") == [(3, 0), (1, 40)]


@pytest.mark.parametrize("line", [b"3\n", b"3 40\n", b"x\t1\n", b"1\t-1\n", b"1\t2\t3\n", b"\xff\t1\n"])
def test_an_index_line_of_another_form_is_reported(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "a.idx").write_bytes(b"1\t0\n" + line)
    with pytest.raises(recordio.RecordFormatError) as caught:
        recordio.read_index(tmp_path / "a.idx")
    assert f"line 2: expected 'key TAB byte offset', found {line!r}." in str(caught.value)
