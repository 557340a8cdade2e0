"""Verifying a packed folder finds every way in which its files can disagree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Callable

import pytest

from mxnet_support import recordio
from obs_layout.cli import main
from obs_layout.errors import DataError
from obs_layout.pack import PackSettings, pack
from obs_layout.verify import verify_folder
from tests.picture_folders import write_classes

REC, IDX, LST = (f"Caltech101_train.{suffix}" for suffix in ("rec", "idx", "lst"))
CHANGED = "its sha256 is not the one in the manifest; the content changed after packing."


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed data set of 8 training and 2 validation images in two classes."""
    folder = tmp_path_factory.mktemp("packed")
    pack(write_classes(folder / "in", {"a": 5, "b": 5}), folder / "out", PackSettings(resize=32))
    return folder / "out"


@pytest.fixture
def packed(good: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(good, tmp_path / "packed"))


def findings(folder: Path, **options: int) -> list[tuple[str, str]]:
    return [tuple(finding) for finding in verify_folder(folder, **options).findings]


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def test_a_packed_folder_has_no_findings(packed: Path) -> None:
    assert verify_folder(packed) == (10, [], 32)


def test_a_crop_larger_than_the_images_is_found_for_each(packed: Path) -> None:
    found = findings(packed, image_size=33)
    assert len(found) == 10
    assert found[0] == (
        REC,
        "record 0 at byte 0: its image has 43x32 pixels, the shorter edge must be at least 33.",
    )


def test_a_missing_file_is_found(packed: Path) -> None:
    (packed / REC).unlink()
    assert findings(packed) == [(REC, "the manifest lists it, but it is not there.")]


def test_a_changed_byte_is_found_by_digest_and_by_decoding(packed: Path) -> None:
    content = bytearray((packed / REC).read_bytes())
    content[32:36] = b"\0\0\0\0"
    (packed / REC).write_bytes(content)
    assert findings(packed) == [
        (REC, CHANGED),
        (REC, "record 0 at byte 0: its image is damaged or no JPEG, PNG, BMP; it starts with 00000000."),
    ]


def test_a_file_that_is_cut_off_is_found(packed: Path) -> None:
    content = (packed / REC).read_bytes()
    (packed / REC).write_bytes(content[:-4])
    found = findings(packed)
    assert found[0] == (REC, f"it has {len(content) - 4} bytes, the manifest says {len(content)}.")
    assert found[1][1].startswith("record 7 at byte ") and "it is cut off." in found[1][1]
    assert found[2] == (REC, "it holds 7 records, the manifest says 8.")


def test_everything_that_is_wrong_with_a_file_is_found_at_once(packed: Path) -> None:
    starts = [offset for _, offset in recordio.read_index(packed / IDX)]
    content = bytearray((packed / REC).read_bytes())
    content[starts[2]] ^= 1
    content[starts[5] + 32 : starts[5] + 36] = b"\0\0\0\0"
    (packed / REC).write_bytes(content)
    records = [sentence.split(":")[0] for name, sentence in findings(packed) if sentence.startswith("record ")]
    assert records == [f"record 2 at byte {starts[2]}", f"record 5 at byte {starts[5]}"]


def test_a_label_outside_the_synset_is_found(packed: Path) -> None:
    edit(packed / "synset.txt", lambda text: "a\n")
    sentences = [sentence for name, sentence in findings(packed) if name == REC]
    assert any(s.endswith("its label is 1.0, expected a whole number from 0 to 0.") for s in sentences)


def test_class_counts_that_differ_from_the_manifest_are_found(packed: Path) -> None:
    def swap(text: str) -> str:
        manifest = json.loads(text)
        manifest["splits"]["train"]["per_class"] = {"a": 3, "b": 5}
        return json.dumps(manifest)

    edit(packed / "manifest.json", swap)
    assert findings(packed) == [
        (REC, "it holds 4 images of 'a', the manifest says 3."),
        (REC, "it holds 4 images of 'b', the manifest says 5."),
    ]


def test_an_index_that_points_elsewhere_is_found(packed: Path) -> None:
    key, offset = recordio.read_index(packed / IDX)[1]
    edit(packed / IDX, lambda text: text.replace(f"{key}\t{offset}\n", f"{key}\t{offset + 4}\n"))
    (finding,) = [sentence for name, sentence in findings(packed) if name == IDX and sentence != CHANGED]
    assert finding == f"line 2 says (key, byte offset) {(key, offset + 4)}, the record says {(key, offset)}."


def test_a_list_with_another_label_is_found(packed: Path) -> None:
    def relabel(text: str) -> str:
        first, rest = text.split("\n", 1)
        key, label, path = first.split("\t")
        return f"{key}\t{1 - float(label):f}\t{path}\n{rest}"

    edit(packed / LST, relabel)
    (finding,) = [sentence for name, sentence in findings(packed) if name == LST and sentence != CHANGED]
    assert finding.startswith("line 1 says (key, label, class) (")


