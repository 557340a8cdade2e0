"""Write so many MiB to a URL through File, read them back, print the most memory that this process used, in MB.

memory_of_one_object.py URL MIB

The lines are: before, after writing, after reading.
"""

import hashlib
import sys

from moxing_shim import file as mox_file

PIECE_BYTES = 2**20


def print_peak():
    # not getrusage: its maximum begins with that of the process this one was forked from
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))


def main():
    url, mib = sys.argv[1], int(sys.argv[2])
    mox_file.exists(url)  # the client itself needs memory too
    print_peak()
    written, read = hashlib.md5(), hashlib.md5()
    with mox_file.File(url, "wb") as stream:
        for number in range(mib):
            piece = number.to_bytes(4, "big") * (PIECE_BYTES // 4)
            written.update(piece)
            stream.write(piece)
    print_peak()
    with mox_file.File(url, "rb") as stream:
        for piece in iter(lambda: stream.read(PIECE_BYTES), b""):
            read.update(piece)
    print_peak()
    if written.digest() != read.digest():
        sys.exit("other content was read than written")


if __name__ == "__main__":
    main()
