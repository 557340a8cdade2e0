"""What `import moxing` finds in the programs that a script of `python -m moxing_shim run` starts.

Launchers start one Python for each device; the folder of this file is on the PYTHONPATH that they inherit.
"""
import importlib
import importlib.machinery
import importlib.util
import os
import sys


def _bring_package():
    """Import the moxing_shim around this file; its folder stays off the path, where it would show its neighbours."""
    if 'moxing_shim' not in sys.modules:
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        spec = importlib.machinery.PathFinder.find_spec('moxing_shim', [folder])
        package = sys.modules['moxing_shim'] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)


if __name__ == 'moxing':
    _bring_package()
    importlib.import_module('moxing_shim.stand_in').put_in_place()
    importlib.import_module('moxing')
