"""The rules of `check`, each with the severity that its findings have and where it is known from.

The first of each letter are those of the contract's section 7.2, under its numbers; the others follow them. Those of
custom images, I, are ours.
"""

from __future__ import annotations

from typing import NamedTuple

from .findings import ERROR, WARNING, Finding


class Rule(NamedTuple):
    """What is asked of a job or a package. title: a claim that holds when the rule is kept; basis: contract section."""

    id: str
    severity: str
    title: str
    basis: str


_IN_ORDER = (
    # The training job
    Rule("T1", ERROR, "the boot file is a .py inside the code folder and parses on the target Python", "1.2"),
    Rule("T2", ERROR, "the boot file takes --data_url, --train_url, --num_gpus and flags it does not know", "1.3"),
    Rule("T3", ERROR, "paths do not depend on a trailing slash, the folder's name or the current folder", "1.2, 1.6"),
    Rule("T4", ERROR, "no plain file function is given a value of --data_url or --train_url", "7.1"),
    Rule("T5", WARNING, "the code folder is within 128 MB and 1,000 entries, data file names within 255", "1.6"),
    Rule("T6", WARNING, "the job can run without a GPU", "1.3"),
    Rule("T7", ERROR, "the job writes train_url/model/ with one symbol and one -0000.params of its prefix", "2.1"),
    Rule("T8", WARNING, "the output folder is empty and not the data folder", "1.1"),
    Rule("T9", ERROR, "pip-requirements.txt has that name and place, lines pip takes, and fitting wheels", "1.5"),
    Rule("T10", ERROR, "what is imported is in the code folder, the engine or pip-requirements.txt", "7.1"),
    Rule("T11", ERROR, "the code says what it means in Python 3.6, neither older nor newer", "3.6, 7.1"),
    Rule("T12", WARNING, "no folder of one machine and no name of the code folder is written into the code", "1.6"),
    Rule("T13", WARNING, "MXNet itself reads and writes local files", "1.4"),
    Rule("T14", ERROR, "a .py file holds Python, not the web page it was shown on", "7.1"),
    Rule("T15", WARNING, "no module of the code folder hides one of the library or of the engine", "1.2"),
    Rule("T16", ERROR, "the boot file gets as far as its command line", "1.2"),
    Rule("T17", WARNING, "the job needs no internet", "1.1"),
    Rule("T18", WARNING, "each running parameter is one that the job knows", "1.3"),
    Rule("T19", WARNING, "what the job logs is seen in the job's log", "7.1"),
    # The model package
    Rule("M1", ERROR, "the parent holds model/ with each needed file once, no Dockerfile, no space in a path", "2.1"),
    Rule("M2", ERROR, "the weights fit the network, and its width is the number of labels", "3.3"),
    Rule("M3", ERROR, "config.json is JSON with model_type MXNet or Image and a permitted model_algorithm", "2.3"),
    Rule("M4", ERROR, "config.json has one api with url /, method POST and a known Content-type", "2.3"),
    Rule("M5", ERROR, "the file property of the request is called images, as the signature's input", "3.2"),
    Rule("M6", ERROR, "dependencies use pip, permitted characters, and a restraint where there is a version", "2.3"),
    Rule("M7", WARNING, "runtime is stated, and the metrics are numbers that were measured", "2.3, 2.5"),
    Rule("M8", ERROR, "the deployment's three variables are free of spaces and say what the network is", "3.2, 7.1"),
    Rule("M9", WARNING, "config.json names each member once, and none that is not documented", "2.3"),
    Rule("M10", ERROR, "config.json of a package for the engine has nothing that is for custom images", "2.3"),
    Rule("M11", ERROR, "the runtime is one of the MXNet engine's", "2.4"),
    Rule("M12", WARNING, "model/ holds only files and folders, not too many, with names that can be printed", "2.1, 6"),
    Rule("M13", WARNING, "the deployment's shapes begin with 0, which stands for any batch", "3.2"),
    Rule("M14", WARNING, "the network has only layers that the platform's MXNet 1.2.1 knows", "2.4"),
    # The config.json of a custom image, model_type Image, which is what today's platform takes
    Rule("I1", ERROR, "swr_location says where in SWR the image lies, with its tag", "2.3"),
    Rule("I2", ERROR, "health has the url that is asked, protocol http, and its times as text", "2.3"),
    Rule("I3", ERROR, "there is nothing that is for engines, neither dependencies nor runtime", "2.3"),
    Rule(
        "I4", ERROR, "each api has a path, a method and a known Content-type, and a file where one is sent", "2.3, 4.4"
    ),
    # The service code
    Rule("S1", ERROR, "there is one service class derived from MXNetBaseService, with its constructor", "3.1"),
    Rule("S2", ERROR, "the constructor takes the signature as a dict with the deployment's inputs", "3.2"),
    Rule("S3", ERROR, "what _postprocess returns is JSON", "3.3"),
    Rule("S4", ERROR, "pictures of every kind are answered within 40 s", "3.5, 4.4"),
    Rule("S5", WARNING, "no module beside the handler has the name of an installed package", "2.1"),
    Rule("S6", WARNING, "the constructor takes a signature without inputs, too", "3.2"),
    Rule("S7", WARNING, "what is imported comes from the engine, from model/ or from the dependencies", "7.1"),
    Rule("S8", WARNING, "the package can be tried on this computer", "7.3"),
    Rule("S9", ERROR, "the code runs on its runtime, or on both defaults where none is stated", "3.6, 7.1"),
    Rule("S10", WARNING, "files are opened below model_dir, not at a place of one machine", "2.1, 7.1"),
    Rule("S11", WARNING, "every name that the code uses is defined", "3.2"),
    Rule("S12", WARNING, "the handler prints little", "3.1"),
    Rule("S13", WARNING, "a bad picture is refused as the client's mistake, and ends nothing", "3.5, 4.3"),
    Rule("S14", WARNING, "the answer has the form that config.json describes", "3.3"),
    # The names that are given when importing
    Rule("N1", WARNING, "model name, version and description are within the import form's limits", "2.2"),
)
RULES = {rule.id: rule for rule in _IN_ORDER}


def finding(
    rule: str,
    path: str,
    line: int | None,
    found: str,
    expected: str,
    remedy: str,
    code: str | None = None,
    severity: str | None = None,
) -> Finding:
    """Return a finding with its rule's severity, unless this one has another."""
    return Finding(rule, severity or RULES[rule].severity, path, line, found, expected, remedy, code)
