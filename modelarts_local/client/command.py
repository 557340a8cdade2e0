"""The command line of `modelarts-local predict`."""

from __future__ import annotations

import argparse
from typing import Callable

from ..credentials import METHODS, NONE

_DESCRIPTION = """\
Send pictures to a service, at home or on the platform, one request each, and show what it answers: a line for each
picture, or with --dir, --rec, --data or --labels a table with the accuracy.
"""
_EPILOG = """\
secrets: MODELARTS_TOKEN, MODELARTS_APP_CODE, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, with
HUAWEICLOUD_SDK_SECURITY_TOKEN for temporary keys. Better there than in a flag, which every user of this computer sees
in the list of processes; a flag may also be @FILE that holds the secret, or - to be asked for it. An app's key and
secret go where AK and SK go.

TLS: SSL_CERT_FILE names the authorities to trust in place of the usual ones

exit codes: 0 every picture was answered; 1 one was not; 2 the command line; 3 no service is there
"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command line of predict to the program's."""
    predict = commands.add_parser(
        "predict",
        help="send images to a service",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_pictures(predict)
    _add_service(predict)
    _add_authentication(predict)
    _add_output(predict)
    predict.set_defaults(run=_run_predict, usage_error=predict.error)


def _add_pictures(predict: argparse.ArgumentParser) -> None:
    pictures = predict.add_argument_group("pictures: IMAGE..., or one of --dir, --rec and --data")
    pictures.add_argument("images", metavar="IMAGE", nargs="*", help="image file")
    pictures.add_argument("--dir", metavar="FOLDER", help="all pictures below a folder, without hidden ones")
    pictures.add_argument("--rec", metavar="FILE", help=".rec of MXNet, with its classes by the synset.txt beside it")
    pictures.add_argument("--data", metavar="FOLDER", help="validation pictures of what obs-layout pack has written")
    pictures.add_argument(
        "--labels",
        metavar="LIST",
        nargs="?",
        const="",
        help="compare with the true class: the name of the folder that holds the picture, or as LIST says, lines of "
        "path,label (.csv), path TAB label (.tsv), or an .lst of MXNet",
    )


def _add_service(predict: argparse.ArgumentParser) -> None:
    service = predict.add_argument_group("service")
    service.add_argument("--url", default="http://127.0.0.1:8080/", help="its address")
    service.add_argument("--connections", type=_count(1, 64), default=4, metavar="N", help="requests at a time")
    service.add_argument(
        "--retries",
        type=_count(0, 10),
        default=3,
        metavar="N",
        help="how often a picture is sent again after 429, 503 or a connection lost before an answer",
    )
    service.add_argument(
        "--insecure",
        action="store_true",
        help="trust any certificate, and send secrets over http:// too: whoever is on the way can read and change all",
    )


def _add_authentication(predict: argparse.ArgumentParser) -> None:
    proof = predict.add_argument_group("authentication; none where neither a flag nor the environment holds a secret")
    proof.add_argument(
        "--auth",
        choices=("any", *METHODS, NONE),
        default="any",
        help="which one to use (default: that of the flags, or else the first that the environment has)",
    )
    proof.add_argument("--token", metavar="TOKEN", help="IAM token of the project; MODELARTS_TOKEN")
    proof.add_argument("--app-code", metavar="CODE", help="AppCode of an app; MODELARTS_APP_CODE")
    proof.add_argument("--ak", metavar="KEY", help="access key that requests are signed with; HUAWEICLOUD_SDK_AK")
    proof.add_argument("--sk", metavar="KEY", help="the secret key that goes with it; HUAWEICLOUD_SDK_SK")


def _add_output(predict: argparse.ArgumentParser) -> None:
    output = predict.add_argument_group("output")
    output.add_argument(
        "--json",
        action="store_true",
        help="print lines of JSON: file, status, answer; truth and rank where known; a summary at the end of a table",
    )
    output.add_argument("--only-wrong", action="store_true", help="leave right predictions out of the table")
    output.add_argument("--csv", metavar="FILE", help="write the table, with the reasons of failures, to a CSV file")
    output.add_argument("--html", metavar="FILE", help="write a page that shows the pictures that went wrong")


def _count(least: int, most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if text.isdigit() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")

    return count


# Imported when it runs: --help must not wait for the HTTP client.


def _run_predict(arguments: argparse.Namespace) -> int:
    given = [name for name in ("images", "dir", "rec", "data") if getattr(arguments, name)]
    if len(given) != 1:
        arguments.usage_error("give IMAGE..., or one of --dir, --rec and --data")
    if arguments.labels is not None and given[0] in ("rec", "data"):
        arguments.usage_error(f"--labels and --{given[0]}: the records hold their own labels; leave --labels out")

    from .authentication import GivenSecrets
    from .predict import Wanted, predict, prepare_sending

    secrets = GivenSecrets(arguments.token, arguments.app_code, arguments.ak, arguments.sk)
    sending = prepare_sending(
        arguments.url, arguments.auth, secrets, arguments.connections, arguments.retries, arguments.insecure
    )
    wanted = Wanted(
        arguments.images,
        arguments.dir,
        arguments.rec,
        arguments.data,
        arguments.labels,
        arguments.json,
        arguments.only_wrong,
        arguments.csv,
        arguments.html,
    )
    return predict(wanted, sending)
