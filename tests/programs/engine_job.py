"""A job that takes moxing from the name of its engine, as the samples for MXNet, TensorFlow and PyTorch do."""

import sys

import moxing.mxnet as mox
import moxing.pytorch
import moxing.tensorflow
from moxing.framework import file

data_url, train_url, cache = sys.argv[1:]
print(mox.file is file, moxing.tensorflow.file is moxing.pytorch.file is file, hasattr(mox, "run"))
mox.file.copy(data_url.rstrip("/") + "/labels.txt", train_url.rstrip("/") + "/labels.txt")
try:
    mox.run(None)
except AttributeError as error:
    print(error)
