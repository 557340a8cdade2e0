"""A file that a handler opens and that its package lacks is told with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelarts_local.handler_worker.hosting import missing_file


@pytest.mark.parametrize("name", ["preprocessing.json", "helpers/words.txt"])
def test_a_file_of_model_is_named_with_the_way_to_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError) as failure:
        (tmp_path / name).read_text()
    assert missing_file(failure.value, str(tmp_path)) == (
        f"model/ has no {name}, which it opens. Copy {name} there from the same training, or export the model again."
    )


def test_a_file_elsewhere_and_another_error_are_left_to_the_error_itself(tmp_path: Path) -> None:
    outside = FileNotFoundError(2, "No such file or directory", "/nowhere/synset.txt")
    assert missing_file(outside, str(tmp_path)) is None
    assert missing_file(FileNotFoundError(2, "No such file or directory", 7), str(tmp_path)) is None
    assert missing_file(FileNotFoundError("no licence"), str(tmp_path)) is None
    assert missing_file(PermissionError(13, "denied", f"{tmp_path}/synset.txt"), str(tmp_path)) is None
