"""The command lines of `modelarts_local train`, `list`, `show`, `logs` and `stop`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .. import engines
from ..options import STORAGE
from ..platform_rules import LIMITS
from .durations import duration_s

_DESCRIPTION = """\
Run a training job as the platform would. A FOLDER is an s3:// or obs:// URL or a local one.

    modelarts-local train --code-dir=s3://b/codes/ --boot-file=codes/train_caltech.py \\
        --data-url=s3://b/mxnet_format/ --train-url=s3://b/out/ --param num_epochs=3
"""
_EPILOG = f"""\
A job is a folder in --jobs-dir: job.json tells its state, and the reason first; the log and the work folder lie
beside it. Ctrl-C ends the job and prints the command that goes on with it.

{STORAGE}

exit codes: 0 completed; 1 failed, or refused; 2 the command line; 3 storage; 130 interrupted, or stopped
"""
_OF_ONE_JOB = "exit codes: 0 done; 2 the command line, or no such job"
_OF_REMOVING = """\
At a terminal it tells what it would remove, and removes it with --yes; elsewhere it asks for nothing.

exit codes: 0 done; 2 the command line, no such job, or one that runs, and nothing was removed; 3 storage
"""
_JOB_HELP = "a job's id, its name for the newest of that name, or latest"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command lines of train, list, show, logs, stop, rm and prune to the program's."""
    _add_train(commands)
    _add_list(commands)
    _add_for_one_job(commands)
    _add_removing(commands)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = commands.add_parser(
        "train",
        help="run a training job",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_sources(train.add_argument_group("what runs on what"))
    _add_resources(train.add_argument_group("where it runs"))
    _add_course(train.add_argument_group("its course"))
    _add_v2(train.add_argument_group("v2 jobs only"))
    train.add_argument("--quiet", action="store_true", help="do not show the log; the closing line remains")
    train.add_argument("--json", action="store_true", help="print job.json at the end, and nothing else")
    _add_jobs_dir(train)
    train.set_defaults(run=_run_train)


def _add_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--code-dir", required=True, metavar="FOLDER", help="code folder")
    group.add_argument(
        "--boot-file", required=True, metavar="FILE", help="program in the code folder, such as codes/train.py"
    )
    group.add_argument("--data-url", required=True, metavar="FOLDER", help="data, handed to the program as --data_url")
    group.add_argument(
        "--train-url", required=True, metavar="FOLDER", help="results; v1 gives --train_url a new V000N in it"
    )
    group.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="handed to the program as --NAME=VALUE; may be given again",
    )
    group.add_argument("--name", metavar="NAME", help="the job's name (default: that of the boot file)")
    group.add_argument("--description", default="", metavar="TEXT", help="kept in job.json")
    group.add_argument(
        "--contract",
        choices=("v1", "v2"),
        default="v1",
        help="v1 hands URLs to the program, v2 folders that it copies",
    )
    group.add_argument("--no-check", action="store_true", help="start code that the platform would refuse all the same")


def _add_resources(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--engine", default=engines.LOCAL, help=engines.HELP)
    group.add_argument("--gpus", type=int, default=0, metavar="N", help="GPUs; 0 is a CPU flavour, without --num_gpus")
    group.add_argument(
        "--nodes",
        type=int,
        default=1,
        metavar="N",
        help="more than one are workers with MXNet's parameter server",
    )
    group.add_argument("--servers", type=int, default=1, metavar="N", help="parameter servers of a distributed job")


def _add_course(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--train-version", metavar="V000N", help="go on in this version folder instead of a new one")
    group.add_argument("--max-run-time", type=duration_s, metavar="TIME", help="end it after this time: 2h, 90m, 45s")
    group.add_argument("--log-url", metavar="FOLDER", help="the log is copied there, during the job too")
    group.add_argument(
        "--upload-interval",
        type=duration_s,
        default="30s",
        metavar="TIME",
        help="from one such copy, and that of a v2 job's outputs, to the next",
    )


def _add_v2(group: argparse._ArgumentGroup) -> None:
    retries = LIMITS["job-retries"].newest
    group.add_argument(
        "--retries", type=int, default=0, metavar="N", help=f"restarts after a failure, at most {retries}"
    )
    group.add_argument("--predownload", action="store_true", help="fetch what lies in --train-url before the start")
    group.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable for the program's environment; may be given again",
    )


def _add_jobs_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs-dir",
        metavar="FOLDER",
        help="where jobs are kept (default: jobs/ in MODELARTS_LOCAL_HOME or ~/.modelarts-local)",
    )


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser(
        "list",
        help="list past and running jobs",
        description="List jobs, the newest first.",
        epilog="exit codes: 0 done; 2 the command line",
    )
    listing.add_argument("--json", action="store_true", help="print a JSON list of what is known of each")
    _add_jobs_dir(listing)
    listing.set_defaults(run=_run_list)


