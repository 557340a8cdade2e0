"""The public functions have the names, parameters and defaults that moxing.file documents."""

from __future__ import annotations

import inspect

import pytest

from moxing_shim import file as mox_file

# moxing's own parameters; where its documentation prints no default, what public programs rely on
DOCUMENTED = {
    "read": "(url, client_id=None, binary=False)",
    "write": "(url, data, binary=False)",
    "append": "(url, data, binary=False)",
    "append_remote": "(src_url, dst_url)",
    "copy": "(src_url, dst_url, client_id=None)",
    "copy_parallel": "(src_url, dst_url, file_list=None, threads=16, is_processing=True, use_queue=True)",
    "exists": "(url)",
    "is_directory": "(url)",
    "list_directory": "(url, recursive=False, remove_sep=True, skip_file=False, skip_dir=False)",
    "make_dirs": "(url)",
    "mk_dir": "(url)",
    "remove": "(url, recursive=False)",
    "rename": "(src_url, dst_url)",
    "stat": "(url=None, src_url=None)",
    "get_size": "(url, recursive=False)",
    "glob": "(url)",
    "walk": "(url, topdown=True, onerror=None, followlinks=False)",
    "scan_dir": "(url)",
    "shift": "(origin, replacement)",
    "background_sync_copy": "(local_dir, obs_dir, seconds=120)",
}
# what this package adds, always behind the documented parameters
OURS = {"copy_parallel": ["progress", "skip_unchanged"]}
EXCEPTIONS = [
    "MoxFileNameDuplicateException",
    "MoxFileNotExistsException",
    "MoxFileReadException",
    "MoxFileRespException",
    "MoxTimeoutError",
]


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_function_has_the_documented_parameters(name: str) -> None:
    signature = inspect.signature(getattr(mox_file, name))
    ours = OURS.get(name, [])
    assert [*signature.parameters][len(signature.parameters) - len(ours) :] == ours
    theirs = [parameter for parameter in signature.parameters.values() if parameter.name not in ours]
    assert str(signature.replace(parameters=theirs)) == DOCUMENTED[name]
    assert name in mox_file.__all__


def test_file_takes_what_open_takes_but_calls_its_file_a_name() -> None:
    theirs = list(inspect.signature(open).parameters.values())
    ours = list(inspect.signature(mox_file.File).parameters.values())
    assert [ours[0].name, *(parameter.name for parameter in ours[1:])] == [
        "name",
        *(parameter.name for parameter in theirs[1:]),
    ]
    assert [parameter.default for parameter in ours] == [parameter.default for parameter in theirs]


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_has_the_documented_name(name: str) -> None:
    assert issubclass(getattr(mox_file, name), OSError) and name in mox_file.__all__


def test_nothing_else_is_public_by_accident() -> None:
    known = {*DOCUMENTED, *EXCEPTIONS, "File", "MoxCopyException", "MoxFileException", "set_auth", "unshift"}
    assert known == set(mox_file.__all__)
