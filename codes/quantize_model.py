"""Make the INT8 package of a finished model: `modelarts-local quantize` runs this on an engine.

    python quantize_model.py PARENT --calibration=REC [--max_drop=0.5]

PARENT, a folder or an s3:// or obs:// URL, holds model/ and gets int8/. REC is the .rec file of the validation set or
the folder that holds it, likewise. Prints one JSON object: what was measured, and the package's place. errors.py has
the exit codes.
"""
import argparse
import itertools
import json
import logging
import os
import sys

from moxing_shim import load
from mxnet_support import engine

import arguments
import export
import progress
import staging
from dataset.class_names import read_class_names
from dataset.preprocessing import Preprocessing
from dataset.records import find_record_name, open_records
from errors import EXIT_OUR_DEFECT, DataError, JobError, StorageError
from files import read_json

log = logging.getLogger('quantize_model')


def main(argv=None):
    """Run the command; returns its exit code."""
    logging.basicConfig(level=logging.INFO, format='%(message)s', handlers=[progress.LogHandler(sys.stderr)])
    options = build_parser().parse_args(argv)
    try:
        quantize(options)
    except JobError as error:
        log.error('%s', error)
        return error.exit_code
    except engine.EngineMissing as error:
        log.error('%s', error)
        return JobError.exit_code
    except OSError as error:
        log.error('reading or writing a file failed: %s', error)
        return StorageError.exit_code
    except Exception:
        log.exception('this is a defect of quantize_model.py, not of your model')
        return EXIT_OUR_DEFECT
    return 0


def build_parser():
    """Build the parser of the command line above."""
    parser = argparse.ArgumentParser(
        prog='quantize_model.py', allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description='Write int8/ beside model/: the same model with 8-bit layers, for CPUs and MXNet 1.9.1.')
    parser.add_argument('parent', metavar='PARENT', help='folder or URL that holds model/')
    parser.add_argument('--calibration', metavar='REC', required=True, default=argparse.SUPPRESS,
                        help='validation records: the .rec file, or the folder that holds *val*.rec')
    parser.add_argument('--max_drop', type=arguments.natural_float, default=0.5,
                        help='points of top-1 accuracy that 8 bits may cost; more, and nothing is written')
    return parser


def quantize(options):
    """Fetch model and records, and write int8/. Raises JobError."""
    from network import int8            # these load MXNet; --help and a wrong flag need not wait for it
    import int8_export

    int8.refuse_old_engine('INT8')
    scratch, output = staging.make_scratch_folder(), None
    try:
        _refuse_other_folders(options.parent)       # before anything is made in it
        output = staging.OutputFolder(options.parent, scratch)
        folder = _fetch_model(output, options.parent)
        preprocessing = _read_preprocessing(os.path.join(folder, export.PREPROCESSING))
        path = _fetch_records(options.calibration, scratch)
        class_names = _class_names_of_both(folder, path)
        threads = engine.usable_processors()
        records = open_records(path, None, class_names, 1, threads)
        try:
            place, numbers = int8_export.write_int8(output, records, preprocessing, threads, options.max_drop)
        finally:
            records.close()
        print(json.dumps(dict(numbers, package=place[:-len('/' + export.FOLDER)])))
    finally:
        staging.remove_scratch(scratch, output)


def _refuse_other_folders(parent):
    if staging.parse_place('PARENT', parent).is_local and not os.path.isdir(os.path.join(parent, export.FOLDER)):
        raise DataError('%s holds no %s/. Give the folder that holds the model/ of a training of this job.'
                        % (parent, export.FOLDER))


def _read_preprocessing(path):
    try:
        return Preprocessing.from_json(read_json(path))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError('%s is not what a training of this job writes: %r. Export the model again.'
                        % (path, error)) from error


def _fetch_model(output, parent):
    """Return the local model/ with all files of a package of this job."""
    folder = output.make_folder(export.FOLDER)
    for name in export.FILES:
        try:
            output.fetch(export.FOLDER, name)
            is_there = os.path.isfile(os.path.join(folder, name))
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise DataError('%s has no %s/%s. Give the folder that holds the model/ of a training of this job.'
                            % (parent, export.FOLDER, name))
    return folder


def _fetch_records(place, scratch):
    """Return the local path of the validation records; beside it lies synset.txt where there is one."""
    is_file = place.endswith('.rec')
    if staging.parse_place('--calibration', place).is_local:
        if is_file:
            return os.path.abspath(place)
        return os.path.join(place, find_record_name(sorted(os.listdir(place)), 'val', place))
    folder, name = place.rsplit('/', 1) if is_file else (place.rstrip('/'), None)
    with staging.storage_errors('reading', place):
        files = load().file.list_directory(folder, recursive=False)
        name = name or find_record_name(files, 'val', folder)
        load().file.copy_parallel(folder, os.path.join(scratch, 'data'),
                                  file_list=[name] + [export.LABELS] * (export.LABELS in files))
    return os.path.join(scratch, 'data', name)


def _class_names_of_both(model_folder, records_path):
    """Return the names of the classes; DataError where model and records have others."""
    names = read_class_names(model_folder, [export.LABELS])
    folder = os.path.dirname(records_path)
    if os.path.exists(os.path.join(folder, export.LABELS)):
        others = read_class_names(folder, [export.LABELS])
        if others != names:
            ours, theirs = next(pair for pair in itertools.zip_longest(names, others, fillvalue='none')
                                if pair[0] != pair[1])
            raise DataError('%s has other classes than the model: %d for its %d, where the model has %r they have %r. '
                            'Give the records that the model was trained with.'
                            % (records_path, len(others), len(names), ours, theirs))
    return names


if __name__ == '__main__':
    sys.exit(main())
