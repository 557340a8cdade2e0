"""The files of the network that --pretrained_url names: found, copied to this machine, and how it sees pictures."""
import collections
import hashlib
import logging
import os
import re

from moxing_shim import load

from dataset.preprocessing import Preprocessing
from errors import DataError
from files import read_json, sha256_of
from staging import parse_place, storage_errors

log = logging.getLogger(__name__)

FLAG = '--pretrained_url'
SYMBOL_END = '-symbol.json'
PREPROCESSING = 'preprocessing.json'

# Local paths; preprocessing_path: of our own models, or None
PretrainedFiles = collections.namedtuple('PretrainedFiles', 'symbol_path params_path preprocessing_path')


def stage_in_pretrained(url, scratch):
    """Return the PretrainedFiles of a prefix, as mx.model.load_checkpoint takes it, or of a folder with one network.

    url: `models/resnet-18` means resnet-18-symbol.json and the newest resnet-18-NNNN.params; a folder, or the model/ in
    it, may hold one such pair. Local files are used in place, others copied into `scratch`.
    Raises DataError when there is no such pair, StorageError when the bucket cannot be read.
    """
    place = parse_place(FLAG, url)
    if place.is_local:
        folder, names = _find_pair(os.path.abspath(place.path), _list_local)
        local = folder
        special = [name for name in names if not os.path.isfile(os.path.join(folder, name))]
        if special:                     # opening a pipe would wait for ever
            raise DataError('%s: %s in %s is no file.' % (FLAG, special[0], folder))
    else:
        with storage_errors('reading', url):
            folder, names = _find_pair(str(place), _list_remote)
            local = os.path.join(scratch, 'pretrained')
            load().file.copy_parallel(folder, local, file_list=names)
    log.info('pretrained: %s and %s of %s', names[0], names[1], folder)
    paths = [os.path.join(local, name) for name in names]
    return PretrainedFiles(paths[0], paths[1], paths[2] if len(paths) > 2 else None)


def digest_of(files):
    """Tell by which network and weights a training began: hex."""
    text = ' '.join(sha256_of(path) for path in (files.symbol_path, files.params_path))
    return hashlib.sha256(text.encode('ascii')).hexdigest()


def preprocessing_for(options, files=None):
    """Return the Preprocessing that the network to train was, or is to be, trained with.

    options: the parsed flags; files: PretrainedFiles or None. --rgb_mean and --rgb_std win over what the files say.
    Raises DataError when the files do not say it.
    """
    usual = Preprocessing.for_image_size(options.image_size)
    given = {name: getattr(options, flag) for name, flag in (('mean_rgb', 'rgb_mean'), ('std_rgb', 'rgb_std'))
             if hasattr(options, flag)}
    if files is not None and len(given) < 2:
        if files.preprocessing_path is not None:
            mean, std = _read_statistics(files.preprocessing_path)
            usual = usual._replace(mean_rgb=mean, std_rgb=std)
        elif not given:
            log.warning('pretrained: nothing beside the network tells how its pictures were normalised; ImageNet\'s '
                        'usual mean and deviation are taken. For networks that saw pixels of 0 to 255 give '
                        '--rgb_mean=0,0,0 --rgb_std=1,1,1.')
    return usual._replace(**given)


def _read_statistics(path):
    """Return (mean_rgb, std_rgb) of a preprocessing.json. Raises DataError when the file does not say."""
    try:
        content = read_json(path)
        mean, std = (tuple(float(number) for number in content[name]) for name in ('mean_rgb', 'std_rgb'))
        is_sound = len(mean) == len(std) == 3 and all(abs(number) < float('inf') for number in mean + std) \
            and min(std) > 0
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError('%s: %s does not tell mean_rgb and std_rgb (%r). Give --rgb_mean and --rgb_std.'
                        % (FLAG, path, error)) from error
    if not is_sound:
        raise DataError('%s: %s has mean_rgb %s and std_rgb %s; three numbers each are needed, those of std_rgb above '
                        '0. Give --rgb_mean and --rgb_std.' % (FLAG, path, mean, std))
    return mean, std


def _find_pair(place, list_folder):
    """Return (folder, names): the symbol, the newest parameters and, where there is one, preprocessing.json."""
    place = place.rstrip('/')
    parent, _, stem = place.rpartition('/')
    names = list_folder(parent)
    if stem and stem + SYMBOL_END in names:
        return parent, _pair_in(parent, stem, names)
    for folder in (place, place + '/model'):        # the folder of a version has its network in model/
        names = list_folder(folder)
        symbols = [name for name in names if name.endswith(SYMBOL_END)]
        if len(symbols) > 1:
            raise DataError('%s: %s holds %d networks: %s. Add the name of one, without %s.'
                            % (FLAG, folder, len(symbols), ', '.join(symbols[:5]), SYMBOL_END))
        if symbols:
            return folder, _pair_in(folder, symbols[0][:-len(SYMBOL_END)], names)
    raise DataError('%s: there is neither %s%s nor a folder %s with a *%s in it. Give what MXNet calls the prefix, as '
                    'in s3://bucket/models/resnet-18 for resnet-18-symbol.json and resnet-18-0000.params, or a folder '
                    'model/.' % (FLAG, place, SYMBOL_END, place, SYMBOL_END))


def _pair_in(folder, stem, names):
    found = [re.match(re.escape(stem) + r'-(\d{4,9})\.params$', name) for name in names]
    params = sorted((int(match.group(1)), match.group()) for match in found if match)
    if not params:
        raise DataError('%s: %s holds %s%s and no %s-NNNN.params, its weights. Put them beside it, with four digits, '
                        'as MXNet writes them.' % (FLAG, folder, stem, SYMBOL_END, stem))
    return [stem + SYMBOL_END, params[-1][1]] + [PREPROCESSING] * (PREPROCESSING in names)


def _list_local(folder):
    folder = folder or '/'
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _list_remote(folder):
    if not folder.partition('://')[2] or not load().file.is_directory(folder):      # above the bucket is nothing
        return []
    return load().file.list_directory(folder, recursive=False)
