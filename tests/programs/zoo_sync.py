"""A job as the model zoos write it: rank 0 copies under a lock file, the others wait; argparse, no library of ours."""

import argparse
import functools
import os
import time

import moxing as mox

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--train_url", required=True)
parser.add_argument("--cache", required=True)
args = parser.parse_args()


def sync_data(from_path, to_path):
    sync_lock = os.path.join(args.cache, "copy_sync.lock0")
    if int(os.environ.get("RANK_ID", "0")) % 8 == 0 and not os.path.exists(sync_lock):
        print("from path:", from_path.startswith(("s3:", "obs:")))
        mox.file.copy_parallel(from_path, to_path)
        print("===finish data synchronization===")
        try:
            os.mknod(sync_lock)
        except OSError:
            pass
        print("===save flag===")
    while True:
        if os.path.exists(sync_lock):
            break
        time.sleep(1)


def moxing_wrapper(run_func):
    @functools.wraps(run_func)
    def wrapped_func(*arguments):
        local_data, local_out = os.path.join(args.cache, "data"), os.path.join(args.cache, "out")
        if not mox.file.exists(local_data):
            mox.file.make_dirs(local_data)
        sync_data(args.data_url, local_data)
        print("Dataset downloaded:", sorted(os.listdir(local_data)))
        os.makedirs(local_out, exist_ok=True)
        run_func(local_data, local_out)
        if not mox.file.exists(args.train_url):
            mox.file.make_dirs(args.train_url)
        mox.file.copy_parallel(src_url=local_out, dst_url=args.train_url)

    return wrapped_func


@moxing_wrapper
def train(data, out):
    with open(os.path.join(data, "train", "1.jpg"), "rb") as picture:
        content = picture.read()
    with open(os.path.join(out, "model.ckpt"), "wb") as model:
        model.write(content * 2)


if __name__ == "__main__":
    train()
