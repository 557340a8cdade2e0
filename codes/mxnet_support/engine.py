"""Import MXNet so that it works and uses the whole machine, on both engines.

Two engines exist: MXNet 1.2.1 on Python 3.6 (the ModelArts image) and MXNet 1.9.1 on Python 3.8 to 3.12. Everything
that has to know which one it runs on stands here.
"""
import contextlib
import glob
import importlib
import os
import subprocess


class EngineMissing(ImportError):
    """MXNet cannot be imported; the message says what to install."""


# Rounds that a waiting thread of libgomp spins before it sleeps. Measured with ResNet-18 at 48 pixels on two cores,
# seconds an epoch alone and beside a second training: 4.0 and over 100 by default, 4.4 and 14 with 1,000, 5.2 and 12
# with none.
SPIN_COUNT = '1000'
# Names that NumPy 1.24 removed and that MXNet 1.9.1 reads while it is imported (mxnet/numpy/utils.py).
_REMOVED_NUMPY_ALIASES = {'bool': bool, 'int': int, 'float': float, 'complex': complex, 'object': object, 'str': str}


def import_mxnet():
    """Return the mxnet module, with NumPy's removed names restored and OpenMP set up.

    OMP_NUM_THREADS is set to `physical_cores()` unless the user has set it: MXNet 1.9.1 would otherwise take half of
    the processors it sees, assuming hyper-threads, and run at half speed on machines that have none. It is read once,
    when libmxnet is loaded, so this must run before anything else imports mxnet. GOMP_SPINCOUNT is set unless the user
    has set it: threads that wait spin for milliseconds by default, and as soon as anything else wants a processor they
    keep each other from working. MXNET_SUBGRAPH_VERBOSE is set so unless the user has: a line for each network whose
    graph was fused, as it always is, would look like a warning.

    Raises EngineMissing when mxnet is not installed.
    """
    os.environ.setdefault('OMP_NUM_THREADS', str(physical_cores()))
    os.environ.setdefault('GOMP_SPINCOUNT', SPIN_COUNT)
    os.environ.setdefault('MXNET_SUBGRAPH_VERBOSE', '0')
    _restore_numpy_aliases()
    try:
        return importlib.import_module('mxnet')
    except (ImportError, OSError) as error:         # OSError: a library of the system, such as libgomp.so.1
        raise EngineMissing(
            'MXNet cannot be imported (%s). It needs mxnet==1.9.1 on Python 3.8 to 3.12 (with setuptools on 3.12), or '
            'mxnet==1.2.1.post1 on Python 3.6, and the libraries libgomp and libquadmath (Debian: libgomp1, '
            'libquadmath0).' % error) from error


@contextlib.contextmanager
def plain_graph():
    """A block in which networks are bound as they are written, without oneDNN's fused operators.

    MXNet 1.9.1 fuses when it binds for inference, and fails on networks whose weights have other names than its own.
    """
    before = os.environ.get('MXNET_SUBGRAPH_BACKEND')
    os.environ['MXNET_SUBGRAPH_BACKEND'] = 'NONE'
    try:
        yield
    finally:
        if before is None:
            del os.environ['MXNET_SUBGRAPH_BACKEND']
        else:
            os.environ['MXNET_SUBGRAPH_BACKEND'] = before


def physical_cores():
    """Count the physical cores this process may use; hyper-threads of one core count once.

    Where the topology is not readable (not Linux), every processor counts as a core. A container may be allowed the
    time of fewer than it sees.
    """
    usable = _usable_processors()
    cores = set()
    for path in glob.glob('/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list'):
        processor = int(path.split('/')[5][len('cpu'):])
        if processor in usable:
            with open(path) as siblings:
                cores.add(siblings.read().strip())
    return min(len(cores) or len(usable), processors_worth_of_time())


def usable_processors():
    """Count the processors this process may use, hyper-threads included."""
    return min(len(_usable_processors()), processors_worth_of_time())


def processors_worth_of_time(cgroup='/sys/fs/cgroup'):
    """Return how many processors' time the container of this process may take, infinity where nothing limits it.

    cgroup: where Linux tells of it: the file cpu.max ("200000 100000": microseconds in each such period, or "max") of
    version 2, two files below cpu/ of version 1, -1 for no limit.
    """
    for names in (('cpu.max',), ('cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us')):
        words = []
        for name in names:
            try:
                with open(os.path.join(cgroup, name)) as limit:
                    words.extend(limit.read().split())
            except (OSError, UnicodeDecodeError):
                break
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
            return max(-(-int(words[0]) // int(words[1])), 1)
    return float('inf')


def gpu_count(mx):
    """Count the GPUs that this build of MXNet can use; 0 for a CPU build.

    mx: the mxnet module.
    """
    if hasattr(mx.context, 'num_gpus'):            # MXNet 1.4 and later
        try:
            return mx.context.num_gpus()
        except mx.MXNetError:
            return 0
    count = _gpus_that_the_driver_lists()
    if count == 0:
        return 0
    try:                                            # a CPU build on a machine that has GPUs
        mx.nd.zeros((1,), ctx=mx.gpu(0)).wait_to_read()
    except mx.MXNetError:
        return 0
    return count


def _restore_numpy_aliases():
    import numpy
    for name, python_type in _REMOVED_NUMPY_ALIASES.items():
        # __dict__, because NumPy 1.20 to 1.23 warn on mere access to these names
        if name not in numpy.__dict__ and _numpy_version(numpy) >= (1, 24):
            setattr(numpy, name, python_type)


def _numpy_version(numpy):
    return tuple(int(part) for part in numpy.__version__.split('.')[:2])


def _usable_processors():
    if hasattr(os, 'sched_getaffinity'):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _gpus_that_the_driver_lists():
    try:
        listing = subprocess.check_output(['nvidia-smi', '-L'], universal_newlines=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith('GPU') for line in listing.splitlines())
