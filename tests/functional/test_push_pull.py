"""Push and pull against a real S3 server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from obs_layout import transfer
from obs_layout.cli import main
from obs_layout.pack import PackSettings, pack
from obs_layout.transfer import look, plan_pull, plan_push, pull, push
from tests.fixtures_s3 import empty_bucket
from tests.picture_folders import write_classes

FILES = {"manifest.json": b"{}", "a.rec": b"records", "deep/b.idx": b"index", "empty": b""}


def fill(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def objects(client: Any, bucket: str, prefix: str = "data/") -> dict[str, bytes]:
    """Objects below the prefix, without the record that push keeps there."""
    listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    keys = [item["Key"] for item in listed if not item["Key"].endswith(transfer.TRANSFER_RECORD_FILE)]
    return {key[len(prefix) :]: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def push_all(folder: Path, url: str) -> list[str]:
    """Push and return the names that were copied."""
    sides = look(folder, url)
    plan = plan_push(sides)
    push(sides, plan)
    return [item.name for item in plan if item.action == "copy"]


def pull_all(url: str, folder: Path) -> list[str]:
    sides = look(folder, url)
    plan = plan_pull(sides)
    pull(sides, plan)
    return [item.name for item in plan if item.action == "copy"]


@pytest.mark.parametrize("scheme", ["s3", "obs"])
def test_what_is_pushed_arrives_and_comes_back(scheme: str, bucket: str, s3_client: Any, tmp_path: Path) -> None:
    url = f"{scheme}://{bucket}/data/"
    assert push_all(fill(tmp_path / "in"), url) == ["a.rec", "deep/b.idx", "empty", "manifest.json"]
    assert objects(s3_client, bucket) == FILES
    pull_all(url, tmp_path / "out")
    assert files_below(tmp_path / "out") == FILES


def test_a_second_push_or_pull_copies_nothing(bucket: str, tmp_path: Path) -> None:
    url = f"s3://{bucket}/data"
    folder = fill(tmp_path / "in")
    push_all(folder, url)
    assert push_all(folder, url) == []
    assert len(pull_all(url, tmp_path / "out")) == len(FILES)
    assert pull_all(url, tmp_path / "out") == []


def test_only_what_changed_is_pushed_even_when_its_size_did_not(bucket: str, s3_client: Any, tmp_path: Path) -> None:
    url = f"s3://{bucket}/data"
    folder = fill(tmp_path / "in")
    push_all(folder, url)
    fill(folder, {"a.rec": b"RECORDS", "new": b"new"})
    assert push_all(folder, url) == ["a.rec", "new"]
    assert objects(s3_client, bucket)["a.rec"] == b"RECORDS"


def test_objects_that_no_push_brought_are_always_pulled(bucket: str, s3_client: Any, tmp_path: Path) -> None:
    s3_client.put_object(Bucket=bucket, Key="data/model-0000.params", Body=b"first")
    assert pull_all(f"s3://{bucket}/data", tmp_path / "out") == ["model-0000.params"]
    s3_client.put_object(Bucket=bucket, Key="data/model-0000.params", Body=b"again")
    assert pull_all(f"s3://{bucket}/data", tmp_path / "out") == ["model-0000.params"]
    assert files_below(tmp_path / "out") == {"model-0000.params": b"again"}


def test_nothing_is_deleted_on_either_side(bucket: str, s3_client: Any, tmp_path: Path) -> None:
    s3_client.put_object(Bucket=bucket, Key="data/theirs", Body=b"theirs")
    push_all(fill(tmp_path / "in"), f"s3://{bucket}/data")
    assert objects(s3_client, bucket) == {**FILES, "theirs": b"theirs"}
    fill(tmp_path / "out", {"mine": b"mine"})
    pull_all(f"s3://{bucket}/data", tmp_path / "out")
    assert files_below(tmp_path / "out") == {**FILES, "theirs": b"theirs", "mine": b"mine"}


def test_hidden_files_and_bytecode_stay_here(bucket: str, s3_client: Any, tmp_path: Path) -> None:
    hidden = {".git/config": b"x", ".DS_Store": b"x", "deep/__pycache__/a.pyc": b"x"}
    push_all(fill(tmp_path / "in", {**FILES, **hidden}), f"s3://{bucket}/data")
    assert objects(s3_client, bucket) == FILES


def test_an_interrupted_push_copies_the_rest_only(
    bucket: str, s3_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Exception):
        pass

    def stop_after_the_first(done_bytes: int, total_bytes: int) -> None:
        if done_bytes > large:
            raise Interrupted

    large = transfer.BATCH_BYTES + 1  # a batch of its own
    folder = fill(tmp_path / "in", {"1.rec": b"", "2.rec": b"second", "3.rec": b"third"})
    with open(folder / "1.rec", "wb") as hole:
        hole.truncate(large)
    sides = look(folder, f"s3://{bucket}/data")
    with pytest.raises(Interrupted):
        push(sides, plan_push(sides), stop_after_the_first)
    assert push_all(folder, f"s3://{bucket}/data") == ["2.rec", "3.rec"]


def test_a_damaged_record_means_that_all_is_copied_again(bucket: str, s3_client: Any, tmp_path: Path) -> None:
    url = f"s3://{bucket}/data"
    push_all(fill(tmp_path / "in"), url)
    for damaged in (b"{", b"[]", b'{"files": {"a.rec": 3}}', b"\xff", b'{"files": {"a.rec": {"size": 3}}}'):
        s3_client.put_object(Bucket=bucket, Key=f"data/{transfer.TRANSFER_RECORD_FILE}", Body=damaged)
        assert len(push_all(tmp_path / "in", url)) == len(FILES)


def test_a_folder_can_stand_for_the_bucket(no_storage: None, tmp_path: Path) -> None:
    push_all(fill(tmp_path / "in"), str(tmp_path / "bucket/data"))
    assert push_all(tmp_path / "in", str(tmp_path / "bucket/data")) == []
    pull_all(str(tmp_path / "bucket/data"), tmp_path / "out")
    assert files_below(tmp_path / "out") == FILES


def test_progress_counts_the_bytes_that_are_copied(bucket: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    sides = look(fill(tmp_path / "in"), f"s3://{bucket}/data")
    push(sides, plan_push(sides), lambda done, total: seen.append((done, total)))
    total = sum(len(content) for content in FILES.values())
    assert seen == sorted(seen) and seen[-1] == (total, total)


def test_a_dry_run_prints_the_plan_and_copies_nothing(
    bucket: str, s3_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "in", {"a.rec": b"records"})
    assert main(["push", str(tmp_path / "in"), f"s3://{bucket}/data", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "copy              7  a.rec  (new)",
        "would copy 1 of 1 files, 7 bytes",
    ]
    assert objects(s3_client, bucket) == {}


def test_the_plan_can_be_read_by_programs(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    push_all(fill(tmp_path / "in", {"a.rec": b"records"}), f"s3://{bucket}/data")
    assert main(["pull", f"s3://{bucket}/data", str(tmp_path / "in"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "dry_run": False,
        "files": [{"action": "skip", "name": "a.rec", "size_bytes": 7, "why": "unchanged"}],
    }


def test_all_copies_the_unchanged_too(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    push_all(fill(tmp_path / "in", {"a.rec": b"records"}), f"s3://{bucket}/data")
    assert main(["push", str(tmp_path / "in"), f"s3://{bucket}/data", "--all"]) == 0
    assert "copy              7  a.rec  (all)" in capsys.readouterr().out


def test_a_packed_data_set_is_verified_in_the_bucket(
    bucket: str, s3_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(write_classes(tmp_path / "in", {"a": 3, "b": 3}), tmp_path / "out", PackSettings(resize=32))
    url = f"s3://{bucket}/mxnet_format"
    push_all(tmp_path / "out", url)
    assert main(["verify", url]) == 0
    assert capsys.readouterr().out == f"verified 6 images in {url}: all good\n"
    s3_client.put_object(Bucket=bucket, Key="mxnet_format/synset.txt", Body=b"a\nc\n")
    assert main(["verify", url]) == 1
    assert "synset.txt: its sha256 is not the one in the manifest" in capsys.readouterr().out


def test_a_missing_folder_is_named(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(tmp_path / "none"), f"s3://{bucket}/data"]) == 1
    assert capsys.readouterr().err == f"obs_layout: {tmp_path}/none: there is no such folder to push.\n"


def test_an_empty_folder_is_named(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(tmp_path), f"s3://{bucket}/data"]) == 1
    assert f"{tmp_path}: there is nothing to push, the folder has no files." in capsys.readouterr().err


@pytest.mark.parametrize("command", [["pull", "{url}", "{folder}"], ["verify", "{url}"]])
def test_a_place_without_objects_is_named(
    command: list[str], bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"s3://{bucket}/typo"
    assert main([part.format(url=url, folder=tmp_path / "out") for part in command]) == 1
    assert capsys.readouterr().err == (
        f"obs_layout: {url}: there is nothing to pull, no object lies below it. See `obs_layout layout`.\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_folder_inside_itself_is_refused(
    no_storage: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(fill(tmp_path / "in")), str(tmp_path / "in/bucket")]) == 1
    assert "which lies inside it" in capsys.readouterr().err


def test_a_second_push_sums_up_what_is_unchanged(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push = ["push", str(fill(tmp_path / "in")), f"s3://{bucket}/data"]
    assert main(push) == 0
    capsys.readouterr()
    fill(tmp_path / "in", {"a.rec": b"changed"})
    assert main(push) == 0
    assert capsys.readouterr().out.splitlines() == [
        "copy              7  a.rec  (changed)",
        "copied 1 of 4 files, 7 bytes; 3 files unchanged",
    ]
    for flag in ("--verbose", "--dry-run"):
        assert main([*push, flag]) == 0
        assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("skip ")]) == 4, flag


def test_a_bucket_is_created_when_that_is_wanted(
    bucket: str, s3_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = f"{bucket}-new"
    push = ["push", str(fill(tmp_path / "in")), f"s3://{new}/data", "--create-bucket"]
    assert main([*push, "--dry-run"]) == 0
    assert capsys.readouterr().err == f"would create the bucket {new}\n"
    assert new not in [found["Name"] for found in s3_client.list_buckets()["Buckets"]]
    assert main(push) == 0
    assert f"created the bucket {new}\n" in capsys.readouterr().err
    assert objects(s3_client, new) == FILES
    assert main(push) == 0
    assert "created" not in capsys.readouterr().err
    empty_bucket(s3_client, new)
    s3_client.delete_bucket(Bucket=new)


@pytest.mark.parametrize("target", ["mx", "bucket/mx"])
def test_a_push_to_a_forgotten_url_is_refused_with_the_likely_one(
    target: str,
    no_storage: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "in")
    with pytest.raises(SystemExit) as ending:
        main(["push", "in", target])
    assert ending.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"obs_layout push: error: argument URL: {target!r} is no URL and no folder that is there; write s3://{target} "
        f"for a bucket, ./{target} for a new folder"
    )
    assert not (tmp_path / target).exists()
    assert main(["push", "in", f"./{target}"]) == 0
    assert main(["push", "in", target]) == 0  # it is there now
    assert files_below(tmp_path / target).keys() >= FILES.keys()
