"""Who may import whom: the parts stay apart, and codes/ runs without all the others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

import pytest

from tests.static.imports import find_circle, import_graph, imports_of
from tests.static.sources import ROOT, Source, as_source, findings, python_sources

LEAVES = frozenset({"moxing_shim", "mxnet_support"})
CHILD_TIMEOUT_S = 120


class Part(NamedTuple):
    """Files that share one rule. imports: what they may import besides the standard library, with all that is below."""

    folder: str
    imports: frozenset[str]

    def may_import(self, module: str) -> bool:
        """Whether the module is one of `imports` or below one."""
        parts = module.split(".")
        return any(".".join(parts[:length]) in self.imports for length in range(1, len(parts) + 1))


def _part(folder: str, imports: str) -> Part:
    return Part(folder, frozenset(imports.split()))


def _room(name: str, others: str, imports: str = "") -> Part:
    """A part of modelarts_local. others: what of modelarts_local it may import besides itself."""
    inside = " ".join(f"modelarts_local.{other}" for other in (name, *others.split()))
    return _part(f"modelarts_local/{name}", f"{inside} obs_layout PIL {imports}")


# files and packages; the two leaves have a rule of their own and stand in it by name
JOB_MODULES = " ".join(
    path.stem
    for path in sorted((ROOT / "codes").iterdir())
    if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem not in LEAVES
)
# The first folder that holds a file decides
PARTS = (
    _part("codes/moxing_shim", "moxing_shim boto3 botocore moxing"),
    _part("codes/mxnet_support", "mxnet_support numpy PIL"),
    _part("codes/model_template", "numpy mxnet PIL mms"),
    # of the job's rooms none looks into another, but for the preparation of one picture and the measures
    _part("codes/dataset", "dataset errors files mxnet_support numpy PIL"),
    _part(
        "codes/network", "network dataset.preprocessing errors files recipes staging moxing_shim mxnet_support numpy"
    ),
    _part("codes/training", "training errors files progress recipes mxnet_support numpy"),
    _part("codes/report", "report dataset.batches training.measures files mxnet_support numpy PIL"),
    _part("codes", f"moxing_shim mxnet_support numpy PIL {JOB_MODULES}"),
    _part("obs_layout", "obs_layout moxing_shim mxnet_support PIL"),
    _part("modelarts_local/handler_worker/mms_standin", "mms numpy mxnet PIL"),
    _part("modelarts_local/handler_worker", "modelarts_local.handler_worker handler_worker mms mxnet mxnet_support"),
    # of the five commands' rooms train and serve look into check, and no other but the last into another
    _room("package", "errors"),
    _room("check", "package engines errors handler_process options platform_rules trial_pictures", "mxnet_support"),
    _room("job", "check package engines errors options platform_rules"),
    _room(
        "service",
        "check package credentials engines errors handler_process options platform_rules signing trial_pictures",
        "starlette uvicorn h11 prometheus_client mxnet_support",
    ),
    _room("client", "credentials errors options platform_rules signing", "httpx mxnet_support"),
    # from the same folders to the platform itself: it looks into those that do at home what it has done there
    _room("submit", "check client job package credentials errors options platform_rules signing", "httpx"),
    _part("modelarts_local", "modelarts_local obs_layout PIL"),
    _part("demo", "demo mxnet_support numpy PIL moto"),
    # processes that are measured, each alone: by MXNet what the job and the handler do, and the same by others
    _part(
        "benchmarks/programs",
        "benchmarks.programs mxnet mxnet_support numpy PIL torch onnx onnxruntime anyio starlette uvicorn "
        + JOB_MODULES,
    ),
    # a replica of the job for PyTorch, which takes from the job what needs no MXNet; its check compares both
    _part(
        "benchmarks/recipe_search",
        f"benchmarks.recipe_search benchmarks.failures mxnet_support numpy PIL torch {JOB_MODULES}",
    ),
    _part("benchmarks", "benchmarks demo obs_layout mxnet_support numpy PIL boto3 botocore"),
)
ENGINE = "codes/mxnet_support/engine.py"  # the one place that loads MXNet, by importlib and on demand


def forbidden_imports(source: Source) -> Iterator[str]:
    """Imports that the part a file belongs to may not have: `line: what`."""
    part = next(part for part in PARTS if source.in_folder(part.folder))
    if source.name == ENGINE:
        part = part._replace(imports=part.imports | {"mxnet"})
    for imported in imports_of(source):
        if not part.may_import(imported.full) and imported.top not in sys.stdlib_module_names:
            yield f"{imported.line}: {part.folder} may not import {imported.module}"


needs_names_of_the_library = pytest.mark.skipif(
    sys.version_info < (3, 10), reason="sys.stdlib_module_names came with Python 3.10"
)


@needs_names_of_the_library
def test_every_part_imports_only_what_it_may() -> None:
    sources = python_sources("codes", "obs_layout", "modelarts_local", "demo", "benchmarks")
    assert findings(sources, forbidden_imports) == []


@needs_names_of_the_library
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("codes/staging.py", "import boto3"),
        ("codes/training/trainer.py", "import mxnet as mx"),
        ("codes/training/trainer.py", "def fit():\n    from mxnet import nd"),
        ("codes/training/trainer.py", "import importlib\nimportlib.import_module('mxnet')"),
        ("codes/training/trainer.py", "from dataset import batches"),
        ("codes/dataset/records.py", "from obs_layout.layout import DATA_FOLDER"),
        ("codes/dataset/batches.py", "from recipes import MODERN"),
        ("codes/network/resnet.py", "from training import measures"),
        ("codes/moxing_shim/file.py", "from mxnet_support import recordio"),
        ("codes/mxnet_support/recordio.py", "from moxing_shim import file"),
        ("codes/model_template/customize_service.py", "from dataset.preprocessing import prepare_image"),
        ("codes/model_template/customize_service.py", "from moxing_shim import file"),
        ("obs_layout/pack.py", "from dataset import records"),
        ("obs_layout/pack.py", "from modelarts_local import package"),
        ("modelarts_local/service/serve.py", "import train_caltech"),
        ("modelarts_local/check/runner.py", "from ..job import records"),
        ("modelarts_local/client/predict.py", "from ..service.server import RecognitionServer"),
        ("modelarts_local/package/model_package.py", "from ..check import rules"),
        ("modelarts_local/handler_worker/mms_standin/mms/log.py", "from modelarts_local import errors"),
        ("modelarts_local/handler_worker/hosting.py", "from ..errors import HandlerError"),
        ("modelarts_local/handler_worker/hosting.py", "from PIL import Image"),
        ("demo/walk.py", "from obs_layout.pack import pack"),
        ("benchmarks/packing.py", "import cv2"),
        ("benchmarks/training_sides.py", "import torch"),
        ("benchmarks/training_sides.py", "from dataset.batches import TrainingBatches"),
        ("benchmarks/programs/torch_steps.py", "from benchmarks.peers import Tools"),
        ("benchmarks/recipe_search/training.py", "import mxnet as mx"),
        ("benchmarks/recipe_search/command_line.py", "from benchmarks.comparison import say"),
    ],
)
def test_an_import_across_the_line_is_found(name: str, text: str) -> None:
    assert list(forbidden_imports(as_source(text, name))) != []


@needs_names_of_the_library
def test_engine_alone_may_load_mxnet() -> None:
    assert list(forbidden_imports(as_source("import importlib\nimportlib.import_module('mxnet')", ENGINE))) == []


@pytest.mark.parametrize("folder", ["codes", "obs_layout", "modelarts_local", "demo", "benchmarks"])
def test_no_modules_import_each_other_in_a_circle(folder: str) -> None:
    assert find_circle(import_graph(python_sources(folder))) == []


def test_a_circle_is_found_through_relative_imports_and_inside_functions() -> None:
    sources = [
        as_source("from .b import x", "demo/a.py"),
        as_source("def f():\n    from demo import c", "demo/b.py"),
        as_source("import demo.a", "demo/c.py"),
        as_source("import demo.a", "demo/outside.py"),
    ]
    assert find_circle(import_graph(sources)) == ["demo.a", "demo.b", "demo.c", "demo.a"]
    assert find_circle(import_graph(sources[1:])) == []


IMPORT_ALONE = """
import importlib, sys

