"""The layers of the networks as a table and as a drawing."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures_engines import CODES

import plot_network
from network import layers
from recipes import RECIPES

# Parameters and billions of multiply-adds at 224 pixels and 1000 classes; parameters as torchvision's models have them
PUBLISHED = {18: (11_689_512, 1.81), 34: (21_797_672, 3.66), 50: (25_557_032, 4.09)}


@pytest.fixture(scope="module")
def no_dot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without programs, to stand as PATH."""
    return tmp_path_factory.mktemp("empty")


def run(folder: Path, *flags: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(CODES / "plot_network.py"), str(folder), *flags],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )


def fake_dot(folder: Path, program: str) -> str:
    """Put a program called dot into a folder; returns the folder as a PATH."""
    folder.mkdir()
    (folder / "dot").write_text(f"#!{sys.executable}\nimport sys\n{program}\n")
    (folder / "dot").chmod(0o755)
    return str(folder)


def layers_of(num_layers: int, image_size: int = 224) -> list[layers.Layer]:
    from network import resnet

    return list(layers.layers_of(resnet.get_symbol(1000, num_layers, image_size, RECIPES["tutorial"]), image_size))


@pytest.mark.parametrize("num_layers", [18, 34, 50])
def test_parameters_and_multiply_adds_are_those_published(num_layers: int) -> None:
    layers = layers_of(num_layers)
    parameters, multiply_adds = PUBLISHED[num_layers]
    assert sum(layer.parameters for layer in layers) == parameters
    assert sum(layer.multiply_adds for layer in layers) / 1e9 == pytest.approx(multiply_adds, abs=0.01)


def test_a_layer_has_its_shape_and_what_it_reads() -> None:
    by_name = {layer.name: layer for layer in layers_of(18)}
    assert by_name["conv0"] == layers.Layer(
        "conv0", "Convolution", "7 x 7, stride 2", (64, 112, 112), 9408, 118_013_952, ("data",)
    )
    assert by_name["stage2_unit1_plus"].inputs == ("stage2_unit1_conv2_bn", "stage2_unit1_sc_bn")
    assert by_name["fc1"].shape == (1000,)
    assert by_name["pool1"].settings == "global avg"


def test_without_graphviz_there_are_the_tables_and_a_sentence(tmp_path: Path, no_dot: Path) -> None:
    done = run(
        tmp_path / "net", "--num_layers=18", "--image_size=96", "--num_classes=7", "--recipe=tutorial", path=str(no_dot)
    )
    assert done.returncode == 0, done.stderr
    assert "Not drawn: Graphviz's program `dot` is not on PATH. Install it" in done.stderr
    assert "11.2 million parameters, 0.33 billion multiply-adds a picture" in done.stderr
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == ["layers.csv", "layers.txt", "network.dot"]
    lines = (tmp_path / "net" / "layers.txt").read_text().splitlines()
    assert lines[0] == "ResNet-18, 96 pixels, 7 classes"
    assert lines[2].split() == ["layer", "kind", "settings", "output", "parameters", "multiply-adds"]
    assert " ".join(lines[3].split()) == "conv0 Convolution 7 x 7, stride 2 64 x 48 x 48 9,408 21,676,032"
    with open(tmp_path / "net" / "layers.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    total = lines[-1].split()
    assert total == ["total", f"{sum(int(row['parameters']) for row in rows):,}",
                     f"{sum(int(row['multiply-adds']) for row in rows):,}"]  # fmt: skip


def test_graphviz_draws_svg_and_pdf(tmp_path: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed (apt-get install graphviz)")
    text = plot_network.dot_text(layers_of(18)[:12], 'a "title" with \\ in it')
    (tmp_path / "network.dot").write_text(text)
    plot_network.draw(str(tmp_path))
    drawing = (tmp_path / "network.svg").read_text()
    assert "stage1_unit1_plus" in drawing and "64 x 112 x 112" in drawing and "title&quot; with" in drawing
    assert (tmp_path / "network.pdf").read_bytes().startswith(b"%PDF")


def test_a_graphviz_that_fails_is_told_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_dot(tmp_path / "bin", "sys.exit('no font')"))
    (tmp_path / "network.dot").write_text("digraph {}")
    with pytest.raises(OSError, match=r"bin/dot ended with 1: no font$"):
        plot_network.draw(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "network.dot"]


def test_a_wrong_depth_is_a_wrong_command_line(tmp_path: Path, no_dot: Path) -> None:
    done = run(tmp_path, "--num_layers=20", path=str(no_dot))
    assert (done.returncode, "invalid choice: 20" in done.stderr) == (2, True)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert plot_network.main([str(tmp_path / "file" / "net"), "--num_layers=18"]) == 3
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert message.startswith("writing the network failed: ")
    assert str(tmp_path / "file") in message


@pytest.mark.parity
def test_mxnet_1_2_1_lists_the_same_layers(parity_python: str, tmp_path: Path, no_dot: Path) -> None:
    for python, name in ((sys.executable, "ours"), (parity_python, "parity")):
        subprocess.run(
            [python, "-W", "ignore", str(CODES / "plot_network.py"), str(tmp_path / name), "--num_layers=50"],
            env={**os.environ, "PATH": str(no_dot)},
            check=True,
            capture_output=True,
        )
    for name in ("layers.csv", "network.dot"):
        assert (tmp_path / "ours" / name).read_text() == (tmp_path / "parity" / name).read_text()
