"""The command line of obs_layout: its commands, flags and defaults."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Callable

from obs_layout.finding_lines import SHOWN_OF_A_KIND
from obs_layout.help_form import Parser
from obs_layout.layout import DATA_FOLDER, FILE_NAME_RULE, is_file_name
from obs_layout.pack import PackSettings
from obs_layout.storage import engine, parse_url

MAX_EDGE = 8192  # pixels; chosen, far above any crop of a training
MAX_WORKERS = 1024


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; the namespace it makes names the command in `command`."""
    parser: argparse.ArgumentParser = Parser(prog="obs_layout", description="What lies where in the bucket.")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    _add_pack(commands)
    _add_verify(commands)
    push = _add_transfer(commands, "push", "copy a local folder to the bucket")
    push.add_argument("local", metavar="LOCAL", type=Path, help="folder with the files")
    push.add_argument(
        "url", metavar="URL", type=_push_target, help="s3:// or obs:// URL, or a folder that is the bucket"
    )
    push.add_argument(
        "--create-bucket",
        action="store_true",
        help="create the bucket unless it is there, in the region of S3_REGION or of an OBS endpoint",
    )
    pull = _add_transfer(commands, "pull", "copy a folder of the bucket to this machine")
    pull.add_argument("url", metavar="URL", type=_url, help="s3:// or obs:// URL, or a folder that is the bucket")
    pull.add_argument("local", metavar="LOCAL", type=Path, help="folder for the files; it is created")
    layout = _add_command(commands, "layout", "draw the bucket: what lies where")
    layout.add_argument("--bucket", default="BUCKET", metavar="NAME", help="name to draw it with")
    return parser


def _add_command(commands: Any, name: str, purpose: str, details: str = "") -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}. {details}",
    )
    return command


def _add_pack(commands: Any) -> None:
    default = PackSettings()
    command = _add_command(
        commands,
        "pack",
        "turn images into the records that training reads",
        "Goes by content, not by file name.",
    )
    add = command.add_argument
    add(
        "images",
        metavar="IMAGES",
        type=Path,
        help="one folder for each class in a folder, .tar, .tar.gz or .zip",
    )
    add("out", metavar="OUT", type=_local_folder, help=f"folder for the result, by custom {DATA_FOLDER}")
    add("--name", type=_name, default=default.name, help="first part of the file names")
    add(
        "--train-ratio",
        type=_ratio,
        default=default.train_ratio,
        metavar="R",
        help="share that is for training",
    )
    add("--seed", type=int, default=default.seed, metavar="N", help="decides the split and the order")
    add(
        "--resize",
        type=_edge,
        default=default.resize,
        metavar="PX",
        help="short edge of every image; 0 keeps it",
    )
    add(
        "--quality",
        type=whole_number(1, 100),
        default=default.quality,
        metavar="Q",
        help="of the JPEGs, 1 to 100",
    )
    add("--pass-through", action="store_true", help="keep JPEGs that are fit for training as they are")
    add(
        "--max-bad-percent",
        type=_percent,
        default=default.max_bad_percent,
        metavar="P",
        help="share of files that may be unusable; 100 packs whatever is good",
    )
    add("--workers", type=_workers, default=engine.usable_processors(), metavar="N", help="processes")
    add("--json", action="store_true", help="print the summary as JSON")


def _add_verify(commands: Any) -> None:
    details = f"One finding a line, at most {SHOWN_OF_A_KIND} of a kind; exit code 0 without findings, 1 with."
    command = _add_command(commands, "verify", "check every record, list and digest of a packed folder", details)
    add = command.add_argument
    add(
        "place",
        metavar="DIR_OR_URL",
        type=_url,
        help="packed folder; a URL is pulled to a temporary folder first",
    )
    add(
        "--image-size",
        type=_edge,
        metavar="PX",
        help="crop of the training, which every image must hold (default: the size packed with)",
    )
    add("--workers", type=_workers, default=engine.usable_processors(), metavar="N", help="decoding threads")
    add("--all", action="store_true", help=f"print every finding, not only the first {SHOWN_OF_A_KIND} of each kind")
    add("--json", action="store_true", help="print the findings, all of them, as JSON")


def _add_transfer(commands: Any, name: str, purpose: str) -> argparse.ArgumentParser:
    details = "Skips what is unchanged and deletes nothing. Hidden files and __pycache__ stay out."
    command = _add_command(commands, name, purpose, details)
    command.add_argument("--all", action="store_true", help="copy the unchanged files too")
    command.add_argument("--dry-run", action="store_true", help="only print what would be copied")
    command.add_argument("--verbose", action="store_true", help="print a line for each unchanged file too")
    command.add_argument("--json", action="store_true", help="print the plan as JSON")
    return command


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return an argument type that takes whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not (text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


_edge = whole_number(0, MAX_EDGE)
_workers = whole_number(1, MAX_WORKERS)


def _local_folder(text: str) -> Path:
    if re.match("[A-Za-z0-9]+:/", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no folder on this machine. Pack into one, then: obs_layout push FOLDER {text}"
        )
    return Path(text)


def _ratio(text: str) -> float:
    ratio = _number(text)
    if not 0 < ratio < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return ratio


def _percent(text: str) -> float:
    percent = _number(text)
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 100")
    return percent


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _name(text: str) -> str:
    if not is_file_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of {FILE_NAME_RULE}")
    return text


def _push_target(text: str) -> str:
    url = _url(text)
    # a new folder is made for a path, and never for a bucket whose s3:// was forgotten
    if parse_url(url).is_local and not url.startswith(("./", "../", "/")) and not Path(url).is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no URL and no folder that is there; write s3://{text} for a bucket, ./{text} for a new folder"
        )
    return url


def _url(text: str) -> str:
    try:
        parse_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
