"""Reading MXNet's .params files without MXNet, damaged ones included."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from mxnet_support import engine

from network.params_file import ParamsFormatError, read_params

FILE = struct.pack("<QQ", 0x112, 0)
ONE, NAME = struct.pack("<Q", 1), struct.pack("<QQ", 1, 5) + b"arg:w"
VALUES = np.arange(6, dtype="<f4")
# device 1, number 0, type 0 is float32 on a CPU
DEVICE_AND_TYPE = struct.pack("<iii", 1, 0, 0)


def an_array(head: bytes, shape: bytes = struct.pack("<iqq", 2, 2, 3), type_flag: int = 0) -> bytes:
    return FILE + ONE + head + shape + struct.pack("<iii", 1, 0, type_flag) + VALUES.tobytes() + NAME


V2 = struct.pack("<Ii", 0xF993FAC9, 0)


def read(content: bytes, folder: Path) -> dict[str, np.ndarray]:
    (folder / "some-0000.params").write_bytes(content)
    return dict(read_params(str(folder / "some-0000.params")))


def test_what_mxnet_writes_is_read_as_float32_whatever_its_type(tmp_path: Path) -> None:
    mx = engine.import_mxnet()
    arrays = {
        "arg:a": mx.nd.array(np.arange(24).reshape(2, 3, 4)),
        "aux:b": mx.nd.array([0.5, 2], dtype="float16"),
        "plain": mx.nd.array([2**20, -1], dtype="int64"),
        "arg:c": mx.nd.array([7, 8], dtype="uint8"),
    }
    path = str(tmp_path / "x.params")
    mx.nd.save(path, arrays)
    found = read_params(path)
    assert list(found) == ["a", "b", "plain", "c"]
    for array, expected in zip(found.values(), arrays.values()):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected.asnumpy())


@pytest.mark.parametrize(
    "content",
    [
        an_array(V2),
        an_array(struct.pack("<Ii", 0xF993FACA, 0)),
        an_array(struct.pack("<I", 0xF993FAC8)),
        an_array(b"", struct.pack("<III", 2, 2, 3)),
    ],
    ids=["MXNet 1", "NumPy's shapes", "MXNet 0.11", "before"],
)
def test_the_layouts_of_all_versions_are_read(content: bytes, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(content, tmp_path)["w"], VALUES.reshape(2, 3))


def test_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = an_array(V2)
    for length in range(len(content)):
        with pytest.raises(ParamsFormatError):
            read(content[:length], tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04" + bytes(40), "it starts with 0x4034b50 and not with 0x112"),
        (an_array(V2) + b"x", "1 bytes follow its end"),
        (FILE + struct.pack("<Q", 2**63) + bytes(8), "9223372036854775808 things should follow in 8 bytes"),
        (an_array(V2, struct.pack("<iqq", 2, 2**40, 2**40)), "4835703278458516698824704 bytes should follow, 45 do"),
        (an_array(V2, struct.pack("<iqq", 2, -2, -3)), r"an array has the shape \(-2, -3\)"),
        (an_array(V2, struct.pack("<i", 2**31 - 1)), "an array has 2147483647 dimensions"),
        (an_array(V2, struct.pack("<i", 0)), "an array has 0 dimensions"),
        (an_array(V2, type_flag=77), "an array has the unknown type 77"),
        (an_array(struct.pack("<Ii", 0xF993FAC9, 1)), "an array is sparse"),
        (FILE + bytes(8) + NAME, "it holds 0 arrays and 1 names"),
        (an_array(V2)[:-5] + b"\xff\xff\xff\xff\xff", "a name is empty or no text"),
    ],
)
def test_a_hostile_file_is_refused_with_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ParamsFormatError, match=sentence):
        read(content, tmp_path)


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    array = V2 + struct.pack("<iq", 1, 6) + DEVICE_AND_TYPE + VALUES.tobytes()
    names = struct.pack("<QQ", 2, 5) + b"arg:w" + struct.pack("<Q", 5) + b"aux:w"
    with pytest.raises(ParamsFormatError, match="a name comes twice"):
        read(FILE + struct.pack("<Q", 2) + array + array + names, tmp_path)