def _add_for_one_job(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser(
        "show", help="show what is known of a job", description="Print what is known of a job.", epilog=_OF_ONE_JOB
    )
    logs = commands.add_parser(
        "logs", help="show the log of a job", description="Print the last lines of a job's log.", epilog=_OF_ONE_JOB
    )
    stop = commands.add_parser(
        "stop", help="end a running job", description="End a job with all its processes.", epilog=_OF_ONE_JOB
    )
    for parser, run in ((show, _run_show), (logs, _run_logs), (stop, _run_stop)):
        parser.add_argument("job", metavar="JOB", help=_JOB_HELP)
        _add_jobs_dir(parser)
        parser.set_defaults(run=run)
    show.add_argument("--json", action="store_true", help="print its job.json, which has more")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the job has ended")
    # The platform's API shows 50 lines when it is not told otherwise (contract 1.8)
    logs.add_argument(
        "-n", "--lines", metavar="N", type=int, default=LIMITS["log-lines"].first, help="how many of the last lines"
    )
    logs.add_argument("--node", type=int, default=0, metavar="N", help="node of a distributed job")


def _add_removing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rm = commands.add_parser(
        "rm",
        help="remove jobs that have ended",
        description="Remove jobs that have ended: their logs, job.json and work folders. Their results stay.",
        epilog=_OF_REMOVING,
    )
    rm.add_argument("jobs", metavar="JOB", nargs="+", help="a job's id, its name where no other job has it, or latest")
    rm.add_argument(
        "--with-output", action="store_true", help="remove the V000N folder in --train-url that it wrote, too"
    )
    prune = commands.add_parser(
        "prune",
        help="remove old jobs that have ended",
        description="Remove old jobs as rm does. Jobs that run stay, and so does the newest one that completed.",
        epilog=_OF_REMOVING,
    )
    prune.add_argument(
        "--keep", metavar="N", type=_count, required=True, help="how many of the newest that have ended stay"
    )
    for parser, run in ((rm, _run_rm), (prune, _run_prune)):
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")
        parser.add_argument("-y", "--yes", action="store_true", help="remove it, at a terminal too")
        parser.add_argument("--json", action="store_true", help="print one JSON object: dry_run, jobs")
        _add_jobs_dir(parser)
        parser.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs; give 0 or more")
    return int(text)


# Imported when they run: --help must not wait for the storage.


def _run_train(arguments: argparse.Namespace) -> int:
    from .training import train

    return train(arguments, _jobs_folder(arguments))


def _run_list(arguments: argparse.Namespace) -> int:
    from .showing import list_jobs

    return list_jobs(_jobs_folder(arguments), arguments.json)


def _run_show(arguments: argparse.Namespace) -> int:
    from .showing import show_job

    return show_job(_jobs_folder(arguments), arguments.job, arguments.json)


def _run_logs(arguments: argparse.Namespace) -> int:
    from .showing import show_log

    try:
        return show_log(
            _jobs_folder(arguments), arguments.job, max(arguments.lines, 0), arguments.follow, arguments.node
        )
    except BrokenPipeError:  # whoever read it, head or less, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run_stop(arguments: argparse.Namespace) -> int:
    from .showing import stop_job

    return stop_job(_jobs_folder(arguments), arguments.job)


def _run_rm(arguments: argparse.Namespace) -> int:
    from .removing import How, remove_jobs

    how = How(arguments.dry_run, _needs_yes(arguments), arguments.json)
    return remove_jobs(_jobs_folder(arguments), arguments.jobs, arguments.with_output, how)


def _run_prune(arguments: argparse.Namespace) -> int:
    from .removing import How, prune_jobs

    how = How(arguments.dry_run, _needs_yes(arguments), arguments.json)
    return prune_jobs(_jobs_folder(arguments), arguments.keep, how)


def _needs_yes(arguments: argparse.Namespace) -> bool:
    # as docker and kubectl, no question ever: a script must not wait for an answer, and one at a terminal sees first
    return sys.stdin is not None and sys.stdin.isatty() and not arguments.yes


def _jobs_folder(arguments: argparse.Namespace) -> Path:
    from .records import jobs_folder

    return jobs_folder(arguments.jobs_dir, os.environ)
