"""A course notebook: shift first, then nothing but Python's own functions on whatever the address is."""

import moxing as mox

mox.file.shift("os", "mox")

import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402

data_url, train_url, cache = sys.argv[1:]
total = 0
for name in sorted(os.listdir(os.path.join(data_url, "train"))):
    with open(os.path.join(data_url, "train", name), "rb") as picture:
        total += len(picture.read())
    print(name, os.path.getsize(os.path.join(data_url, "train", name)))
if not os.path.exists(os.path.join(train_url, "reports")):
    os.makedirs(os.path.join(train_url, "reports"), exist_ok=True)
with open(os.path.join(train_url, "reports", "total.json"), "w", encoding="utf-8") as report:
    json.dump({"total": total, "name": "花"}, report, ensure_ascii=False)
shutil.copytree(data_url, os.path.join(cache, "copy"))
shutil.copyfile(os.path.join(cache, "copy", "labels.txt"), os.path.join(train_url, "labels.txt"))
shutil.rmtree(os.path.join(cache, "copy"))
print(os.path.isdir(os.path.join(train_url, "reports")), os.path.exists(os.path.join(cache, "copy")))
