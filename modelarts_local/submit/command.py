"""The command lines of `modelarts-local submit`, `submit show` and `submit cleanup`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ..job.durations import duration_s
from ..options import STORAGE, count, positive_number
from .settings import PREDICT, STEPS

if TYPE_CHECKING:
    from .submitting import How

MAX_RETRIES = 10

_DESCRIPTION = """\
Take a bundle to ModelArts itself: upload code and data, train, import the model, deploy it, ask it for one picture,
and stop and delete the service again. WHAT RUNS THERE COSTS MONEY; each end of this command tells what still runs and
how to stop it. The same command given again goes on where it ended.

    modelarts-local submit --name=caltech --to=obs://my-bucket/caltech/ --image=cat.jpg \\
        --train-image=my-org/mxnet-train:1 --train-flavor=modelarts.vm.cpu.8u \\
        --serve-image=my-org/mxnet-serve:1 --serve-flavor=modelarts.vm.cpu.2u --param num_epochs=8
    modelarts-local submit cleanup caltech
"""
_SECRETS = """\
secrets: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, with HUAWEICLOUD_SDK_SECURITY_TOKEN for temporary keys; no flag
takes them

TLS: SSL_CERT_FILE names the authorities to trust in place of the usual ones
"""
_CODES = """\
exit codes: 0 done; 1 the platform refused it, or the job, the model, the service or the prediction failed; 2 the
command line, the environment, or another command works on it; 3 storage, or the platform does not answer in time; 130
interrupted
"""
_EPILOG = f"""\
{_SECRETS}
the platform: HUAWEICLOUD_SDK_PROJECT_ID and HUAWEICLOUD_SDK_REGION stand for --project and --region

{STORAGE}; where S3_ENDPOINT is not set, the OBS of the region, with the keys above

{_CODES}"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command lines of submit to the program's."""
    submit = commands.add_parser(
        "submit",
        help="take a bundle to ModelArts itself, which costs money",
        usage="modelarts-local submit --name NAME --to URL [...]\n       modelarts-local submit {show,cleanup} [NAME]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_bundle(submit.add_argument_group("the bundle"))
    _add_training(submit.add_argument_group("the training"))
    _add_serving(submit.add_argument_group("the service"))
    _add_place(submit.add_argument_group("the platform"))
    _add_course(submit.add_argument_group("its course"))
    _add_output(submit)
    submit.set_defaults(run=_run_submit)
    actions = submit.add_subparsers(title="what was submitted before", metavar="ACTION", prog="modelarts-local submit")
    for name, run, purpose, details in (
        ("show", _run_show, "tell what is left of a submission", "Ask the platform for the state of what was made."),
        ("cleanup", _run_cleanup, "stop and delete what a submission made", _CLEANUP),
    ):
        action = actions.add_parser(name, help=purpose, description=details, epilog=f"{_SECRETS}\n{_CODES}")
        action.add_argument(
            "submission", metavar="NAME", nargs="?", help="what --name called it (default: the one with something left)"
        )
        _add_output(action, is_action=True)
        action.set_defaults(run=run)
        if run is _run_cleanup:
            action.add_argument(
                "--dry-run",
                action="store_true",
                default=argparse.SUPPRESS,  # one before the action counts, too
                help="only print the requests; send nothing",
            )


_CLEANUP = """\
Stop and delete what a submission made on the platform: its service, its training job, its model. Nothing else there is
touched, and nothing in the bucket is deleted.
"""


def _add_bundle(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--name", default="", metavar="NAME", help="what jobs, models and services are called, with -xxxxxxxx behind"
    )
    group.add_argument("--codes", default="codes", metavar="FOLDER", help="code folder, uploaded unless it is a URL")
    group.add_argument("--boot-file", default="train_caltech.py", metavar="FILE", help="program in the code folder")
    group.add_argument(
        "--data", default="mxnet_format", metavar="FOLDER", help="packed data, uploaded unless it is a URL"
    )
    group.add_argument("--to", default="", metavar="URL", help="folder in a bucket for code, data and results")
    group.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="handed to the program as --NAME=VALUE; may be given again",
    )


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--train-image", default="", metavar="IMAGE", help="image to train in, as SWR names it")
    group.add_argument("--train-flavor", default="", metavar="ID", help="machine to train on; the console lists them")
    group.add_argument("--nodes", type=count, default=1, metavar="N", help="machines to train on")
    group.add_argument("--pool", default="", metavar="ID", help="dedicated resource pool (default: the public one)")
    group.add_argument(
        "--command", default="", metavar="LINE", help="starts the program in the image (default: python3 and its path)"
    )
    group.add_argument(
        "--job-hours", type=count, default=12, metavar="H", help="hours after which the platform ends the job"
    )


