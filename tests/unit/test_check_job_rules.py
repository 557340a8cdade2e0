"""What the rules about jobs find in a source, and what they leave alone."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.job.checking import find_by_reading
from modelarts_local.check.job.source import read_job

# Saves model/ and sets the log up, so that T7 and T19 have nothing to say about what a test puts below it
HEAD = """\
import argparse
import os
import mxnet as mx
try:
    import moxing as mox
except ImportError:
    mox = None
args, unknown = argparse.ArgumentParser().parse_known_args()
MODEL, WEIGHTS = 'model/net-0000.params', 'net-symbol.json'
"""


def found_in(folder: Path, body: str, **modules: str) -> list[str]:
    """Return `rule line` of each finding in train.py, or `rule module:line` in another module."""
    for name, text in {"train": HEAD + textwrap.dedent(body), **modules}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    offset = HEAD.count("\n")
    return [
        f"{one.rule} {(one.line or 0) - offset}"
        if one.path.endswith("/train.py")
        else f"{one.rule} {Path(one.path).stem}:{one.line}"
        for one in read(folder)
    ]


def read(folder: Path) -> list[Finding]:
    return find_by_reading(read_job(str(folder), "codes", "train.py"))


@pytest.mark.parametrize(
    "body",
    [
        "open(args.data_url)",
        "import io\nio.open(args.data_url + '/labels.txt')",
        "path = os.path.join(args.data_url, 'a')\nfor name in os.listdir(path): pass",
        "from os import listdir\nlistdir(args.train_url)",
        "import glob\nglob.glob('%s/*.jpg' % args.data_url)",
        "import glob\nglob.glob('{}/*.jpg'.format(args.data_url))",
        "import glob\nglob.glob(f'{args.data_url}/*.jpg')",
        "import shutil\nshutil.copytree('/cache/out', args.train_url)",
        "data = args.data_url if args.data_url else '/cache'\nos.walk(data)",
        "os.walk(os.environ['DLS_DATA_URL'])",
        "os.walk(os.environ.get('DLS_DATA_URL', ''))",
        "os.walk(vars(args)['data_url'])",
        "os.walk(getattr(args, 'data_url'))",
        "from PIL import Image\nImage.open(os.path.join(args.data_url, 'a.jpg'))",
        "os.path.exists(args.data_url)",
        "def load(folder): return os.listdir(folder)\nload(args.data_url)",
        "def load(kind, folder=None): return os.listdir(folder)\nload('a', folder=args.data_url)",
        "def load(args): return os.listdir(args.data_url)\nload(args)",
        "class Data:\n    def __init__(self, root):\n        self.names = os.listdir(root)\nData(args.data_url)",
        "class Data:\n    def __init__(self, root):\n        self.root = root\n"
        "    def names(self):\n        return os.listdir(self.root)\nData(args.data_url)",
    ],
)
def test_a_url_that_reaches_a_plain_file_function_is_found(body: str, tmp_path: Path) -> None:
    assert [one.split()[0] for one in found_in(tmp_path, body)] == ["T4"]


@pytest.mark.parametrize(
    "body",
    [
        "mox.file.copy_parallel(args.data_url, '/cache/data')\nopen('/cache/data/labels.txt')",
        "mox.file.shift('os', 'mox')\nopen(args.data_url)",
        "args.data_url = str(mox.get(args.data_url, '/cache'))\nargs.data_url = '/cache/data'\nopen(args.data_url)",
        "def fetch(url): return '/cache'\nargs.data_url = fetch(args.data_url)\nos.walk(args.data_url)",
        "if not args.data_url.startswith('s3://'):\n    os.listdir(args.data_url)",
        "if args.data_url[:5] != 's3://':\n    os.listdir(args.data_url)",
        "if '://' in args.data_url:\n    pass\nelse:\n    os.listdir(args.data_url)",
        "folder = args.data_url\nfolder = '/cache'\nos.listdir(folder)",
        "if not os.path.exists(args.data_url):\n    mox.file.copy_parallel(args.data_url, '/cache')",
        "print('no such folder: ' + args.data_url)",
        "if mox:\n    mox.file.copy_parallel(args.data_url, '/cache')\n    data = '/cache'\n"
        "else:\n    data = args.data_url\nos.listdir(data)",
        "try:\n    mox.file.copy(args.data_url, '/cache')\nexcept AttributeError:\n    pass\nos.listdir(args.data_url)",
        "open('/cache/' + os.path.basename(args.data_url))",
        "with mox.file.File(args.data_url + '/labels.txt') as stream:\n    stream.read()",
    ],
)
def test_a_job_that_copies_or_asks_first_is_left_alone(body: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, body) == []


def test_a_url_is_followed_into_another_module_and_through_two_calls(tmp_path: Path) -> None:
    pictures = "import os\ndef every(folder):\n    return names(folder)\ndef names(place): return os.listdir(place)\n"
    for body in ("import pictures\npictures.every(args.data_url)", "from pictures import every\nevery(args.data_url)"):
        assert found_in(tmp_path, body, pictures=pictures) == ["T4 pictures:4"]
    assert found_in(tmp_path, "from pictures import every as f\nf(args.data_url)", pictures=pictures) == [
        "T4 pictures:4"
    ]


@pytest.mark.parametrize(
    "join",
    [
        "args.data_url + 'train.rec'",
        "args.data_url + 'train/' + 'a.rec'",
        "f'{args.data_url}train.rec'",
        "'%strain.rec' % args.data_url",
        "'%s%s' % (args.data_url, 'train.rec') + args.data_url + 'train.rec'",
        "'{}train.rec'.format(args.data_url)",
        "args.data_url.rstrip('/') + 'train.rec'",
    ],
)
def test_a_text_joined_without_a_slash_is_found(join: str, tmp_path: Path) -> None:
    expected = [] if join.startswith("'%s%s'") else ["T3 1"]
    assert found_in(tmp_path, f"path = {join}") == expected


@pytest.mark.parametrize(
    "join",
    [
        "args.data_url + '/train.rec'",
        "os.path.join(args.data_url, 'train') + '.rec'",
        "args.data_url.rstrip('/') + '/' + 'train.rec'",
        "(args.data_url if args.data_url.endswith('/') else args.data_url + '/') + 'train.rec'",
        "f'{args.data_url} is empty'",
        "args.data_url + ' is empty'",
        "'reading %s now' % args.data_url",
        "args.train_url + '-0001.params'",
        "args.batch_size + 'x'",
    ],
)
def test_a_join_that_is_right_or_is_no_path_is_left_alone(join: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, f"path = {join}") == []


def test_a_slash_that_is_added_to_the_flag_itself_is_seen_in_every_function(tmp_path: Path) -> None:
    for mend in ("args.data_url += '/'", "args.data_url = args.data_url + '/'"):
        body = f"def read(args): return args.data_url + 'a.rec'\nif args.data_url[-1] != '/':\n    {mend}\nread(args)"
        assert found_in(tmp_path, body) == []


def test_a_text_that_is_added_to_a_name_is_found(tmp_path: Path) -> None:
    assert found_in(tmp_path, "url = args.data_url\nurl += 'train.rec'") == ["T3 2"]


def test_a_slash_that_is_added_first_is_seen(tmp_path: Path) -> None:
    body = "url = args.data_url\nif not url.endswith('/'):\n    url += '/'\npath = url + 'train.rec'"
    assert found_in(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("mx.nd.load(os.path.join(args.data_url, 'a.params'))", ["T13 1"]),
        ("def f(net): net.save_parameters(args.train_url + '/a.params')", ["T13 1"]),
        ("mx.nd.load('/cache/a.params')", []),
        ("mx.random.seed(1)", []),
        ("devices = [mx.gpu(0)]", ["T6 1"]),
        ("devices = mx.gpu() if args.num_gpus else mx.cpu()", []),
        ("from mxnet import gpu\nfrom mxnet import cpu\nx = cpu()", []),
    ],
)
def test_what_is_done_with_mxnet(body: str, expected: list[str], tmp_path: Path) -> None:
    assert found_in(tmp_path, body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "from functools import reduce\nreduce(max, [1])",
        "try:\n    unicode\nexcept NameError:\n    unicode = str\nunicode('a')",
        "try:\n    import cPickle as pickle\nexcept ImportError:\n    import pickle",
        "import sys\nif sys.version_info[0] == 2:\n    import urllib2",
        "import sys\nPY2 = sys.version_info[0] == 2\nif PY2:\n    text = unicode\nelse:\n    text = str",
        "is_py2 = False\nif is_py2:\n    text = unicode",
        "class Bag:\n    def iteritems(self): return []\nBag().iteritems()",
        "try:\n    items = {}.iteritems()\nexcept AttributeError:\n    items = {}.items()",
        "def f(x):\n    return [(yield a) for a in x]",
        "sizes = list(map(int, '1'))\nsizes[0]",
        "for size in map(int, '1'):\n    pass",
        "pairs = zip('a', 'b')\nsorted(pairs, key=lambda pairs: pairs[0])",
        "import sys\nif sys.version_info[0] == 2:\n    first = map(int, '1')[0]",
        "class Table:\n    def values(self): return {}\nTable().values()['a']",
        "import pandas\npandas.DataFrame().iteritems()",
        "range(7 // 2)",
        "try:\n    from dataclasses import dataclass\nexcept ImportError:\n    dataclass = None",
        "values = {}\nvalues['a']",
    ],
)
def test_python_that_is_right_on_36_is_left_alone(body: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, body) == []


@pytest.mark.parametrize(
    "body",
    [
        "zip('a', 'b')[0]",
        "pairs = zip('a', 'b')\npairs[0]",
        "len(filter(None, []))",
        "{}.has_key('a')",
        "for key in {}.iteritems(): pass",
        "import math\nmath.prod([])",
        "import contextlib\ncontextlib.nullcontext()",
        "raise ValueError, 'a'",
        "print >> 1, 'a'",
        "exec 'a = 1'",
        "x = 1 <> 2",
        "mode = 0777",
        "x = `1`",
        "s = ur'a'",
    ],
)
def test_python_of_another_version_is_found(body: str, tmp_path: Path) -> None:
    assert [one.split()[0] for one in found_in(tmp_path, body)] == ["T11"]


@pytest.mark.parametrize(
    "body", ["def f(a, /): pass", "from __future__ import annotations\n", "match 1:\n    case 1: pass\n", "(a := 1)"]
)
def test_syntax_after_36_is_found(body: str, tmp_path: Path) -> None:
    assert [one.split(":")[0] for one in found_in(tmp_path, "import newer", newer=body)] == ["T1 newer"]


def test_what_only_a_module_started_by_itself_runs_is_not_looked_at(tmp_path: Path) -> None:
    alone = "import argparse\nif __name__ == '__main__':\n    import gone\n    argparse.ArgumentParser().parse_args()\n"
    assert found_in(tmp_path, "import alone", alone=alone) == []
    assert found_in(tmp_path, "if __name__ == '__main__':\n    import gone") == ["T10 2"]


def test_a_name_of_python_2_that_the_job_brings_itself_is_left_alone(tmp_path: Path) -> None:
    assert found_in(tmp_path, "from compat import basestring\nbasestring", compat="basestring = str\n") == []


def test_what_parses_and_does_not_compile_is_found(tmp_path: Path) -> None:
    assert found_in(tmp_path, "return 1") == ["T1 1"]
    assert read(tmp_path)[0].found == "'return' outside function: 'return 1'"


def test_a_file_that_the_job_does_not_come_to_is_not_looked_at(tmp_path: Path) -> None:
    assert found_in(tmp_path, "", forgotten="print 'never imported'\n") == []


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    import gluoncv\nexcept ImportError:\n    gluoncv = None",
        "os.system('pip install gluoncv')\nimport gluoncv",
        "import sys, subprocess\nsubprocess.call([sys.executable, '-m', 'pip', 'install', 'gluoncv'])\nimport gluoncv",
        "import symbol, parser, imp",
        "import cv2, yaml, scipy.io",
    ],
)
def test_a_module_that_the_job_or_the_image_brings_is_not_missing(body: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, body) == []


def test_modules_of_the_code_folder_are_found_in_every_way_python_finds_them(tmp_path: Path) -> None:
    (tmp_path / "nets" / "deep").mkdir(parents=True)
    (tmp_path / "nets" / "__init__.py").write_text(
        "from .deep import wide\nfrom . import deep\nfrom .deep.wide import w\n"
    )
    (tmp_path / "nets" / "deep" / "wide.py").write_text("from .. import deep\nw = 1\n")
    (tmp_path / "native.cpython-36m-x86_64-linux-gnu.so").write_bytes(b"")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("")
    assert found_in(tmp_path, "import nets.deep.wide, native\nfrom nets.deep import wide") == []
    assert found_in(tmp_path, "import sys\nsys.path.insert(0, 'lib')\nimport helper") == []
    assert found_in(tmp_path, "import helper") == ["T10 1"]
    assert found_in(tmp_path, "import nets.shallow") == ["T10 1"]


def test_a_boot_file_in_a_folder_finds_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "nets.py").write_text("xrange(1)\n")
    (tmp_path / "above.py").write_text("")
    (tmp_path / "src" / "train.py").write_text(HEAD + "import nets\nimport above\nimport codes.src.nets\n")
    found = find_by_reading(read_job(str(tmp_path), "codes", "src/train.py"))
    assert [(one.rule, one.place) for one in found] == [
        ("T11", "codes/src/nets.py:1"),
        ("T10", "codes/src/train.py:11"),
        ("T12", "codes/src/train.py:12"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "easydict==1.9",
        "easydict == 1.9  # options",
        "gluoncv[full]==0.4.0",
        "gluoncv==0.4.0; python_version < '3.7'",
        "augment-1.0-py2.py3-none-any.whl",
        "./augment-1.0-cp36-cp36m-linux_x86_64.whl",
        "augment-1.0-cp35-abi3-manylinux1_x86_64.whl",
        "# nothing",
        "",
    ],
)
def test_a_requirement_that_installs_is_left_alone(line: str, tmp_path: Path) -> None:
    (tmp_path / "pip-requirements.txt").write_text(line + "\n")
    if line.endswith(".whl"):
        (tmp_path / line).write_bytes(b"")
    assert found_in(tmp_path, "") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("augment-1.0-cp36-cp36m-macosx_10_9_x86_64.whl", "a wheel for cp36-cp36m-macosx_10_9_x86_64"),
        (
            "augment-1.0-cp36-cp36m-manylinux2014_x86_64.whl",
            "a wheel for cp36-cp36m-manylinux2014_x86_64, which only a pip from 2019 or later takes",
        ),
        ("augment.whl", "'augment.whl', which is no name of a wheel"),
        ("==1.9", "'==1.9', which pip does not take"),
        ("-r more.txt", "'-r more.txt', which needs another place than the platform's own package index"),
    ],
)
def test_a_requirement_that_does_not_install_is_told(line: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HEAD)
    (tmp_path / "pip-requirements.txt").write_text(line + "\n")
    (tmp_path / "augment.whl").write_bytes(b"")
    if line.endswith(".whl"):
        (tmp_path / line).write_bytes(b"")
    found = [one.found for one in read(tmp_path)]
    assert [text for text in found if "does not name" not in text] == [expected]


def test_a_name_of_the_engine_is_hidden_by_a_module_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text("")
    (tmp_path / "train.py").write_text(HEAD)
    found = read(tmp_path)
    assert [(one.place, one.found) for one in found] == [
        ("codes/numpy", "a module with the name of module numpy of the engine's image")
    ]


def test_a_source_that_is_no_text_or_too_deep_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(b"x = '\xff'\n")
    (found,) = read(tmp_path)
    assert (found.rule, found.place) == ("T1", "codes/train.py:1")
    assert found.found == "text that is not UTF-8, without a line that says in what"
    (tmp_path / "train.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    (found,) = read(tmp_path)
    assert found.rule == "T1"
    (tmp_path / "train.py").write_text(HEAD + "x = " + " + ".join(["args.data_url"] * 900))
    assert read(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("from .nets import wide", "from .nets import wide, which is not there"),
        ("lib = './codes/native.so'", "'./codes/native.so', which holds the code folder's own name"),
        ("print >> 1, 'a'", "print >> file, of Python 2"),
        ("len(map(str, []))", "len() of map(), an iterator in Python 3"),
        ("names = map(str, [])\nlen(names)", "len() of map(), an iterator in Python 3"),
        ("{}.iteritems()", ".iteritems(), a method of Python 2"),
        ("{}.values()[0]", "a subscript of .values(), which is no list in Python 3"),
    ],
)
def test_what_is_found_is_said(body: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"{HEAD}{body}\n")
    assert [one.found for one in read(tmp_path)] == [found]


def test_a_job_that_leaves_the_training_to_moxing_is_not_asked_for_an_export(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import mxnet as mx\ntry:\n    import moxing.mxnet as mox\nexcept ImportError:\n    raise\nmox.run()\n"
    )
    assert read(tmp_path) == []


def test_a_misspelt_module_of_the_job_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "pictures.py").write_text("")
    (tmp_path / "train.py").write_text(f"{HEAD}import pictuers\n")
    assert [one.remedy for one in read(tmp_path)] == [
        "Write pictures where that module is meant; else add its package as NAME==VERSION to "
        "codes/pip-requirements.txt."
    ]


def test_a_source_that_is_too_large_or_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(b"#" * (2 * 1024 * 1024 + 1))
    assert [(one.rule, one.found) for one in read(tmp_path)] == [
        ("T1", "more than 2 MiB of Python, too much to read here")
    ]
    (tmp_path / "train.py").unlink()
    os.mkfifo(tmp_path / "train.py")
    assert [(one.rule, one.found) for one in read(tmp_path)] == [("T1", "a link to nothing, or what is no file")]