def test_a_list_that_is_too_short_is_found(packed: Path) -> None:
    edit(packed / LST, lambda text: text[: text.rindex("\n", 0, -1) + 1])
    assert (LST, "it has 7 lines for 8 records.") in findings(packed)


@pytest.mark.parametrize("line", ["x\t0\ta/1", "1 0 a/1", "1\tinf\ta/1"])
def test_a_list_line_of_another_form_is_found(packed: Path, line: str) -> None:
    edit(packed / LST, lambda text: f"{line}\n{text}")
    assert (LST, f"line 1: expected 'key TAB label TAB path', found {line + chr(10)!r}.") in findings(packed)


def test_an_index_line_of_another_form_is_found(packed: Path) -> None:
    edit(packed / IDX, lambda text: "x" + text)
    assert any(
        "line 1: expected 'key TAB byte offset'" in sentence for name, sentence in findings(packed) if name == IDX
    )


@pytest.mark.parametrize(("text", "sentence"), [
    ("a\n\nb\n", "line 2 is empty, expected a class name."),
    ("a\na\n", "the class 'a' stands in it more than once."),
])  # fmt: skip
def test_a_damaged_synset_is_found(packed: Path, text: str, sentence: str) -> None:
    edit(packed / "synset.txt", lambda _: text)
    assert ("synset.txt", sentence) in findings(packed)


def test_a_synset_of_another_encoding_is_found(packed: Path) -> None:
    (packed / "synset.txt").write_bytes(b"caf\xe9\n")
    assert ("synset.txt", "it is not UTF-8 text (invalid continuation byte at byte 3).") in findings(packed)


def test_a_name_in_the_manifest_that_leads_out_of_the_folder_is_not_followed(packed: Path) -> None:
    def lead_out(text: str) -> str:
        manifest = json.loads(text)
        manifest["files"]["../../etc/passwd"] = {"bytes": 1, "sha256": ""}
        return json.dumps(manifest)

    edit(packed / "manifest.json", lead_out)
    assert (
        "manifest.json",
        "its entry for '../../etc/passwd' is not a file with bytes and sha256.",
    ) in findings(packed)


@pytest.mark.parametrize(("text", "message"), [
    (None, "there is no manifest.json, so nothing tells what should be here. Pack again."),
    ("{", "manifest.json: it is not JSON (Expecting property name enclosed in double quotes: line 1"),
    ("[]", "manifest.json: format_version is 'list', expected 1. Pack again with this version."),
    ('{"format_version": 2}', "format_version is 2, expected 1. Pack again with this version."),
    ('{"format_version": 1, "name": 3}', "'name' is missing or of the wrong type. Pack again."),
    ('{"format_version": 1, "name": "../x", "splits": {}, "files": {}, "settings": {}}',
     "manifest.json: the name is '../x', expected letters, digits, '-' and '_'. Pack again."),
])  # fmt: skip
def test_without_a_usable_manifest_nothing_is_verified(packed: Path, text: str | None, message: str) -> None:
    (packed / "manifest.json").unlink()
    if text is not None:
        (packed / "manifest.json").write_text(text)
    with pytest.raises(DataError) as caught:
        verify_folder(packed)
    assert message in str(caught.value)


def test_the_command_prints_one_finding_a_line_and_exits_1(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packed / IDX).unlink()
    assert main(["verify", str(packed)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{IDX}: the manifest lists it, but it is not there.",
        f"verified 10 images in {packed}: 1 findings",
    ]


def test_the_command_exits_0_without_findings(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(packed), "--image-size=32"]) == 0
    assert capsys.readouterr().out == f"verified 10 images in {packed}: all good\n"


def test_the_findings_can_be_read_by_programs(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packed / IDX).unlink()
    assert main(["verify", str(packed), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "images": 10,
        "findings": [{"file": IDX, "sentence": "the manifest lists it, but it is not there."}],
    }


def test_many_findings_of_a_kind_are_counted_unless_all_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(write_classes(tmp_path / "in", {"a": 15, "b": 15}), tmp_path / "out", PackSettings(resize=32))
    command = ["verify", str(tmp_path / "out"), "--image-size=33"]
    assert main(command) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[5] == f"{REC}: 19 more like the one above; --all prints them"
    assert lines[-2] == (
        "the smallest image has 32 pixels: pack again with --resize=33 or more, or train with --image_size=32 or less"
    )
    assert lines[-1] == f"verified 30 images in {tmp_path / 'out'}: 30 findings"
    assert len(lines) == 2 * (5 + 1) + 2
    for flag, count in (("--all", 30), ("--json", 30)):
        assert main([*command, flag]) == 1
        shown = capsys.readouterr().out
        found = json.loads(shown)["findings"] if flag == "--json" else shown.splitlines()[:-2]
        assert len(found) == count