def _add_serving(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--serve-image", default="", metavar="IMAGE", help="image to serve in, as SWR names it")
    group.add_argument("--serve-flavor", default="", metavar="ID", help="machine to serve on")
    group.add_argument(
        "--serve-env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable for the service's environment; may be given again",
    )
    group.add_argument("--image", default="", metavar="FILE", help="picture to ask the service for")
    group.add_argument(
        "--service-hours", type=count, default=1, metavar="H", help="hours after which the platform stops the service"
    )
    group.add_argument(
        "--keep", action="store_true", help="leave the service running after the picture, which goes on costing"
    )


def _add_place(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--region", metavar="REGION", help="such as cn-north-4; the bucket lies in the same")
    group.add_argument("--project", metavar="ID", help="the ID of the region's project, under My Credentials")
    group.add_argument("--endpoint", metavar="URL", help="address of the API (default: that of the region)")


def _add_course(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--until", choices=STEPS, default=PREDICT, help="end after this step; what then runs goes on")
    group.add_argument(
        "--no-check", action="store_true", help="submit code that the platform would refuse all the same"
    )
    group.add_argument("--dry-run", action="store_true", help="only print uploads and requests; send nothing")


def _add_output(parser: argparse.ArgumentParser, is_action: bool = False) -> None:
    """Add what submit and its actions share. is_action: a flag that is not given keeps its value from before it."""

    def default(value: Any) -> Any:
        return argparse.SUPPRESS if is_action else value

    parser.add_argument(
        "--timeout", type=duration_s, default=default("24h"), metavar="TIME", help="longest wait for one state"
    )
    parser.add_argument(
        "--interval",
        type=positive_number,
        default=default(10),
        metavar="S",
        help="seconds from one look at a state to the next",
    )
    parser.add_argument(
        "--retries",
        type=int,
        choices=range(MAX_RETRIES + 1),
        default=default(5),
        metavar="N",
        help=f"how often a request is sent again, 0 to {MAX_RETRIES}",
    )
    parser.add_argument(
        "--state",
        default=default(None),
        metavar="FILE",
        help="what was made (default: submissions/NAME.json in MODELARTS_LOCAL_HOME or ~/.modelarts-local)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=default(False),
        help="print one JSON object at the end; the rest goes to stderr",
    )


# Imported when they run: --help must not wait for the storage and the HTTP client.


def _run_submit(arguments: argparse.Namespace) -> int:
    from ..job.names import split_parameter
    from . import settings
    from .checked_code import doubts_about_code
    from .planning import show_plan
    from .submitting import submit

    asked = settings.SubmitSettings(
        name=arguments.name,
        codes=_place(arguments.codes),
        boot_file=arguments.boot_file,
        data=_place(arguments.data),
        root=settings.folder_url(arguments.to),
        parameters=tuple(split_parameter("--param", text) for text in arguments.param),
        train_image=arguments.train_image,
        train_flavor=arguments.train_flavor,
        serve_image=arguments.serve_image,
        serve_flavor=arguments.serve_flavor,
        serve_variables=tuple(split_parameter("--serve-env", text) for text in arguments.serve_env),
        picture=arguments.image,
        last_step=arguments.until,
        nodes=arguments.nodes,
        job_hours=arguments.job_hours,
        service_hours=arguments.service_hours,
        pool_id=arguments.pool,
        command=arguments.command,
    )
    region = arguments.region or os.environ.get(settings.REGION_VARIABLE, "")
    project = arguments.project or os.environ.get(settings.PROJECT_VARIABLE, "")
    settings.refuse_missing(asked, region, project)
    platform = settings.platform_from(region, project, arguments.endpoint, os.environ)
    wanted = settings.checked(asked)
    if arguments.dry_run:
        for doubt in () if arguments.no_check else doubts_about_code(wanted):
            print(doubt, file=sys.stderr)
        return show_plan(wanted, platform, arguments.keep, arguments.json)
    return submit(wanted, platform, _how(arguments, arguments.name))


def _run_show(arguments: argparse.Namespace) -> int:
    from .state import find_state
    from .submitting import show

    state = find_state(arguments.submission, arguments.state, os.environ)
    return show(state, _how(arguments, state.name))


def _run_cleanup(arguments: argparse.Namespace) -> int:
    from .planning import show_cleanup
    from .state import find_state
    from .submitting import cleanup

    state = find_state(arguments.submission, arguments.state, os.environ)
    if arguments.dry_run:
        return show_cleanup(state, arguments.json)
    return cleanup(state, _how(arguments, state.name))


def _how(arguments: argparse.Namespace, name: str) -> How:
    from .state import state_path
    from .submitting import How
    from .waiting import Pace

    return How(
        path=state_path(name, arguments.state, os.environ),
        retries=arguments.retries,
        pace=Pace(arguments.interval, arguments.timeout),
        is_json=arguments.json,
        keeps_service=getattr(arguments, "keep", False),
        is_checked=not getattr(arguments, "no_check", False),
    )


def _place(text: str) -> str:
    """Return s3:// for a URL, an absolute path for a folder, so that the same command works from elsewhere."""
    from .settings import folder_url, is_url

    url = folder_url(text)
    return url if is_url(url) else os.path.abspath(os.path.expanduser(text))
