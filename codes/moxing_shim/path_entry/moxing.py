"""What `import moxing` finds in the programs that a script of `python -m moxing_shim run` starts.

Launchers start one Python for each device; the folder of this file is on the PYTHONPATH that they inherit.
"""
import importlib
import importlib.util
import os
import sys

if __name__ == 'moxing':
    if importlib.util.find_spec('moxing_shim') is None:
        # At the end: the folder has other modules, which must not hide those of the program
        sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    importlib.import_module('moxing_shim.stand_in').put_in_place()
    importlib.import_module('moxing')
