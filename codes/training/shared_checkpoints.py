"""Checkpoints of a training with several workers: worker 0 writes and finds them, the others are sent its newest."""
import io
import json

from files import replacing
from .checkpoints import CheckpointFolder


class FollowerCheckpoints(CheckpointFolder):
    """The checkpoints as a worker other than 0 has them: received, never written."""

    def save_best(self, module, epoch):
        """Write nothing: worker 0 does."""

    def save(self, module, checkpoint):
        """Write nothing: worker 0 does."""


def newest_for_all(checkpoints, workers):
    """Return worker 0's newest Checkpoint, or None, on every worker; no storage need be shared.

    Raises what CheckpointFolder.newest raises, on worker 0, and DataError on the others.
    """
    if workers.size == 1:
        return checkpoints.newest()
    found = workers.together(lambda: checkpoints.newest() if workers.is_first else None)
    names = checkpoints.newest_files() if found is not None else []
    for name in json.loads(workers.share(json.dumps(names).encode()).decode()):
        path = checkpoints.path_of(name)
        content = workers.share(_read(path) if workers.is_first else b'')
        if not workers.is_first:
            with replacing(path) as part:
                with io.open(part, 'wb') as stream:
                    stream.write(content)
    return found if workers.is_first else checkpoints.newest()


def _read(path):
    with io.open(path, 'rb') as stream:
        return stream.read()
