"""T3, T4, T13: what the job does with the URLs that it is given."""

from __future__ import annotations

import ast
import os
from typing import Iterator

from ..findings import Finding
from ..rules import finding
from ..syntax import full_name, known_as, nodes_of
from .source import Job, SourceFile
from .url_flow import Flow, UrlCall, is_moxing_file

# Python's own functions and those of libraries that open files through them
_PLAIN_NAMES = """
open io.open codecs.open gzip.open bz2.open lzma.open tarfile.open zipfile.ZipFile pathlib.Path logging.FileHandler
os.listdir os.walk os.scandir os.stat os.makedirs os.mkdir os.remove os.unlink os.rmdir os.rename os.replace
os.chdir os.access os.path.getsize os.path.getmtime glob.glob glob.iglob shutil.copy shutil.copyfile shutil.copy2
shutil.copytree shutil.move shutil.rmtree shutil.unpack_archive numpy.load numpy.save numpy.savez
numpy.savez_compressed numpy.loadtxt numpy.savetxt numpy.genfromtxt numpy.fromfile cv2.imread cv2.imwrite
PIL.Image.open scipy.io.loadmat h5py.File joblib.load joblib.dump matplotlib.pyplot.savefig
mxnet.gluon.data.vision.ImageFolderDataset mxnet.gluon.data.vision.ImageRecordDataset torch.save torch.load
distutils.dir_util.copy_tree
"""
_PLAIN = frozenset(_PLAIN_NAMES.split())
_QUESTIONS = frozenset(("os.path.exists", "os.path.isdir", "os.path.isfile"))
_OF_MXNET = ("save_checkpoint", "save_params", "save_parameters", "load_parameters", "load_params", "export")


def find_url_misuse(job: Job) -> Iterator[Finding]:
    """T3: texts joined without a slash. T4: plain file functions on URLs. T13: MXNet's own functions on them."""
    flow = Flow(job)
    for join in flow.joins:
        yield finding(
            "T3", job.place(join.source.name), join.line,
            f"{join.flag} joined to {join.text[:40]!r} without a slash between them",
            "a path that is right with and without a slash at the URL's end",
            f"Write os.path.join(args.{join.flag}, {join.text[:40]!r}).",
        )  # fmt: skip
    shifted = _is_shifted(job)
    for call in flow.calls:
        if call.flag not in flow.asked:
            yield from _misuse(job, call, shifted)


def _misuse(job: Job, call: UrlCall, shifted: bool) -> Iterator[Finding]:
    method = call.callee.rpartition(".")[2]
    plain = call.callee in _PLAIN or (call.callee in _QUESTIONS and not _asks_moxing_too(call.scope))
    if plain and not (shifted and call.callee not in ("cv2.imread", "cv2.imwrite")):
        yield finding(
            "T4", job.place(call.source.name), call.line,
            f"{call.callee}() of {call.flag}, which is an s3:// URL on the platform", "a local path, or moxing.file",
            _t4_remedy(call),
        )  # fmt: skip
    elif call.callee.startswith("mxnet.") or method in _OF_MXNET:
        yield finding(
            "T13", job.place(call.source.name), call.line,
            f"{call.callee.lstrip('.')}() of {call.flag}, an s3:// URL, which only an MXNet built for S3 opens",
            "a local path, which every build of MXNet opens",
            "Copy with moxing.file between the URL and a local folder. As it is, the job works on the platform's own "
            "MXNet of 2019, built with USE_S3=1, and fails in a custom image and at home, where MXNet comes from pip.",
        )  # fmt: skip


def _t4_remedy(call: UrlCall) -> str:
    if call.flag == "train_url":
        return "Write into a local folder such as /cache/output, and mox.file.copy_parallel() it to train_url."
    return "Copy it first: mox.file.copy_parallel(args.data_url, '/cache/data'); then read from there."


def _asks_moxing_too(scope: ast.AST) -> bool:
    """Tell whether the same function calls moxing.file: then it asks in order to know which of the two to use."""
    return any(is_moxing_file(node) for node in ast.walk(scope) if isinstance(node, ast.Call))


def _is_shifted(job: Job) -> bool:
    """Tell whether the job calls moxing.file.shift('os', 'mox'), after which open() and its like take URLs."""
    for _, tree in job.parsed():
        for node in nodes_of(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "shift":
                texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                if texts == ["os", "mox"]:
                    return True
    return False


def find_files_left_behind(job: Job) -> Iterator[Finding]:
    """T3: a file of the code folder that is opened by a name relative to it, where the job does not stand."""
    for source, tree in job.parsed():
        names = known_as(tree)
        for node in nodes_of(tree):
            if isinstance(node, ast.Call) and node.args and full_name(node.func, names) in _PLAIN:
                yield from _left_behind(job, source, node)


def _left_behind(job: Job, source: SourceFile, call: ast.Call) -> Iterator[Finding]:
    argument = call.args[0]
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return
    path = argument.value
    inside = os.path.normpath(os.path.join(job.folder, path))
    if path and not os.path.isabs(path) and "://" not in path and os.path.isfile(inside):
        # The job stands in the parent of the code folder (contract 1.2)
        yield finding(
            "T3", job.place(source.name), call.lineno, f"{path!r}, looked for where the job stands",
            f"the file in the code folder, {job.place(os.path.normpath(path))}",
            f"Write os.path.join(os.path.dirname(os.path.abspath(__file__)), {path!r}); the job is started from the "
            "parent of the code folder.",
        )  # fmt: skip
