"""What importing moxing_shim does, which moxing is used, and that the parts fit.

Kept to Python 3.6: it runs on the parity engine too.
"""

import inspect
import os
import pickle
import subprocess
import sys

import pytest

from moxing_shim import errors, local_store

PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(local_store.__file__)))


def run_python(program, *folders):
    """Run a program in a fresh Python that finds moxing_shim and `folders`; returns (exit status, output)."""
    path = os.pathsep.join([str(folder) for folder in folders] + [PACKAGE_FOLDER])
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        env=dict(os.environ, PYTHONPATH=path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    output = child.communicate()[0]
    return child.returncode, output


def test_importing_and_local_calls_need_no_boto3(tmp_path):
    (tmp_path / "boto3.py").write_text('raise ImportError("blocked", name="boto3")')
    program = f"""
import logging, os, sys
before = dict(os.environ), list(logging.getLogger().handlers), logging.getLogger().level
from moxing_shim import file
assert before == (dict(os.environ), logging.getLogger().handlers, logging.getLogger().level)
os.chdir({str(tmp_path)!r})
file.make_dirs('a/b')
file.write('a/b/c', 'text')
file.copy_parallel('a', 'd', threads=2)
assert file.read('d/b/c') == 'text'
assert 'botocore' not in sys.modules
try:
    file.exists('s3://bucket/key')
except ImportError as error:
    print(error)
"""
    wanted = "boto3" if sys.version_info >= (3, 7) else '"boto3==1.23.10"'
    assert run_python(program, tmp_path) == (
        0,
        f"s3://bucket/key needs boto3, which is not installed: pip install {wanted}\n",
    )


LOAD = 'import moxing_shim; mox = moxing_shim.load(); print(mox.__name__, hasattr(mox.file, "copy_parallel"))'


def test_load_returns_this_package_when_there_is_no_moxing():
    assert run_python(LOAD) == (0, "moxing_shim True\n")


def test_load_returns_the_real_moxing_where_it_is_installed(tmp_path):
    (tmp_path / "moxing").mkdir()
    (tmp_path / "moxing" / "__init__.py").write_text("from moxing import file")
    (tmp_path / "moxing" / "file.py").write_text("def copy_parallel(src_url, dst_url): pass")
    assert run_python(LOAD, tmp_path) == (0, "moxing True\n")


def test_load_names_the_unrelated_moxing_of_pypi_and_leaves_it_aside(tmp_path):
    (tmp_path / "moxing").mkdir()
    (tmp_path / "moxing" / "__init__.py").write_text('__version__ = "0.1.39"')
    place = tmp_path / "moxing" / "__init__.py"
    assert run_python(LOAD, tmp_path) == (
        0,
        (
            f"the package moxing at {place} has no file.copy_parallel: it is not Huawei's MoXing but, most "
            "likely, the unrelated llama.cpp wrapper of that name on PyPI (licence GPL-3.0). moxing_shim takes "
            "its place; remove the other one with: pip uninstall moxing\nmoxing_shim True\n"
        ),
    )


def test_load_says_so_when_an_installed_moxing_cannot_be_imported(tmp_path):
    (tmp_path / "moxing.py").write_text("import no_such_module_anywhere")
    assert run_python(LOAD, tmp_path) == (
        0,
        "moxing is installed but cannot be imported (No module named 'no_such_module_anywhere'); "
        "moxing_shim takes its place\nmoxing_shim True\n",
    )


DOCUMENTED = {  # moxing-file-api, signature table; what this cut covers
    "File": ["name", "mode"],
    "copy": ["src_url", "dst_url", "client_id"],
    "copy_parallel": ["src_url", "dst_url", "file_list", "threads", "is_processing", "use_queue"],
    "exists": ["url"],
    "get_size": ["url", "recursive"],
    "is_directory": ["url"],
    "list_directory": ["url", "recursive", "remove_sep", "skip_file", "skip_dir"],
    "make_dirs": ["url"],
    "read": ["url", "client_id", "binary"],
    "remove": ["url", "recursive"],
    "set_auth": [
        "ak",
        "sk",
        "server",
        "port",
        "is_secure",
        "ssl_verify",
        "long_conn_mode",
        "path_style",
        "retry",
        "retry_wait",
        "client_timeout",
        "list_max_keys",
    ],
    "write": ["url", "data", "binary"],
}


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_functions_take_the_documented_parameters_in_the_documented_order(name):
    from moxing_shim import file

    parameters = list(inspect.signature(getattr(file, name)).parameters)
    assert parameters[: len(DOCUMENTED[name])] == DOCUMENTED[name]
    assert name in file.__all__


def test_copy_parallel_has_the_documented_defaults():
    from moxing_shim import file

    defaults = {
        parameter.name: parameter.default for parameter in inspect.signature(file.copy_parallel).parameters.values()
    }
    required = inspect.Parameter.empty
    assert defaults == {
        "src_url": required,
        "dst_url": required,
        "file_list": None,
        "threads": 16,
        "is_processing": True,
        "use_queue": True,
        "progress": None,
        "skip_unchanged": False,
    }


def test_both_stores_offer_the_same_functions_with_the_same_parameters():
    pytest.importorskip("boto3")
    from moxing_shim import s3_store

    for name in (
        "exists",
        "is_file",
        "is_directory",
        "make_dirs",
        "get_size",
        "remove",
        "read",
        "write",
        "open_raw",
        "list_children",
        "walk_leaves",
    ):
        assert list(inspect.signature(getattr(local_store, name)).parameters) == list(
            inspect.signature(getattr(s3_store, name)).parameters
        ), name


def test_every_exception_is_an_os_error_and_a_runtime_error_and_crosses_processes():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 15
    for kind in kinds:
        error = kind("what happened")
        assert isinstance(error, OSError) and isinstance(error, RuntimeError)
        assert str(error) == "what happened"
        assert str(pickle.loads(pickle.dumps(error))) == "what happened"


def test_an_answer_and_the_failures_of_a_copy_survive_pickling():
    response = errors.Response(404, "HeadObject", "NoSuchKey", "gone", "R1")
    error = pickle.loads(pickle.dumps(errors.MoxFileMissingRespException("m", resp=response)))
    assert error.resp == response
    error = pickle.loads(pickle.dumps(errors.MoxCopyException("m", [("a", ValueError("x"))])))
    assert [name for name, _ in error.failures] == ["a"]