class Deleted:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition('.')[0] in ('obs_layout', 'modelarts_local', 'demo', 'benchmarks', 'tests'):
            raise ModuleNotFoundError('%s is deleted' % name, name=name)

sys.meta_path.insert(0, Deleted)
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    try:
        module = importlib.import_module(name)
        if not module.__file__.startswith(sys.argv[1]):
            print(name, 'comes from', module.__file__)
    except ImportError as error:
        print(name, 'needs', error)
"""


def import_alone(codes: Path, *modules: str) -> str:
    """Import modules of a copy of codes/ where nothing else of the project exists; returns what went wrong."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-B", "-c", IMPORT_ALONE, str(codes), *modules],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=codes.parent,
        text=True,
        timeout=CHILD_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def codes_alone(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "codes", tmp_path / "codes", ignore=shutil.ignore_patterns("__pycache__")))


def test_codes_is_complete_when_the_other_folders_are_deleted(codes_alone: Path) -> None:
    # the handler needs the engine's own mms, which neither of the folders brings
    modules = [source.module for source in python_sources("codes") if not source.in_folder("codes/model_template")]
    assert len(modules) > 20
    assert import_alone(codes_alone, *modules) == ""


def test_a_module_of_codes_that_needs_another_folder_is_found(codes_alone: Path) -> None:
    (codes_alone / "leaning.py").write_text("from obs_layout import layout\n")
    assert import_alone(codes_alone, "leaning") == "leaning needs obs_layout is deleted\n"
