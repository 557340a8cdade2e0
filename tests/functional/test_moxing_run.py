"""`python -m moxing_shim run`: programs that say `import moxing` run as they are, as Python would run them.

Kept to Python 3.6: it runs on the parity engine too.
"""

import os
import re
import signal
import subprocess
import sys

import pytest

from moxing_shim import file, stand_in
from tests.storage_rigs import put_tree

CODES = os.path.dirname(os.path.dirname(os.path.abspath(file.__file__)))
PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "programs")
DATA = {"labels.txt": b"cat\ndog\n", "train/1.jpg": b"one", "train/2.jpg": b"second", "val/3.jpg": b"3"}
USING = "INFO:moxing:Using moxing_shim in place of MoXing-v2.1.0\n"


def start(arguments, folder, *path, **variables):
    """Start Python with the arguments in `folder`; it finds moxing_shim and what is in the folders of `path`."""
    search = os.pathsep.join([CODES] + [str(entry) for entry in path])
    return subprocess.Popen(
        [sys.executable] + list(arguments),
        cwd=str(folder),
        env=dict(os.environ, PYTHONPATH=search, PYTHONIOENCODING="utf-8", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def python(arguments, folder, *path, **variables):
    """Run Python to its end; returns (exit code, output, errors)."""
    child = start(arguments, folder, *path, **variables)
    output, errors = child.communicate()
    return child.returncode, output, errors


def run(arguments, folder, *path, **variables):
    """What `python -m moxing_shim run` gives for the arguments."""
    return python(["-m", "moxing_shim", "run"] + list(arguments), folder, *path, **variables)


def program(name):
    return os.path.join(PROGRAMS, name)


@pytest.fixture(params=["local", "s3", "obs"])
def places(request, make_rig):
    """(rig with data, empty rig for the output)"""
    data, output = make_rig(request.param), make_rig(request.param)
    put_tree(data, DATA)
    output.put_folder("")
    return data, output


def write(path, text):
    with open(str(path), "w") as stream:
        stream.write(text)
    return str(path)


def test_a_job_of_the_model_zoos_runs_unmodified(places, tmp_path):
    data, output = places
    (tmp_path / "cache").mkdir()
    flags = ["--data_url=" + data.url(), "--train_url=" + output.url(), "--cache=cache"]
    assert run([program("zoo_sync.py")] + flags, tmp_path)[:2] == (
        0,
        "from path: {}\n===finish data synchronization===\n===save flag===\n"
        "Dataset downloaded: ['labels.txt', 'train', 'val']\n".format(data.scheme != "local"),
    )
    assert output.tree() == {"model.ckpt": b"oneone"}


def test_a_job_that_copies_with_care_runs_unmodified(places, tmp_path):
    data, output = places
    exit_code, said, errors = run([program("zoo_careful_copy.py"), data.url(), output.url(), "cache"], tmp_path)
    assert (exit_code, said) == (
        0,
        "not there: MoxFileNotExistsException\nFalse\nTrue\nlabels.txt True\ntrain True\nval True\n",
    ), errors
    assert output.tree() == {"result.txt": b"epoch 1\ndone\n"}


def test_a_notebook_that_shifts_runs_unmodified(places, tmp_path):
    data, output = places
    exit_code, said, errors = run([program("notebook_shift.py"), data.url(), output.url(), "cache"], tmp_path)
    assert (exit_code, said) == (0, "1.jpg 3\n2.jpg 6\nTrue False\n"), errors
    assert {name: content for name, content in output.tree().items() if content} == {
        "labels.txt": DATA["labels.txt"],
        "reports/total.json": '{"total": 9, "name": "花"}'.encode(),
    }


def test_a_job_that_imports_moxing_by_its_engine_runs_and_is_told_what_is_not_there(places, tmp_path):
    data, output = places
    exit_code, said, errors = run([program("engine_job.py"), data.url(), output.url(), "cache"], tmp_path)
    assert (exit_code, said) == (
        0,
        "True True False\nmoxing.mxnet.run is not here: moxing_shim has moxing.file and nothing of MoXing's training "
        "framework; train with mxnet.mod.Module.fit or Gluon, or run this script on ModelArts\n",
    ), errors
    assert output.tree() == {"labels.txt": DATA["labels.txt"]}


def test_a_job_that_logs_by_append_runs_unmodified(places, tmp_path):
    data, output = places
    exit_code, said, errors = run([program("poor_mans_log.py"), data.url(), output.url(), "cache"], tmp_path)
    assert (exit_code, said) == (0, "finished.txt 29\nTrue ['finished.txt']\n['finished.txt']\n"), errors
    assert output.tree() == {"finished.txt": b"epoch 0\nepoch 1\nepoch 2\ndone\n"}


REPORT = """
import sys, os
print(__name__, __file__, sys.argv, sys.path[0], __spec__ and __spec__.name, __package__)
print(sys.modules['__main__'].__dict__ is globals(), __doc__, sorted(name for name in globals() if name[:2] != '__'))
"""


@pytest.mark.parametrize("arguments", [["job/report.py", "--help", "-x", "a b"], ["job"], ["-m", "report", "--", "x"]])
def test_a_program_sees_itself_as_python_would_have_it(arguments, tmp_path):
    (tmp_path / "job").mkdir()
    for name in ("job/report.py", "job/__main__.py", "report.py"):
        write(tmp_path / name, REPORT)
    expected = python(arguments, tmp_path)
    assert expected[0] == 0 and run(arguments, tmp_path) == expected
    if arguments[0] != "-m":
        assert run(["--"] + arguments, tmp_path) == expected


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    raise ValueError('from f')\nf()",
        "def f(:\n    pass",
        "import sys\nsys.exit(7)",
        "import sys\nsys.exit('a sentence')",
        "raise KeyError('a') from OSError('b')",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('second')",
        "import sys\nsys.excepthook = lambda kind, value, trace: print('own', value, trace.tb_frame.f_code.co_name)\n"
        "raise ValueError('x')",
        "import nowhere_to_be_found",
        "import os\nos._exit(9)",
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)",
        "import atexit\natexit.register(print, 'at exit')\nraise ValueError('x')",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
    ],
)
def test_the_end_of_a_program_is_its_own(text, tmp_path):
    script = write(tmp_path / "script.py", text)
    expected = python([script], tmp_path)
    assert "moxing_shim" not in expected[2]  # a frame of ours, were it run by us by accident
    assert run([script], tmp_path) == expected


