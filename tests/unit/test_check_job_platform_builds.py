"""What the platform has and a machine at home may lack: MoXing, and an MXNet that opens URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_check_job_rules import found_in, read


@pytest.mark.parametrize(
    "body",
    [
        "import moxing as mox",
        "import moxing",
        "from moxing.framework import file",
        "from moxing.framework.file import file_io",
        "from moxing.framework.util import runtime",
        "import moxing.mxnet as mox",
        "from moxing.tensorflow.executor import run",
    ],
)
def test_an_import_of_moxing_is_nothing_to_be_told(body: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, body) == []


def test_where_mxnet_opens_a_url_and_where_it_does_not_is_said(tmp_path: Path) -> None:
    found_in(tmp_path, "batches = mx.io.ImageRecordIter(path_imgrec=args.data_url + '/train.rec')")
    (one,) = read(tmp_path)
    assert (one.rule, one.severity) == ("T13", "warning")
    assert one.expected == "a local path, which every build of MXNet opens"
    assert one.remedy == (
        "Copy with moxing.file between the URL and a local folder. As it is, the job works on the platform's own MXNet "
        "of 2019, built with USE_S3=1, and fails in a custom image and at home, where MXNet comes from pip."
    )


@pytest.mark.parametrize("module", ["moxing.frame", "moxing.files", "moxing.mxnets"])
def test_a_module_that_moxing_is_not_known_to_have_is_found(module: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, f"import {module}") == ["T10 1"]
