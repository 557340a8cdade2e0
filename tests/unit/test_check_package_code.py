"""What is read in the service code of a package without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelarts_local.check.findings import Finding
from modelarts_local.check.package.checking import PackageSettings, check_package
from tests.faultless_package import CONFIG, HANDLER

STATED = CONFIG
NOT_STATED = CONFIG.replace('    "runtime": "python3.6",\n', "")
HEAD = "from mms.model_service.mxnet_model_service import MXNetBaseService\n"
SERVICE = HEAD + "\n\nclass Service(MXNetBaseService):\n    pass\n\n\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "V0001" / "model"
    folder.mkdir(parents=True)
    (folder / "pred_model-symbol.json").write_text("{}")
    (folder / "pred_model-0000.params").write_bytes(b"weights")
    return folder


def check(model: Path, handler: str, config: str = STATED, **helpers: str) -> list[Finding]:
    (model / "config.json").write_text(config)
    (model / "customize_service.py").write_text(handler, encoding="utf-8")
    for name, text in helpers.items():
        (model / f"{name}.py").write_text(text)
    return check_package(str(model.parent), "V0001", PackageSettings(run=False))


def told(findings: list[Finding]) -> list[tuple[str, int | None]]:
    return [(each.rule, each.line) for each in findings]


@pytest.mark.parametrize(
    "handler",
    [
        HANDLER,
        SERVICE,
        SERVICE + "class Better(Service):\n    pass\n",
        HEAD.replace("MXNetBaseService\n", "MXNetBaseService as Base\n") + "class Service(Base):\n    pass\n",
        "import mms.model_service.mxnet_model_service as base\nclass Service(base.MXNetBaseService):\n    pass\n",
        SERVICE.replace("pass", "def __init__(self, model_name, model_dir, manifest, gpu=None): pass"),
        SERVICE.replace("pass", "def __init__(self, name, folder, manifest, gpu=0, more=1): pass"),
        SERVICE.replace("pass", "def __init__(self, *args, **kwargs): pass"),
        "from own_service import OwnService\nclass Service(OwnService):\n    pass\n",
    ],
)
def test_one_service_class_of_the_right_form_passes(model: Path, handler: str) -> None:
    assert check(model, handler, own_service=SERVICE.replace("Service(", "OwnService(")) == []


@pytest.mark.parametrize(
    ("handler", "line", "found"),
    [
        ("x = 1\n", None, "no class derived from MXNetBaseService"),
        (SERVICE + "class Other(MXNetBaseService):\n    pass\n", 8, "2 classes: Service, Other"),
        (SERVICE.replace("MXNetBaseService)", "object)"), None, "no class derived from MXNetBaseService"),
        (SERVICE.replace("pass", "def __init__(self): pass"), 5, "__init__(self)"),
        (SERVICE.replace("pass", "def __init__(self, a, b, c, d): pass"), 5, "__init__(self, a, b, c, d)"),
        (SERVICE.replace("pass", "def __init__(self, a, b, c, gpu, e): pass"), 5, "__init__(self, a, b, c, gpu, e)"),
        (SERVICE.replace("pass", "def __init__(self, a, b, c, gpu=None, *, e): pass"), 5,
         "__init__(self, a, b, c, gpu, e)"),
    ],
)  # fmt: skip
def test_another_number_or_form_of_service_classes_is_told(
    model: Path, handler: str, line: int | None, found: str
) -> None:
    findings = check(model, handler)
    assert [(each.rule, each.line, each.found) for each in findings] == [("S1", line, found)]


RUNS_ON_BOTH = (
    "labels = list(map(str, [1]))\nlabels[0]\n",
    "labels = map(str, [1])\nlabels = sorted(labels)\nlabels[0]\n",
    "d = {}\nx = len(d.keys())\nvalues = d.values()\ny = len(values)\n",
    "for key in {}.keys():\n    print(key)\n",
    "def f(values):\n    return values[0]\nvalues = map(str, [1])\n",
    "try:\n    text = unicode\nexcept NameError:\n    text = str\n",
    "try:\n    import cPickle as pickle\nexcept ImportError:\n    import pickle\n",
    "import sys\nif sys.version_info[0] == 2:\n    import urllib2\n",
    "# -*- coding: utf-8 -*-\nname = u'模型'\n",
)
ON_PYTHON3_ONLY = (
    ("name = '模型'\n", "characters beyond ASCII without a declared encoding"),
    ("x = f'{1}'\n", "an f-string"),
    ("x: int = 1\n", "an annotated variable"),
    ("def f(a: int): pass\n", "an annotated argument"),
    ("def f(*, a): pass\n", "keyword-only arguments or a result's annotation"),
    ("def f():\n    raise ValueError() from None\n", ""),
    ("def f():\n    raise ValueError() from KeyError()\n", "raise ... from"),
    ("def f():\n    x = 1\n    def g():\n        nonlocal x\n", "nonlocal"),
    ("def f():\n    yield from []\n", "yield from"),
    ("x = SERVICES @ 1\nSERVICES = 1\n", "the operator @"),
)
ON_PYTHON2_ONLY = (
    ("labels = map(str, [1])\nlabels[0]\n", "the result of map(...) is used as a list"),
    ("def f():\n    best = zip([1], [2])\n    return len(best)\n", "the result of zip(...) is used as a list"),
    ("x = filter(None, [1])[0]\n", "the result of filter(...) is used as a list"),
    ("d = {}\nx = d.keys()[0]\n", "the result of d.keys() is used as a list"),
    ("for i in xrange(3): pass\n", "xrange is a name of Python 2"),
    ("d = {}\nx = d.iteritems()\n", ".iteritems is a method of Python 2"),
    ("import urllib2\n", "urllib2 is a module of Python 2"),
    ("import thread\n", "thread is a module of Python 2"),
    ("import sys\nreload(sys)\n", "reload is a name of Python 2"),
)
BEYOND_36 = (("from __future__ import annotations\n", "annotations from __future__"),)


@pytest.mark.parametrize("code", RUNS_ON_BOTH)
def test_code_for_both_pythons_passes_whatever_the_runtime(model: Path, code: str) -> None:
    assert check(model, code + SERVICE) == []
    assert [each.rule for each in check(model, code + SERVICE, NOT_STATED)] == ["M7"]


@pytest.mark.parametrize(("code", "what"), ON_PYTHON3_ONLY)
def test_code_for_python_3_needs_a_stated_runtime(model: Path, code: str, what: str) -> None:
    assert check(model, code + SERVICE) == []
    findings = check(model, code + SERVICE, NOT_STATED)
    assert [each.rule for each in findings] == ["M7", "S9"]
    assert what in findings[1].found and findings[1].found.endswith("; python2.7 does not run it")


@pytest.mark.parametrize(("code", "what"), ON_PYTHON2_ONLY + BEYOND_36)
def test_code_for_another_python_is_told_with_and_without_a_runtime(model: Path, code: str, what: str) -> None:
    (found,) = check(model, code + SERVICE)
    assert (found.rule, found.found) == ("S9", f"{what}; python3.6 does not run it")
    assert "S9" in [each.rule for each in check(model, code + SERVICE, NOT_STATED)]


def test_code_for_python_2_passes_where_the_runtime_is_python_2(model: Path) -> None:
    config = CONFIG.replace("python3.6", "python2.7")
    assert check(model, "print 'loaded'\n" + SERVICE, config) == []
    assert check(model, "for i in xrange(3): pass\n" + SERVICE, config) == []
    assert [each.rule for each in check(model, "def (:\n" + SERVICE, config)] == ["S9"]


def test_a_line_that_no_python_parses_is_told(model: Path) -> None:
    assert told(check(model, SERVICE, helper="x = 1\ndef (:\n")) == [("S9", 2)]


@pytest.mark.parametrize("name", ["json", "numpy", "requests", "pandas", "logging", "symbol"])
def test_a_helper_with_the_name_of_an_installed_package_is_told(model: Path, name: str) -> None:
    findings = check(model, SERVICE, **{name: "x = 1\n"})
    assert [(each.rule, each.path, each.remedy) for each in findings] == [
        ("S5", f"V0001/model/{name}.py", f"Rename it, such as to own_{name}, and its imports.")
    ]


def test_a_package_with_the_name_of_an_installed_one_is_told_and_a_folder_of_data_is_not(model: Path) -> None:
    (model / "numpy").mkdir()
    assert check(model, SERVICE) == []
    (model / "numpy" / "__init__.py").write_text("")
    assert [each.path for each in check(model, SERVICE)] == ["V0001/model/numpy"]


def test_an_import_of_what_config_json_asks_for_passes(model: Path) -> None:
    config = CONFIG.replace(
        '"dependencies": []',
        '"dependencies": [{"installer": "pip", "packages": [{"package_name": "scikit-learn"}, '
        '{"package_name": "own-tables"}]}]',
    )
    code = "import sklearn.svm\nimport own_tables\nfrom helper import x\nimport tools.boxes\n"
    (model / "tools").mkdir()
    (model / "tools" / "boxes.py").write_text("")
    assert check(model, code + SERVICE, config, helper="x = 1\n") == []


@pytest.mark.parametrize(
    "code",
    [
        "import pandas\n",
        "def f():\n    from pandas import DataFrame, Series\n",
        "import importlib\nimportlib.import_module('pandas')\n",
    ],
)
def test_an_import_of_what_nothing_brings_is_told(model: Path, code: str) -> None:
    findings = check(model, code + SERVICE)
    assert [(each.rule, each.remedy) for each in findings] == [("S7", "Add pandas to the dependencies of config.json.")]


@pytest.mark.parametrize(
    "code",
    [
        "x = open('synset.txt')\n",
        "import io\nx = io.open('data/labels.txt')\n",
        "x = '/home/ma-user/model/labels.txt'\n",
        "x = '/cache/model.params'\n",
        "x = 's3://bucket/labels.txt'\n",
    ],
)
def test_a_path_of_one_machine_is_told(model: Path, code: str) -> None:
    findings = check(model, code + SERVICE)
    assert [(each.rule, each.remedy) for each in findings] == [("S10", "Build it: os.path.join(model_dir, name).")]


def test_a_path_that_a_sentence_speaks_of_is_none_that_is_opened(model: Path) -> None:
    assert check(model, '"""Lies in /home/work/model on the platform."""\n' + SERVICE) == []


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("def f():\n    logging.info('x')\n", "Write import logging."),
        ("def f():\n    return np.zeros(3)\n", "Define it, or import it."),
    ],
)
def test_a_name_that_nothing_defines_is_told_once(model: Path, code: str, remedy: str) -> None:
    findings = check(model, code + code.replace("def f", "def g") + SERVICE)
    assert [(each.rule, each.line, each.remedy) for each in findings] == [("S11", 2, remedy)]


@pytest.mark.parametrize(
    "code",
    [
        "from helper import *\nx = np\n",
        "try:\n    x = np\nexcept NameError:\n    pass\n",
        "def f():\n    global late\n    late = 1\nx = late\n",
        "x = [a for a in [] if a]\nwith open(__file__) as stream:\n    y = stream\n",
        "try:\n    pass\nexcept ValueError as error:\n    print(error)\n",
    ],
)
def test_a_name_that_something_defines_is_not_told(model: Path, code: str) -> None:
    assert check(model, code + SERVICE, helper="np = 1\n") == []