def test_an_interrupted_program_shows_its_own_traceback(tmp_path):
    script = write(tmp_path / "script.py", "import time\nprint('started', flush=True), time.sleep(60)\n")
    ends = []
    for prefix in ([], ["-m", "moxing_shim", "run"]):
        child = start(prefix + [script], tmp_path)
        assert child.stdout.readline() == "started\n"
        child.send_signal(signal.SIGINT)
        frames = [line for line in child.communicate()[1].splitlines() if line.startswith(("  File", "Keyboard"))]
        ends.append((frames, child.returncode))
    assert ends[0][0] == ends[1][0] and len(ends[0][0]) == 2
    # killed by the signal, or 128 + 2 for the shell, or 1 before Python 3.8
    assert ends[1][1] in (-signal.SIGINT, 128 + signal.SIGINT, 1)


def test_a_package_is_run_by_its_main(tmp_path):
    (tmp_path / "package").mkdir()
    write(tmp_path / "package" / "__init__.py", "")
    write(tmp_path / "package" / "__main__.py", "from package import helper\n" + REPORT)
    write(tmp_path / "package" / "helper.py", "import moxing")
    expected = python(["-m", "package", "x"], tmp_path, MOX_SILENT_MODE="1")
    assert expected[0] == 1 and "No module named 'moxing'" in expected[2]
    exit_code, said, errors = run(["-m", "package", "x"], tmp_path)
    assert (exit_code, errors) == (0, USING)
    assert said.startswith(
        "__main__ {} [{!r}, 'x']".format(
            tmp_path / "package" / "__main__.py", str(tmp_path / "package" / "__main__.py")
        )
    )


