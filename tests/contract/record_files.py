"""Write records with MXNet and with ours, and read ours with MXNet; a program, since the engines cannot be
imported into one test process. Runs on every engine, Python 3.6 included.

    record_files.py FOLDER [REC IDX]

writes into FOLDER and prints one JSON object. With REC and IDX it reads these instead.
"""

import io
import json
import os
import sys

import numpy

if not hasattr(numpy, "bool"):
    numpy.bool = numpy.bool_  # MXNet 1.9.1 asks for it; numpy has it until 1.23

import mxnet
from PIL import Image

from mxnet_support import recordio

MAGIC = recordio.MAGIC_BYTES
AWKWARD = [
    b"",
    b"a",
    b"abcd",
    MAGIC,
    MAGIC * 3,
    b"abcd" + MAGIC,
    b"abc" + MAGIC,
    MAGIC + b"x",
    b"abcd" + MAGIC + b"e",
    b"abcdefgh" + MAGIC + MAGIC + b"ij",
    bytes(bytearray(range(256))) * 5,
]


def main(folder, rec_path=None, idx_path=None):
    """Print what MXNet makes of the files."""
    result = {"engine": mxnet.__version__, "python": list(sys.version_info[:2])}
    if rec_path is None:
        result["same"] = compare_files(folder)
        rec_path, idx_path = write_images(folder)
    result["recordio"] = read_with_recordio(rec_path, idx_path)
    result["iterator"] = read_with_iterator(rec_path)
    print(json.dumps(result))


def compare_files(folder):
    """Write the same records twice; return {suffix: whether both files are equal}."""
    their_idx, their_rec = (os.path.join(folder, "theirs" + suffix) for suffix in (".idx", ".rec"))
    our_idx, our_rec = (os.path.join(folder, "ours" + suffix) for suffix in (".idx", ".rec"))
    theirs = mxnet.recordio.MXIndexedRecordIO(their_idx, their_rec, "w")
    with open(our_rec, "wb") as rec, open(our_idx, "w") as idx:
        ours = recordio.IndexedRecordWriter(rec, idx)
        for number, content in enumerate(AWKWARD):
            key, label = 7 * number, float(number % 3)
            header = mxnet.recordio.IRHeader(0, label, key, 0)
            theirs.write_idx(key, mxnet.recordio.pack(header, content))
            ours.write(key, recordio.pack(label, key, content))
    theirs.close()
    return {".rec": read(our_rec) == read(their_rec), ".idx": read(our_idx) == read(their_idx)}


def read(path):
    """Return the content of a file."""
    with open(path, "rb") as stream:
        return stream.read()


def write_images(folder):
    """Write six 32x24 images with ours; return the paths of .rec and .idx."""
    rec_path, idx_path = os.path.join(folder, "images.rec"), os.path.join(folder, "images.idx")
    with open(rec_path, "wb") as rec, open(idx_path, "w") as idx:
        writer = recordio.IndexedRecordWriter(rec, idx)
        for number in range(6):
            content = io.BytesIO()
            Image.new("RGB", (32, 24), (40 * number, 0, 0)).save(content, "JPEG")
            writer.write(number, recordio.pack(number % 2, number, content.getvalue()))
    return rec_path, idx_path


def read_with_recordio(rec_path, idx_path):
    """Return [key, label, id, first bytes of the image] of each record, read by key."""
    reader = mxnet.recordio.MXIndexedRecordIO(idx_path, rec_path, "r")
    rows = []
    for key in reader.keys:
        header, content = mxnet.recordio.unpack(reader.read_idx(key))
        rows.append([key, float(header.label), header.id, content[:2].decode("latin-1")])
    reader.close()
    return rows


def read_with_iterator(rec_path):
    """Return the labels in the order of the iterator and the shape of its batches."""
    batches = mxnet.io.ImageRecordIter(
        path_imgrec=rec_path, data_shape=(3, 24, 24), batch_size=2, preprocess_threads=1, round_batch=False
    )
    labels, shapes = [], set()
    for batch in batches:
        labels += [float(label) for label in batch.label[0].asnumpy()[: 2 - (batch.pad or 0)]]
        shapes.add(batch.data[0].shape)
    return {"labels": labels, "shapes": sorted(shapes)}


if __name__ == "__main__":
    main(*sys.argv[1:])
