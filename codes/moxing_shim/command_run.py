"""python -m moxing_shim run: a program that says `import moxing`, as it is."""
import sys

from moxing_shim import running

HELP = """usage: python -m moxing_shim run [--] script.py [arguments]
       python -m moxing_shim run -m module [arguments]

Run a program as `python script.py` would, with `import moxing` finding moxing_shim in it and in every Python
that it starts. On a machine that has MoXing, MoXing itself is found. What follows the script belongs to it.
The program's exit code is handed through; 2 when the script cannot be read, 1 when there is no such module.

MOX_SILENT_MODE=1 keeps the line that says so, at the import, to itself.

examples:
  python -m moxing_shim run train.py --data_url=s3://bucket/data --train_url=s3://bucket/output
  python -m moxing_shim run -m torch.distributed.launch --nproc_per_node=2 train.py
"""


def run(argv):
    """Run what `argv` names; returns an exit code when there is no such program, else ends as the program does."""
    if argv[:1] in (['--help'], ['-h']):
        print(HELP, end='')
        return 0
    is_module = argv[:1] == ['-m']
    rest = argv[1:] if is_module or argv[:1] == ['--'] else argv
    if not rest or rest is argv and argv[0].startswith('-'):
        found = f'an option {argv[0]!r} that run does not have' if argv and not is_module and rest else 'nothing to run'
        print(f'moxing_shim run: {found}; write run script.py [arguments] or run -m module [arguments]',
              file=sys.stderr)
        return 2
    try:
        running.prepare()
        (running.run_module if is_module else running.run_script)(rest[0], rest[1:])
    except running.NoSuchProgram as error:
        print(f'moxing_shim run: {error}', file=sys.stderr)
        return error.exit_code
    return 0
