"""python -m moxing_shim: the same calls from a shell, and programs that say `import moxing` as they are."""
import sys

from moxing_shim.command_line import main

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
