"""Small pictures and folders of them, drawn for tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image


def draw(width: int, height: int, turn: int = 0) -> Image.Image:
    """An RGB picture with a gradient in each channel; another `turn` is another picture."""
    gradient = Image.linear_gradient("L")
    channels = [gradient.rotate(90 * channel + 37 * turn).resize((width, height)) for channel in range(3)]
    return Image.merge("RGB", channels)


def encode(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The picture as the content of an image file."""
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def jpeg(width: int, height: int, turn: int = 0) -> bytes:
    """The content of a small JPEG file."""
    return encode(draw(width, height, turn))


def write_classes(folder: Path, counts: dict[str, int], width: int = 40, height: int = 30) -> Path:
    """Fill `folder` with one folder for each class, with so many JPEGs named image_0001.jpg and on."""
    turn = 0
    for class_name, count in counts.items():
        (folder / class_name).mkdir(parents=True)
        for number in range(1, count + 1):
            turn += 1
            (folder / class_name / f"image_{number:04d}.jpg").write_bytes(jpeg(width, height, turn))
    return folder


def tar_of(folder: Path, path: Path, top: str = "101_ObjectCategories", mode: str = "w") -> Path:
    """A .tar of the folder under the name `top`; mode 'w:gz' compresses it."""
    with tarfile.open(path, mode) as archive:
        archive.add(folder, arcname=top)
    return path


def zip_of(folder: Path, path: Path, top: str = "101_ObjectCategories") -> Path:
    """A .zip of the folder under the name `top`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sorted(folder.rglob("*")):
            archive.write(member, f"{top}/{member.relative_to(folder).as_posix()}")
    return path