def test_what_is_not_there_to_run_is_told_in_a_sentence(tmp_path):
    usage = "; write run script.py [arguments] or run -m module [arguments]\n"
    assert run(["gone.py"], tmp_path) == (
        2,
        "",
        "moxing_shim run: cannot open the script {!r}: No such file or directory\n".format(
            str(tmp_path / "gone.py") if sys.version_info >= (3, 9) else "gone.py"
        ),
    )
    assert run(["-m", "gone.module"], tmp_path) == (
        1,
        "",
        "moxing_shim run: there is no module 'gone.module' to run\n",
    )
    assert run([], tmp_path) == (2, "", "moxing_shim run: nothing to run" + usage)
    assert run(["-m"], tmp_path) == (2, "", "moxing_shim run: nothing to run" + usage)
    assert run(["-x", "a.py"], tmp_path) == (2, "", "moxing_shim run: an option '-x' that run does not have" + usage)


def test_run_explains_itself(tmp_path):
    exit_code, said, errors = run(["--help"], tmp_path)
    assert (exit_code, errors) == (0, "") and said.startswith("usage: python -m moxing_shim run [--] script.py")


IMPORT = "import os\n{}import moxing as mox\nprint(mox.__version__, mox.file.__name__)\n"


def test_the_line_at_the_import_is_there_unless_silence_is_asked_for(tmp_path):
    script = write(tmp_path / "script.py", IMPORT.format(""))
    said = stand_in.VERSION + " moxing.framework.file\n"
    assert run([script], tmp_path) == (0, said, USING)
    assert run([script], tmp_path, MOX_SILENT_MODE="1") == (0, said, "")
    script = write(tmp_path / "script.py", IMPORT.format("os.environ['MOX_SILENT_MODE'] = '1'\n"))
    assert run([script], tmp_path) == (0, said, "")


def test_a_program_that_sets_up_logging_sees_each_line_once(tmp_path):
    script = write(
        tmp_path / "script.py", "import logging\nlogging.basicConfig(format='%(message)s', level=20)\nimport moxing"
    )
    assert run([script], tmp_path) == (0, "", "Using moxing_shim in place of MoXing-v2.1.0\n")


CHILDREN = """
import multiprocessing, os, subprocess, sys
import moxing as mox

def child(number):
    import moxing.framework.file.file_io
    return mox.file.exists('.'), mox.__name__

if __name__ == '__main__':
    for method in ('fork', 'spawn'):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(child, [1]))
    code = 'import moxing.mxnet as mox; from moxing.framework import file; print(mox.file is file)'
    os.environ['PYTHONPATH'] = os.environ['PYTHONPATH'].split(os.pathsep)[0]
    sys.stdout.flush()
    subprocess.check_call([sys.executable, '-c', code])
"""


def test_processes_that_a_program_starts_find_moxing_too(tmp_path):
    script = write(tmp_path / "script.py", CHILDREN)
    assert run([script], tmp_path, MOX_SILENT_MODE="1") == (
        0,
        "fork [(True, 'moxing')]\nspawn [(True, 'moxing')]\nTrue\n",
        "",
    )


def fake_package(folder, **texts):
    (folder / "moxing").mkdir()
    for name, text in texts.items():
        write(folder / "moxing" / (name + ".py"), text)


def test_the_real_moxing_is_found_where_it_is_installed(tmp_path):
    fake_package(tmp_path, __init__="from moxing import file\n__version__ = 'real'", file="def copy_parallel(): pass")
    script = write(tmp_path / "script.py", IMPORT.format("") + "print(os.environ['PYTHONPATH'].count('path_entry'))")
    assert run([script], tmp_path, tmp_path) == (0, "real moxing.file\n0\n", "")


def test_the_unrelated_moxing_of_pypi_is_named_and_left_aside(tmp_path):
    fake_package(tmp_path, __init__="print('loaded')\n__version__ = '0.1.39'")
    (tmp_path / "elsewhere").mkdir()
    script = write(tmp_path / "elsewhere" / "script.py", IMPORT.format(""))
    exit_code, said, errors = run([script], tmp_path / "elsewhere", tmp_path, MOX_SILENT_MODE="1")
    assert (exit_code, said) == (0, stand_in.VERSION + " moxing.framework.file\n")
    assert errors == (
        "the package moxing at {} has no file.copy_parallel: it is not Huawei's MoXing but, most likely, the unrelated "
        "llama.cpp wrapper of that name on PyPI (licence GPL-3.0). moxing_shim takes its place; remove the other one "
        "with: pip uninstall moxing\n".format(tmp_path / "moxing" / "__init__.py")
    )


