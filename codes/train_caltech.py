"""The boot file: train a ResNet on Caltech-101 and write model/, ready for import as a ModelArts service.

    python train_caltech.py --data_url=DATA --train_url=OUT [--num_epochs=30 ...]

DATA and OUT are folders, s3:// or obs:// URLs. `--help` lists the flags, errors.py the exit codes; job.py is the work.
"""
import logging
import sys

# ModelArts starts this file from the parent folder; the modules beside it are found by Python itself.
from mxnet_support import engine

import arguments
import job
import progress
from errors import EXIT_OUR_DEFECT, JobError, StorageError
from training import cluster
from training.interruption import Interruption

log = logging.getLogger('train_caltech')


def main(argv=None):
    """Run the job; returns its exit code."""
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(levelname)s %(message)s',
                        handlers=[progress.LogHandler(sys.stderr)])
    options = arguments.parse_arguments(argv)
    try:
        with Interruption() as interruption:
            job.run(options, interruption)
    except JobError as error:
        log.error('%s', error)
        return error.exit_code
    except engine.EngineMissing as error:
        log.error('%s', error)
        return JobError.exit_code
    except OSError as error:            # a full disk, a file without permission: str() names the file
        log.error('reading or writing a file failed: %s', error)
        return StorageError.exit_code
    except Exception as error:
        if 'out of memory' in str(error).lower():
            log.error('the memory of the device is full: choose a smaller --batch_size or --image_size. (%s)',
                      str(error).splitlines()[-1])
            return JobError.exit_code
        log.exception('this is a defect of train_caltech.py, not of your data')
        return EXIT_OUR_DEFECT
    return 0


if __name__ == '__main__':
    cluster.end_process(main())
