"""`modelarts-local submit cleanup`: stop and delete what a submission made, and nothing else."""

from __future__ import annotations

from ..errors import PlatformRefused, PlatformSilent, StandInError
from ..job.durations import as_text
from .api import Api
from .calls import JOB, MODEL, SERVICE, Call, delete, objects_in, stop_job, stop_service
from .making import is_gone, refresh
from .refusals import advice_on
from .settings import Platform
from .state import ABNORMAL, State, Thing, utc_now
from .telling import Teller
from .waiting import Pace

# What costs most goes first; a model can go only when no service uses it
ORDER = (SERVICE, JOB, MODEL)
_STILL_USED = "ModelArts.3009"
_STILL_USED_TRIES = 6  # chosen: a deleted service holds its model for some seconds


def remove_all(api: Api, state: State, pace: Pace, teller: Teller) -> None:
    """Stop and delete all that is left; what fails does not keep the rest.

    Raises the first StandInError of those that came.
    """
    errors: list[StandInError] = []
    for thing in sorted(state.left, key=lambda one: ORDER.index(one.kind)):
        try:
            remove(api, state, thing, pace, teller)
        except (PlatformRefused, PlatformSilent) as error:
            teller.say(f"{thing.kind} {thing.label}: {error}")
            errors.append(error)
    if errors:
        raise errors[0]


def remove(api: Api, state: State, thing: Thing, pace: Pace, teller: Teller) -> None:
    """Stop one thing, wait until it has ended, and delete it."""
    refresh(api, state, thing)
    if thing.runs:
        teller.say(f"{thing.kind} {thing.label}: stopping it")
        stop = {JOB: stop_job, SERVICE: stop_service}[thing.kind]
        try:
            api.send(stop(api.platform, str(thing.id)))
        except PlatformRefused:
            refresh(api, state, thing)  # it may have ended by itself meanwhile
            if thing.runs and thing.status != ABNORMAL:
                raise
        _wait_for_end(api, state, thing, pace)
    if thing.is_left:
        _delete(api, state, thing, pace)
        state.note(thing, deleted=utc_now())
        teller.say(f"{thing.kind} {thing.label}: deleted")
    else:
        teller.say(f"{thing.kind} {thing.label}: {thing.status}, so there is nothing to delete")


def requests_of(platform: Platform, state: State) -> list[Call]:
    """Return the requests with which all that is left would be stopped and deleted."""
    calls = []
    for thing in sorted(state.left, key=lambda one: ORDER.index(one.kind)):
        thing_id = thing.id or f"{{{thing.kind.replace(' ', '_')}_id}}"
        if thing.runs:
            calls.append({JOB: stop_job, SERVICE: stop_service}[thing.kind](platform, thing_id))
        calls.append(delete(platform, thing.kind, thing_id))
    return calls


def _wait_for_end(api: Api, state: State, thing: Thing, pace: Pace) -> None:
    waited_s = 0.0
    while thing.runs and thing.status != ABNORMAL:  # of that nobody knows how it goes on; it is deleted as it is
        if waited_s >= pace.limit_s:
            raise PlatformSilent(
                f"it is still {thing.status} {as_text(waited_s)} after it was told to stop. Look at it in the console, "
                "and give the same command again."
            )
        api.sleep(pace.interval_s)
        waited_s += pace.interval_s
        refresh(api, state, thing)


def _delete(api: Api, state: State, thing: Thing, pace: Pace) -> None:
    for attempt in range(_STILL_USED_TRIES):
        try:
            answer = api.send(delete(api.platform, thing.kind, str(thing.id)))
        except PlatformRefused as error:
            if is_gone(error):
                return
            if error.code != _STILL_USED or attempt == _STILL_USED_TRIES - 1:
                raise
        else:
            # the deletion of models tells failures in an answer that is none (contract 5.3)
            failed = [each for each in objects_in(answer, "delete_failed_list") if each.get("model_id") == thing.id]
            if not failed:
                return
            code, told = str(failed[0].get("error_code") or ""), str(failed[0].get("error_msg") or "")
            if code != _STILL_USED or attempt == _STILL_USED_TRIES - 1:
                raise PlatformRefused(
                    f"could not delete the model: {code}: {told.rstrip('.')}. {advice_on(200, code)}".rstrip(),
                    None,
                    code,
                )
        api.sleep(pace.interval_s)
