"""From what the command line names to models that are loaded."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from concurrent.futures import FIRST_EXCEPTION, wait
from typing import Callable, Iterator, NamedTuple, Sequence

from mxnet_support import engine

from ..check.findings import ERROR
from ..check.package.checking import PackageSettings, check_package
from ..engines import LOCAL, find_engine, find_python
from ..errors import HandlerError, HandlerLoadError, PackageError
from ..package.model_package import ModelPackage, open_package
from ..package.signature import signature_from_environment
from ..platform_rules import DEPLOY_LIMIT_S
from .model_list import ModelSource
from .request_queue import Batching, PendingAnswer
from .served_model import ServedModel, Workforce
from .supervisor import Handler

logger = logging.getLogger(__name__)


class LoadSettings(NamedTuple):
    """What is served and on what.

    sources: the models, the default one first. engine_name: as engines.find_engine takes it.
    memory_limit_bytes: of each handler's address space, None without a limit.
    deploy_limit_s: in which each model becomes healthy. check: refuse what the platform would refuse.
    workers: processes of each model. batching: how many requests each of them gets at once.
    """

    sources: Sequence[ModelSource]
    engine_name: str = LOCAL
    memory_limit_bytes: int | None = None
    deploy_limit_s: float = DEPLOY_LIMIT_S
    check: bool = True
    workers: int = 1
    batching: Batching = Batching()


Observer = Callable[[str, Sequence[PendingAnswer], float], None]


def _observe_nothing(name: str, requests: Sequence[PendingAnswer], seconds: float) -> None:
    pass


@contextlib.contextmanager
def loaded_models(settings: LoadSettings, observe: Observer = _observe_nothing) -> Iterator[list[ServedModel]]:
    """Yield the models, loaded side by side; their processes end on leaving, and what was fetched for them goes.

    observe: told a model's name, the requests that a handler of it answered at once, and how long it worked on them.

    Raises PackageError, StorageFailed, HandlerLoadError, and CommandLineError for the engine or a variable.
    """
    python = find_python(settings.engine_name)
    # every model is deployed with this one form; where shapes differ the packages say them, and the form stays empty
    signature = signature_from_environment(os.environ)

    workforce = Workforce(settings.deploy_limit_s, settings.workers, settings.batching)
    # of several models usually one is asked at a time, so each may have all cores
    num_threads = max(engine.physical_cores() // settings.workers, 1)
    with contextlib.ExitStack() as stack:
        models = []
        for name, parent in settings.sources:
            package = stack.enter_context(open_package(parent))
            if settings.check:
                refuse_broken_package(package, parent, settings.engine_name)
            logger.info("loading %s: its Python code runs with your rights; serve only models you trust", parent)
            handler = Handler(package, signature, python, settings.memory_limit_bytes, num_threads)
            model = ServedModel(name, handler, workforce, functools.partial(observe, name))
            stack.callback(model.close)
            models.append(model)
        _load_all(models, settings.engine_name)
        yield models


def refuse_broken_package(package: ModelPackage, shown: str, engine_name: str) -> None:
    """Log what is amiss with a package, and raise PackageError when the platform would refuse it.

    shown: what findings call its parent. Nothing of the package is run here: loading it and its warm-up are the trial.
    """
    settings = PackageSettings(engine_name, run=False, environ=os.environ)
    findings = check_package(os.path.dirname(package.model_dir), shown, settings)
    for finding in findings:
        logger.log(logging.ERROR if finding.severity == ERROR else logging.WARNING, "%s", finding.as_text())
    errors = [finding for finding in findings if finding.severity == ERROR]
    if errors:
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        raise PackageError(
            f"the platform would refuse {shown}: {errors[0].place}: found {errors[0].found}{more}. {errors[0].remedy} "
            "Or serve it as it is with --no-check."
        )


def load_failure(error: Exception, model: ServedModel, is_alone: bool) -> Exception:
    """Return what ends the command when a model does not get healthy: the sentence, with its name where there are more.

    error: what its warm-up raised.
    """
    if isinstance(error, HandlerError):
        if error.trace:
            logger.error("the warm-up image was not answered:\n%s", error.trace.rstrip())
        error = HandlerLoadError(f"the handler fails on the warm-up image: {error}")
    if isinstance(error, HandlerLoadError) and not is_alone:
        return HandlerLoadError(f"model {model.name}: {error}", error.trace)
    return error


def _load_all(models: Sequence[ServedModel], engine_name: str) -> None:
    loads = {model.load(): model for model in models}
    done, _ = wait(loads, return_when=FIRST_EXCEPTION)
    for load in done:
        error = load.exception()
        if isinstance(error, Exception):
            if engine_name != LOCAL:
                find_engine(engine_name)  # says what that Python lacks; asked only now, because it takes a second
            raise load_failure(error, loads[load], len(models) == 1) from error
