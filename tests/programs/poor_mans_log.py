"""A job that keeps its log by append, renames what is finished and cleans up."""

import os
import sys

import moxing as mox

_, train_url, cache = sys.argv[1:]
log_url = os.path.join(train_url, "log.txt")
for epoch in range(3):
    mox.file.append(log_url, f"epoch {epoch}\n")
handle = mox.file.File(log_url, "a")
handle.write("done\n")
handle.close()
mox.file.rename(log_url, os.path.join(train_url, "finished.txt"))
for entry in mox.file.scan_dir(train_url):
    print(entry.name, mox.file.stat(entry.path).length)
for where, _, names in mox.file.walk(train_url):
    print(where.split(train_url)[-1] == "", names)
print([os.path.basename(name) for name in mox.file.glob(os.path.join(train_url, "*.txt"))])
