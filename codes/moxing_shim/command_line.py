"""The command line of moxing_shim: which command, which options, and how its end is told."""
import argparse
import difflib
import logging
import os
import sys

from moxing_shim import command_copy, command_list, command_remove, command_run, urls
from moxing_shim.errors import MoxCopyException
from moxing_shim.settings import set_auth

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_NO_READER = 0, 1, 2, 130, 141
EXIT_CODES = """exit codes:
  0    done
  1    not done, or not wholly: the message says what and why
  2    the command line is wrong
  130  interrupted (Ctrl-C)
  141  whatever reads the output has gone
"""
EXAMPLES = """examples:
  python -m moxing_shim run train.py --data_url=s3://bucket/data      a script that says `import moxing`
  python -m moxing_shim run -m package.train                          the same for a module
  python -m moxing_shim ls -l -h s3://bucket/data/
  python -m moxing_shim cp -r s3://bucket/data /cache/data
  python -m moxing_shim sync /cache/output s3://bucket/output
  python -m moxing_shim cat s3://bucket/output/log.txt
  python -m moxing_shim rm -r s3://bucket/output/old

A URL is s3://bucket/key, obs://bucket/key (the same thing) or a local path. S3_ENDPOINT names the server,
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are the keys.
"""
FAMILIES = (command_list, command_copy, command_remove)
# What people type who come from other tools -> the command
MEANT = {'list': 'ls', 'dir': 'ls', 'copy': 'cp', 'copy_parallel': 'cp', 'download': 'cp', 'upload': 'cp', 'get': 'cp',
         'put': 'cp', 'rsync': 'sync', 'mirror': 'sync', 'delete': 'rm', 'del': 'rm', 'remove': 'rm', 'head': 'stat',
         'info': 'stat', 'read': 'cat', 'python': 'run', 'exec': 'run', 'start': 'run'}


def build_parser():
    """The parser of all commands; those of `run` belong to the program and are taken before it, see command_run."""
    parser = argparse.ArgumentParser(
        prog='python -m moxing_shim', description='moxing.file from a shell: on S3, OBS and local folders.',
        epilog=EXAMPLES + '\n' + EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument('--endpoint-url', metavar='URL', help='the server, instead of S3_ENDPOINT')
    commands = parser.add_subparsers(dest='command', metavar='command')
    commands.add_parser('run', add_help=False, help='run a script or module that says `import moxing`')

    def add(name, about, run, examples):
        command = commands.add_parser(
            name, help=about, description=about[0].upper() + about[1:] + '.', parents=[shared], add_help=False,
            epilog='examples:\n' + ''.join(f'  python -m moxing_shim {name} {example}\n' for example in examples)
            + '\n' + EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter)
        is_taken = name == 'ls'     # there -h is for human-readable sizes, as in ls itself
        command.add_argument(*['-h'] * (not is_taken), '--help', action='help', help='show this and end')
        command.set_defaults(run=run)
        return command

    for family in FAMILIES:
        family.add_commands(add, url)
    return parser


def url(text):
    """The argument as it is, when it is a URL or path that is understood; argparse tells the ValueError."""
    try:
        urls.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error))
    return text


def main(argv):
    """Run one command; returns the exit code. `run` ends as the program ends, with its exception or SystemExit."""
    if argv[:1] == ['run']:
        return command_run.run(argv[1:])
    parser = build_parser()
    _check_command(parser, argv)
    arguments = parser.parse_args(argv)
    _show_warnings()
    if arguments.endpoint_url:
        set_auth(server=arguments.endpoint_url)
    try:
        arguments.run(arguments)
        sys.stdout.flush()      # here, where its reader may be found gone
        return EXIT_DONE
    except KeyboardInterrupt:
        return _fail(arguments, 'interrupted; files that were complete by then are kept', EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())      # else Python complains at its end
        return EXIT_NO_READER
    except (OSError, ValueError, ImportError) as error:
        return _fail(arguments, _sentence(error), EXIT_FAILED)


def _check_command(parser, argv):
    """End with a sentence that names what may have been meant; argparse only lists the choices."""
    named = next((word for word in argv[:1] if not word.startswith('-')), None)
    known = ['run'] + [name for family in FAMILIES for name in family.NAMES]
    if not argv:
        parser.error(f'which command? There are {", ".join(known)}; --help explains them')
    if named is not None and named not in known:
        meant = [MEANT[named]] if named in MEANT else difflib.get_close_matches(named, known, 1, cutoff=0.5)
        hint = f'did you mean {meant[0]}?' if meant else f'there are {", ".join(known)}'
        parser.error(f'there is no command {named!r}; {hint}')


def _sentence(error):
    if isinstance(error, MoxCopyException) and len(error.failures) == 1:
        return str(error.failures[0][1])        # it names the file itself
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f'{error.filename}: {error.strerror}'
    return str(error) or type(error).__name__


def _fail(arguments, message, exit_code):
    print(f'moxing_shim {arguments.command}: {message}', file=sys.stderr)
    return exit_code


def _show_warnings():
    """Warnings go to standard error, over a line of progress if there is one; errors end up in the last sentence."""
    handler = logging.StreamHandler()
    clear = '\r\x1b[K' if sys.stderr.isatty() else ''
    handler.setFormatter(logging.Formatter(clear + 'moxing_shim: %(message)s'))
    handler.addFilter(lambda record: record.levelno == logging.WARNING)
    log = logging.getLogger('moxing')
    log.addHandler(handler)
    log.propagate = False
