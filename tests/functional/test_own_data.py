"""docs/own-data.md from top to bottom: its commands and its edits of the code, on a few small pictures."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.documented_commands import PROGRAMS, Walk, commands_of, run_program
from tests.fixtures_engines import ROOT

DOCUMENT = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
COMMANDS = commands_of(DOCUMENT, f"{PROGRAMS}|cp|git")
PATCHES = re.findall(r"^```diff\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
# 8 pictures a class are enough to see every command do its work
MANY, FEW = "Path('my_images'), 100,", "Path('my_images'), 8,"
KINDS = ["balloon", "car", "cup", "fish", "flower", "house", "key", "star", "tree", "umbrella"]
# learnable, of 1000 classes; as torchvision counts its resnet101, too
WEIGHTS_OF_RESNET_101 = "44,549,160"

TURN = """
from PIL import Image
import numpy as np
from dataset.augmentation import augment_image
from dataset.preprocessing import Preprocessing
from recipes import parse_recipe
upper_half = Image.new('RGB', (8, 8))
upper_half.paste((255, 255, 255), (0, 0, 8, 4))
recipe = parse_recipe('from_above,turn_share=%s,mirror_share=0,crop_area=1:1,crop_ratio=1:1,'
                      'brightness=0,contrast=0,saturation=0')
seen = set()
for number in range(40):
    pixels = augment_image(upper_half, recipe, Preprocessing.for_image_size(8), np.random.RandomState(number))[0]
    seen.add(next(name for name, half in (('top', pixels[:4]), ('bottom', pixels[4:]), ('left', pixels[:, :4]),
                                          ('right', pixels[:, 4:])) if half.min() > 0))
print(' '.join(sorted(seen)))
"""


class Walked(NamedTuple):
    """The folder after all commands, and what each of them printed, in the order of COMMANDS."""

    folder: Path
    printed: list[str]

    def printed_by(self, beginning: str) -> str:
        """What the first command that begins so printed."""
        return self.printed[next(at for at, command in enumerate(COMMANDS) if command.startswith(beginning))]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """The document, walked from top to bottom in a folder that has the parts of the project which it names."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(ROOT / "codes", folder / "codes", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "demo").symlink_to(ROOT / "demo")
    patches = iter(PATCHES)
    printed = []
    with Walk(folder, bucket="none") as walk:
        for command in COMMANDS:
            if command.startswith("git apply "):
                (folder / command.split()[-1]).write_text(next(patches), encoding="utf-8")
            if " --once " in command:
                printed.append(run_program(command, folder).stdout)
            elif "plot_network.py" in command:
                printed.append(run_program(command, folder).stderr)
            else:
                printed.append(walk.type(command.replace(MANY, FEW)))
    return Walked(folder, printed)


def test_the_document_has_the_commands_that_are_run_here() -> None:
    assert [command.split()[:2] for command in COMMANDS] == [
        ["python", "-c"],
        ["obs-layout", "pack"],
        ["obs-layout", "verify"],
        ["modelarts-local", "check"],
        ["modelarts-local", "train"],
        ["modelarts-local", "check"],
        ["modelarts-local", "serve"],
        ["modelarts-local", "predict"],
        ["modelarts-local", "predict"],
        ["cp", "-r"],
        ["git", "apply"],
        ["python", "my_codes/plot_network.py"],
        ["git", "apply"],
        ["modelarts-local", "check"],
        ["modelarts-local", "train"],
        ["modelarts-local", "check"],
        ["modelarts-local", "serve"],
    ]
    assert len(PATCHES) == 2
    assert MANY in COMMANDS[0]


def test_the_service_answers_with_the_names_of_the_folders(walked: Walked) -> None:
    assert walked.folder.joinpath("out/V0001/model/synset.txt").read_text().split() == KINDS
    assert re.match(
        rf"my_images/cup/image_0001\.jpg: ({'|'.join(KINDS)}) \d", walked.printed_by("modelarts-local predict")
    )
    assert "accuracy" in walked.printed_by("modelarts-local predict --data")
    assert walked.folder.joinpath("wrong.html").stat().st_size > 0


def test_nothing_is_found_in_the_job_and_the_package_of_either(walked: Walked) -> None:
    checks = [said for command, said in zip(COMMANDS, walked.printed) if command.startswith("modelarts-local check")]
    assert [said.partition(" (")[0] for said in checks] == [
        f"nothing found in {path}" for path in ("codes", "out/V0001", "my_codes", "out_101/V0001")
    ]


def test_the_edited_network_is_resnet_101(walked: Walked) -> None:
    promised = re.search(r"`(ResNet-101, 224 pixels, 1000 classes: [\d.]+ million parameters)`", DOCUMENT)
    assert promised and promised.group(1) in walked.printed_by("python my_codes/plot_network.py")
    last_line = (walked.folder / "network" / "layers.txt").read_text().splitlines()[-1]
    assert last_line.split()[:2] == ["total", WEIGHTS_OF_RESNET_101]


def test_the_edited_job_trains_it_and_its_model_is_served(walked: Walked) -> None:
    network = json.loads((walked.folder / "out_101" / "V0001" / "model" / "pred_model-symbol.json").read_text())
    units = {node["name"].partition("_conv")[0] for node in network["nodes"] if "_conv1" in node["name"]}
    assert len([unit for unit in units if unit.startswith("stage3_unit")]) == 23
    assert json.loads(walked.printed_by("modelarts-local serve out_101"))["predicted_label"] in KINDS


@pytest.mark.parametrize(("share", "seen"), [(0, "top"), (1, "bottom left right")])
def test_the_edited_augmentation_turns_as_many_pictures_as_it_is_told(walked: Walked, share: int, seen: str) -> None:
    (walked.folder / "my_codes" / "turn.py").write_text(TURN % share)
    assert run_program("python my_codes/turn.py", walked.folder).stdout.split() == seen.split()
