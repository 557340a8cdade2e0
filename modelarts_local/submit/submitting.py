"""`modelarts-local submit`: the steps from a folder on this computer to a prediction of the platform."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple

from ..client.authentication import Signature
from ..client.pictures import pictures_of_files
from ..client.prediction import Prediction, as_line
from ..client.sending import Sending, predictions
from ..errors import CommandLineError, PlatformRefused, ServiceUnreachable
from ..job.control import Control, Stopped
from . import calls, uploading
from .api import Api, open_api
from .calls import JOB, MODEL, SERVICE
from .checked_code import doubts_about_code
from .cleaning import remove, remove_all
from .making import make, refresh, usable
from .settings import DEPLOY, IMPORT, PREDICT, STEPS, TRAIN, UPLOAD, Platform, SubmitSettings
from .state import State, Thing, locked
from .telling import Teller, cleanup_command
from .waiting import Pace, wait_for_job, wait_for_model, wait_for_service

# Settings that what is there was made with; another value would be silently without effect
_MADE_WITH = {
    JOB: {
        "root": "--to",
        "codes": "--codes",
        "boot_file": "--boot-file",
        "data": "--data",
        "parameters": "--param",
        "train_image": "--train-image",
        "train_flavor": "--train-flavor",
        "nodes": "--nodes",
        "pool_id": "--pool",
        "command": "--command",
    },
    MODEL: {"serve_image": "--serve-image"},
    SERVICE: {"serve_flavor": "--serve-flavor", "serve_variables": "--serve-env"},
}
_FIRST_PREDICTION_TRIES = 6  # chosen: the gateway learns of a service some seconds after it runs
_NOT_READY = frozenset({404, 502, 503, 504})


class How(NamedTuple):
    """How a submission goes. path: of its state. keeps_service: it goes on running, and costing, afterwards."""

    path: Path
    retries: int
    pace: Pace
    is_json: bool = False
    keeps_service: bool = False
    is_checked: bool = True


def submit(settings: SubmitSettings, platform: Platform, how: How) -> int:
    """Take the steps that are asked for and not taken yet; what runs at the end, however it comes, is told.

    Raises StandInError for what goes wrong, Stopped for the signals that end programs.
    """
    teller = Teller(how.is_json)
    uploading.use_storage(platform, os.environ)
    with locked(how.path):
        state = state_for(settings, platform, how.path)
        with _telling_bill(state, teller), contextlib.closing(open_api(platform, how.retries)) as api:
            uploading.sources(settings)
            for doubt in doubts_about_code(settings) if how.is_checked else ():
                teller.say(doubt)
            _Submission(api, state, settings, how, teller).take_steps()
    return 0


def cleanup(state: State, how: How) -> int:
    """Stop and delete what a submission made. Raises as submit does."""
    return _with_api(state, how, lambda api, teller: remove_all(api, state, how.pace, teller))


def show(state: State, how: How) -> int:
    """Ask for the state of all that a submission made. Raises as submit does."""

    def look(api: Api, teller: Teller) -> None:
        for thing in state.left:
            refresh(api, state, thing)
            teller.say(f"{thing.kind} {thing.label}: {thing.status}")

    return _with_api(state, how, look)


def _with_api(state: State, how: How, act: Callable[[Api, Teller], None]) -> int:
    teller = Teller(how.is_json)
    with locked(state.path):
        state.record = (State.read(state.path) or state).record  # another command may have changed it before the lock
        with _telling_bill(state, teller), contextlib.closing(open_api(state.platform, how.retries)) as api:
            act(api, teller)
    return 0


@contextlib.contextmanager
def _telling_bill(state: State, teller: Teller) -> Iterator[None]:
    """Tell at the end of the block, however it ends, what runs; not where nothing was begun yet."""
    try:
        with Control().listening():
            yield
    except Stopped as stopped:
        teller.say(f"{stopped.reason}; the same command given again goes on")
        raise
    finally:
        if state.path.exists():
            teller.bill(state)
            teller.result(document(state))


def document(state: State) -> dict[str, Any]:
    """Return what programs are told of a submission."""
    made = [{**thing.record, "runs": thing.runs} for thing in state.things]
    return {
        "name": state.name,
        "state": str(state.path),
        "made": made,
        "costs": any(one["runs"] for one in made),
        "cleanup": cleanup_command(state),
        "prediction": state.record["prediction"],
    }


def state_for(settings: SubmitSettings, platform: Platform, path: Path) -> State:
    """Return the state to go on with, or a new one where nothing is left of an earlier submission.

    Raises CommandLineError when what is left was made with other settings.
    """
    state = State.read(path)
    if state is None or not state.left:
        return State.new(path, settings.name, platform, settings.as_json())
    if state.name != settings.name:
        raise CommandLineError(f"--state={path} is that of {state.name}; give another file, or --name={state.name}.")
    asked, earlier = settings.as_json(), state.record["settings"]
    other = [
        flag
        for kind, flags in _MADE_WITH.items()
        for field, flag in flags.items()
        if state.newest(kind) is not None and asked[field] != earlier.get(field)
    ]
    if state.record["platform"] != platform._asdict():
        other.append("--region, --project or --endpoint")
    if other:
        raise CommandLineError(
            f"what is left of {settings.name} was made with another {', '.join(other)}. Give that again to go on, "
            f"delete it with: {cleanup_command(state)}, or give another --name."
        )
    state.record["settings"] = asked
    return state


class _Submission:
    """The steps of one submission, each of which knows what an earlier run has done of it."""

    def __init__(self, api: Api, state: State, settings: SubmitSettings, how: How, teller: Teller) -> None:
        self._api = api
        self._state = state
        self._settings = settings
        self._how = how
        self._teller = teller

    def take_steps(self) -> None:
        job = self._upload()
        if TRAIN in self._settings.steps:
            job = self._train(job)
        if job is None or IMPORT not in self._settings.steps:
            return
        model, package = self._import(job)
        if DEPLOY in self._settings.steps:
            service, address = self._deploy(model, package)
            if PREDICT in self._settings.steps:
                self._predict(service, address)

    def _upload(self) -> Thing | None:
        """Upload unless an earlier run has made the job; returns that."""
        self._begin(UPLOAD)
        job = usable(self._api, self._state, JOB, made_from="")
        if job is not None:
            self._teller.say(f"its {job.kind} {job.label} is there already: {job.status}")
            return job
        self._state.record["uploaded"] = True
        self._state.save()
        uploading.upload(self._settings, self._teller)
        return None

    def _train(self, job: Thing | None) -> Thing:
        self._begin(TRAIN)
        if job is None:
            self._costs(f"{self._settings.nodes} x {self._settings.train_flavor}", "job ends", self._settings.job_hours)
            job = self._make(JOB, "", lambda label: calls.create_job(self._api.platform, self._settings, label))
            self._teller.bill(self._state)
        wait_for_job(self._api, self._state, job, self._how.pace, self._teller)
        return job

    def _import(self, job: Thing) -> tuple[Thing, uploading.Package]:
        self._begin(IMPORT)
        package = uploading.package_of(self._settings, job.label)
        # one that was built before would answer, too, and nobody would see that it is another model
        self._teller.say(
            f"{self._settings.serve_image} serves the model that it holds; that of this training is in {package.url}"
        )
        model = usable(self._api, self._state, MODEL, made_from=job.label)
        if model is None:
            uploading.copy_package(self._settings, job.label, package)
            model = self._make(
                MODEL,
                job.label,
                lambda label: calls.import_model(
                    self._api.platform, self._settings, label, package.url, package.config
                ),
            )
        wait_for_model(self._api, self._state, model, self._how.pace, self._teller)
        return model, package

    def _deploy(self, model: Thing, package: uploading.Package) -> tuple[Thing, str]:
        """Deploy the model; returns the service and its address."""
        self._begin(DEPLOY)
        service = usable(self._api, self._state, SERVICE, made_from=model.label)
        if service is None:
            self._costs(f"1 x {self._settings.serve_flavor}", "service is stopped", self._settings.service_hours)
            service = self._make(
                SERVICE,
                model.label,
                lambda label: calls.deploy_service(
                    self._api.platform, self._settings, label, str(model.id), package.variables
                ),
            )
            self._teller.bill(self._state)
        address = wait_for_service(self._api, self._state, service, self._how.pace, self._teller)
        self._teller.say(f"it answers at {address}")
        return service, address

    def _predict(self, service: Thing, address: str) -> None:
        self._begin(PREDICT)
        try:
            prediction = self._first_prediction(address)
        except ServiceUnreachable:
            self._end_of(service)
            raise
        self._state.record["prediction"] = prediction.as_json()
        self._state.save()
        self._teller.say(as_line(prediction))
        self._end_of(service)
        if not prediction.is_answered:
            raise PlatformRefused(f"the service did not answer the picture: {prediction.reason}", prediction.status)

    def _end_of(self, service: Thing) -> None:
        if not self._how.keeps_service:
            self._teller.say("the service has done what it was for; --keep leaves it running")
            remove(self._api, self._state, service, self._how.pace, self._teller)

    def _begin(self, step: str) -> None:
        self._teller.say(f"{STEPS.index(step) + 1}/{len(STEPS)} {step}")

    def _costs(self, what: str, end: str, hours: int) -> None:
        self._teller.say(f"from now on it costs money: {what}, until the {end}, for {hours} h at most")

    def _make(self, kind: str, made_from: str, call_for: Callable[[str], calls.Call]) -> Thing:
        return make(self._api, self._state, kind, made_from, call_for, self._teller)

    def _first_prediction(self, address: str) -> Prediction:
        signed = self._api.signed
        sending = Sending(address, Signature(signed.keys, signed.security_token), retries=self._how.retries)
        prediction, unreachable = None, None
        for attempt in range(_FIRST_PREDICTION_TRIES):
            if attempt:
                self._api.sleep(self._how.pace.interval_s)
            try:
                prediction = asyncio.run(_ask(self._settings.picture, sending))
            except ServiceUnreachable as error:
                unreachable = error
                continue
            if prediction.status not in _NOT_READY:
                break
        if prediction is None:
            raise unreachable or ServiceUnreachable(f"no service answers at {address}")
        return prediction


async def _ask(picture: str, sending: Sending) -> Prediction:
    async for prediction in predictions(pictures_of_files([picture]), sending):
        return prediction
    raise ServiceUnreachable(f"no service answers at {sending.url}")
