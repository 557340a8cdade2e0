"""What can go wrong in a training job, and the exit code that says which kind it was.

JobError
 +-- DataError      1   the data or the arguments do not fit; the message says what to change
 +-- StorageError   3   a bucket or folder cannot be read or written
 +-- WorkersLost    5   another worker of a training on several machines does not answer

Wrong command lines end with 2 (argparse), anything unforeseen with 4 and a traceback: that is a defect of this program.
"""

EXIT_OUR_DEFECT = 4
EXIT_INTERRUPTED = 130        # 128 + SIGINT, as shells count


class JobError(Exception):
    """The job cannot go on; str() is a sentence for the user."""

    exit_code = 1


class DataError(JobError):
    """The data, or the arguments together with the data, make no training possible."""


class StorageError(JobError):
    """Reading or writing --data_url or --train_url failed."""

    exit_code = 3


class WorkersLost(JobError):
    """Another worker, or a server between them, does not answer any more."""

    exit_code = 5