SPELLINGS = """
import sys
import moxing_shim
{first}
moxing_shim.install()
finders = list(sys.meta_path)
moxing_shim.install()
assert sys.meta_path == finders
import moxing, moxing as mx
import moxing.file, moxing.framework, moxing.framework.file.file_io as file_io_by_name
import moxing.mxnet, moxing.tensorflow as tf, moxing.pytorch as torch
from moxing import file as one
from moxing.framework import file as two
from moxing.framework.file import copy_parallel, file_io, MoxFileNotExistsException
from moxing.framework.util import runtime
from moxing.framework.util.multiprocessing import Thread
from moxing.framework.util.runtime import MoxTimeoutError
from moxing_shim import file
assert one is two is moxing.file is moxing.framework.file is moxing.mxnet.file is tf.file is torch.file
assert file_io is file_io_by_name is moxing.file.file_io and file_io.copy is one.copy is file.copy
assert set(dir(one)) == set(file.__all__)
file_io._LARGE_FILE_TASK_NUM = 3
file_io._LARGE_FILE_PART_SIZE = 6000000
file_io._PARTIAL_MAXIMUM_SIZE = 7000000
from moxing_shim.settings import current_settings
settings = current_settings()
print(settings.part_threads, settings.part_bytes, settings.split_from_bytes, file_io._LARGE_FILE_TASK_NUM)
for text in ('one.makedirs', 'one.nothing_like_it', 'moxing.run', 'tf.ModelSpec'):
    try:
        eval(text)
    except AttributeError as error:
        print(error)
for text in ('from moxing.tensorflow import run', 'import moxing.mxnet.symbol', 'from moxing.file import makedirs'):
    try:
        exec(text)
    except ImportError as error:
        print(error)
try:
    file_io._create_or_get_obs_client()
except NotImplementedError as error:
    print(error)
"""


@pytest.mark.parametrize("first", ["", "mox = moxing_shim.load()"])
def test_every_spelling_of_the_import_works_after_install_and_the_rest_is_told(first, tmp_path):
    script = write(tmp_path / "script.py", SPELLINGS.format(first=first))
    exit_code, said, errors = python([script], tmp_path)
    assert (exit_code, errors) == (0, "")
    training = " is not here: moxing_shim has moxing.file and nothing of MoXing's training framework; train with "
    assert said.splitlines() == [
        "3 6000000 7000000 3",
        "moxing.file has no 'makedirs'; did you mean make_dirs?",
        "moxing.file has no 'nothing_like_it'; it has " + ", ".join(sorted(file.__all__)),
        "moxing.run" + training + "the framework itself, or run this script on ModelArts",
        "moxing.tensorflow.ModelSpec" + training + "tf.keras or tf.estimator, or run this script on ModelArts",
        "moxing.tensorflow.run" + training + "tf.keras or tf.estimator, or run this script on ModelArts",
        "moxing.mxnet.symbol" + training + "mxnet.mod.Module.fit or Gluon, or run this script on ModelArts",
        "moxing.file has no 'makedirs'; did you mean make_dirs?",
        "moxing_shim has no client of Huawei's OBS SDK: use the functions of moxing.file, or "
        "moxing_shim.client.get_client()[0], which is a boto3 client",
    ]


def test_installing_touches_neither_the_root_logger_nor_standard_output(tmp_path):
    code = (
        "import logging, moxing_shim; moxing_shim.install(); import moxing; root = logging.getLogger(); "
        "print(root.level, root.handlers); moxing.framework.util.runtime.reset_logger(logging.ERROR); "
        "print(root.level, logging.getLogger('moxing').level)"
    )
    assert python(["-c", code], tmp_path) == (0, "30 []\n30 40\n", "")


def test_every_program_that_is_run_here_is_free_of_our_names():
    for name in ("zoo_sync.py", "zoo_careful_copy.py", "notebook_shift.py", "engine_job.py", "poor_mans_log.py"):
        with open(program(name), encoding="utf-8") as stream:
            assert not re.search(r"moxing_shim|obs_layout|modelarts_local", stream.read()), name
