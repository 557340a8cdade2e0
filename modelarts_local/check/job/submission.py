"""What is known of a job besides its code, and how it is to be looked at."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ... import engines


class Submission(NamedTuple):
    """How a job would be submitted.

    data_url, train_url: as the platform would be given them, None where that is not known.
    parameters: the running parameters, (name, value) each.
    engine_name: as engines.find_engine takes it. run: whether code of the job may be run.
    """

    data_url: str | None = None
    train_url: str | None = None
    parameters: Sequence[tuple[str, str]] = ()
    engine_name: str = engines.LOCAL
    run: bool = True
