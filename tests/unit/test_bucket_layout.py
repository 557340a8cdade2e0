"""The names in the bucket have one source."""

from __future__ import annotations

from pathlib import Path

from obs_layout.layout import bucket_tree, packed_files

README = Path(__file__).resolve().parents[2] / "obs_layout" / "README.md"


def test_the_readme_draws_the_bucket_as_the_program_does() -> None:
    drawing = "\n".join(f"    {line}" for line in bucket_tree("BUCKET").splitlines())
    assert drawing in README.read_text(encoding="utf-8")


def test_pack_writes_the_names_that_the_training_job_looks_for() -> None:
    assert packed_files("Caltech101") == (
        "Caltech101_train.rec",
        "Caltech101_train.idx",
        "Caltech101_train.lst",
        "Caltech101_val.rec",
        "Caltech101_val.idx",
        "Caltech101_val.lst",
        "synset.txt",
        "manifest.json",
    )
