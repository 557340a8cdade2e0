"""A job that copies serially, catches what copying raises, skips what it has and lists what it got."""

import os
import sys

try:
    import moxing as mox
    from moxing.framework.file import file_io
    from moxing.framework.util import runtime
except ImportError:
    mox = None

if mox is None:
    sys.exit("no moxing")

runtime.reset_logger(level=30)
file_io._LARGE_FILE_METHOD = 2
file_io._LARGE_FILE_TASK_NUM = 4
file_io._NUMBER_OF_PROCESSES = 1
mox.file.set_auth(retry=3)
mox.file.set_auth(obs_client_log=False, negotiation=False)
data_url, train_url, cache = sys.argv[1:]


def download(url, local):
    try:
        mox.file.copy_parallel(src_url=url, dst_url=local, threads=0, is_processing=False)
    except (FileNotFoundError, RuntimeError) as error:
        print("not there:", type(error).__name__)
    return mox.file.exists(local)


print(download(os.path.join(data_url, "missing"), os.path.join(cache, "missing")))
print(download(data_url, os.path.join(cache, "all")))
for name in mox.file.list_directory(data_url):
    name = name.rstrip("/")
    source, local = os.path.join(data_url, name), os.path.join(cache, "all", name)
    if mox.file.is_directory(source):
        same = mox.file.get_size(source, recursive=True) == mox.file.get_size(local, recursive=True)
    else:
        same = mox.file.exists(local) and mox.file.get_size(source) == mox.file.get_size(local)
        if not same:
            mox.file.copy(source, local)
    print(name, same)
mox.file.write(os.path.join(train_url, "log.txt"), "epoch 1\n")
with mox.file.File(os.path.join(train_url, "result.txt"), "w") as result:
    result.write(mox.file.read(os.path.join(train_url, "log.txt")) + "done\n")
mox.file.remove(os.path.join(train_url, "log.txt"))
