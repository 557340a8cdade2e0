"""What can go wrong in a training job, and the exit code that says which kind it was.

JobError
 +-- DataError      1   the data or the arguments do not fit; the message says what to change
 +-- StorageError   3   a bucket or folder cannot be read or written
 +-- WorkersLost    5   another worker of a training on several machines does not answer
 +-- Interrupted        SIGTERM 143 or SIGINT 130, that is 128 + the signal, as shells count; saved as far as it says

Wrong command lines end with 2 (argparse), anything unforeseen with 4 and a traceback: that is a defect of this program.
"""

import signal

EXIT_OUR_DEFECT = 4


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


class Interrupted(JobError):
    """A signal asks this process to end. number: of the signal; place: from where it goes on, the next time."""

    def __init__(self, number, place):
        super(Interrupted, self).__init__('stopped by %s; started again with the same --train_url it goes on from %s'
                                          % (signal.Signals(number).name, place))
        self.exit_code = 128 + number
