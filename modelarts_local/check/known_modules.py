"""Modules that code on the platform finds besides its own: Python 3.6's library, and what the engine's images have."""

from __future__ import annotations

import sys

# Modules of Python 3.6 that later Pythons, such as the one that runs this, no longer have
_GONE_SINCE = """
_bootlocale _dummy_thread aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils dummy_threading
formatter imghdr imp lib2to3 macpath macurl2path mailcap msilib nis nntplib ossaudiodev parser pipes smtpd sndhdr
spwd sunau symbol telnetlib uu xdrlib
"""
# Python below 3.10 has no list of its library; these are the modules that jobs import
_OF_ANY_PYTHON = """
__future__ abc argparse array ast asyncio atexit base64 binascii bisect builtins bz2 calendar cmath cmd code codecs
codeop collections colorsys compileall concurrent configparser contextlib copy copyreg csv ctypes curses datetime
dbm decimal difflib dis doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch
fractions ftplib functools gc getopt getpass gettext glob grp gzip hashlib heapq hmac html http imaplib importlib
inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal math mimetypes mmap
modulefinder multiprocessing netrc ntpath numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil
platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc queue quopri random
re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site
smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct
subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios test textwrap this threading time timeit
tkinter token tokenize trace traceback tracemalloc tty turtle types typing unicodedata unittest urllib uuid venv
warnings wave weakref webbrowser wsgiref xml xmlrpc zipapp zipfile zipimport zlib
"""
LIBRARY = frozenset([*getattr(sys, "stdlib_module_names", ()), *_OF_ANY_PYTHON.split(), *_GONE_SINCE.split()])

# The engine itself, MoXing beside it, and what Anaconda for Python 3.6 has, in whose folder the image's Python lies
# (contract 1.2, seen in a log). The image's own list is not published: what is missing here may still be there.
_OF_THE_IMAGE = """
mxnet numpy moxing requests graphviz urllib3 idna chardet certifi PIL cv2 scipy pandas matplotlib sklearn skimage
h5py yaml six tqdm jinja2 cython Cython numba joblib dateutil pytz setuptools pkg_resources pip wheel psutil
simplejson click flask lxml bs4 sympy networkx seaborn statsmodels tables IPython ipykernel jupyter notebook tornado
zmq cloudpickle dask bokeh nltk boto3 botocore boto attr pyparsing cffi cryptography docutils pygments Crypto toolz
sqlalchemy xlrd openpyxl nose pytest google absl easydict prettytable
"""
ENGINE_PACKAGES = frozenset(_OF_THE_IMAGE.split())
# Names that a module of a job must not take from these
SHADOWED_PACKAGES = ("mxnet", "numpy", "moxing", "PIL", "cv2")

# What the image of a service on MXNet has, as far as samples import it
SERVICE_PACKAGES = frozenset(
    ["mxnet", "mms", "model_service", "numpy", "requests", "PIL", "cv2", "scipy", "six", "setuptools", "pkg_resources"]
)

MOXING = "moxing"
# Names under which one would ask pip for MoXing, which no index has; what PyPI calls moxing is another package
MOXING_PACKAGES = frozenset([MOXING, "moxing-framework"])
NOT_MOXING = "which is not MoXing: pip finds another package of that name, without moxing.file, or none"

# The module of each package that is called otherwise, by the package's name in pip's own spelling
MODULE_OF = {
    "beautifulsoup4": "bs4",
    "gitpython": "git",
    "opencv-python": "cv2",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
    "python-dotenv": "dotenv",
    "python-levenshtein": "Levenshtein",
    "pyturbojpeg": "turbojpeg",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
}
