"""Load a model folder, predict one picture, print the most memory that this process used, in MB.

memory_of_one_picture.py MODEL_DIR PICTURE
"""

import importlib
import sys

from mxnet_support import engine


def main():
    engine.import_mxnet()
    model_dir, picture = sys.argv[1:]
    sys.path.insert(0, model_dir)
    service = importlib.import_module("customize_service").CaltechService("caltech", model_dir, {})
    with open(picture, "rb") as stream:
        service.inference([stream.read()])
    # not getrusage: its maximum begins with that of the process this one was forked from
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))


if __name__ == "__main__":
    main()
