"""Makes one thing on the platform and knows it again: by its id or, where an answer got lost, by its name."""

from __future__ import annotations

import uuid
from typing import Callable

from ..errors import PlatformRefused, PlatformSilent
from .api import Api
from .calls import JOB, MODEL, SERVICE, Call, details, find, found_ids, id_in
from .refusals import GONE
from .settings import LABEL_DIGITS
from .state import ENDED_SERVICES, SPENT_PHASES, State, Thing, utc_now
from .telling import Teller
from .waiting import status_in

# What an earlier try, whose answer got lost, leaves behind for the next one
_NAME_IS_TAKEN = frozenset({"ModelArts.2751", "ModelArts.3002"})


def make(api: Api, state: State, kind: str, made_from: str, call_for: Callable[[str], Call], teller: Teller) -> Thing:
    """Return a new thing of a kind. made_from: the name of the job or model that it is made from, empty for none.

    call_for: returns the request that makes it, from its name.

    Raises PlatformRefused, or PlatformSilent; then it may be there all the same, and the state says so.
    """
    label = f"{state.name}-{uuid.uuid4().hex[:LABEL_DIGITS]}"
    thing = state.begin(kind, label, made_from)
    try:
        answer = api.send(call_for(label))
    except PlatformRefused as error:
        is_ours = error.code in _NAME_IS_TAKEN and _is_there(api, state, thing)
        if not is_ours:
            state.forget(thing)
            raise
    except PlatformSilent as error:
        if error.is_undone:
            state.forget(thing)
            raise
        if not _is_there(api, state, thing):
            raise
    else:
        state.note(thing, id=id_in(kind, answer) or None, status="created")
        if thing.id is None and not _is_there(api, state, thing):
            raise PlatformSilent(
                f"the platform made the {kind} {label} and gave no id of it. Look for it in the console."
            )
    teller.say(f"{kind} {label}: id {thing.id}")
    return thing


def adopt(api: Api, state: State, thing: Thing) -> bool:
    """Give a thing without an id that of what has its name; tell whether there is one."""
    ids = found_ids(thing.kind, thing.label, api.send(find(api.platform, thing.kind, thing.label)))
    for other in ids[1:]:  # none is expected; should a try have made two, both are ours and both cost
        state.note(state.begin(thing.kind, thing.label, thing.made_from), id=other, status="created")
    if ids:
        state.note(thing, id=ids[0], status="created")
    return bool(ids)


def _is_there(api: Api, state: State, thing: Thing) -> bool:
    """Adopt a thing where the platform tells of it; what it says instead is not worth more than the first error."""
    try:
        return adopt(api, state, thing)
    except (PlatformRefused, PlatformSilent):
        return False


def refresh(api: Api, state: State, thing: Thing) -> None:
    """Bring what is known of a thing up to date; one that is not there any more is noted as deleted."""
    if thing.id is None and not adopt(api, state, thing):
        state.note(thing, status="never made", deleted=utc_now())
        return
    try:
        answer = api.send(details(api.platform, thing.kind, str(thing.id)))
    except PlatformRefused as error:
        if not is_gone(error):
            raise
        state.note(thing, status="gone", deleted=utc_now())
    else:
        state.note(thing, status=status_in(thing.kind, answer))


def is_gone(error: PlatformRefused) -> bool:
    """Tell whether a refusal of a request with a thing's id says that there is no such thing."""
    return error.status == 404 or error.code in GONE


def usable(api: Api, state: State, kind: str, made_from: str) -> Thing | None:
    """Return the newest of a kind that an earlier run made and that still serves, None where there is none.

    made_from: what it has to be made from: the model of an earlier job is none of this one.
    """
    thing = state.newest(kind)
    if thing is None or thing.made_from != made_from:
        return None
    refresh(api, state, thing)
    is_spent = {
        JOB: thing.status in SPENT_PHASES,
        MODEL: "fail" in thing.status.lower(),
        SERVICE: thing.status in ENDED_SERVICES,
    }[kind]
    return None if is_spent or not thing.is_left else thing
