"""The program of a handler's process: load, say so, answer until the other side closes."""

import argparse
import faulthandler
import json
import logging
import os
import platform
import resource
import select
import signal
import socket
import sys
import threading
import traceback

from .frames import receive_frame, send_frame
from .hosting import HandlerFailed, HandlerLoadFailed, load_service

EXIT_NOT_LOADED = 1


def main(argv=None):
    """Serve one handler on an inherited socket; returns the exit code.

    What goes over the socket is told in `handler_process.py`, which is the other side of it.
    """
    arguments = build_parser().parse_args(argv)
    _tell_the_stack_on_demand(arguments.stack_pipe)
    # the platform's base images show WARNING and above: contract 3.1
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if arguments.memory_limit:
        resource.setrlimit(resource.RLIMIT_AS, (arguments.memory_limit, arguments.memory_limit))
    # family and kind are named because Python 3.6 does not ask the system for them
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=arguments.channel)
    _end_with(connection)
    try:
        service = load_service(
            arguments.model_dir, arguments.prefix, json.loads(arguments.signature), arguments.support
        )
    except HandlerLoadFailed as error:
        send_frame(connection, {"event": "failed", "message": str(error), "trace": _trace_of(error.__cause__)})
        return EXIT_NOT_LOADED
    loaded = {"inputs": service.inputs, "engine": _engine(service), "takes_many": service.takes_many}
    send_frame(connection, dict(loaded, event="loaded"))
    try:
        _answer_requests(connection, service)
    except OSError:
        pass  # whoever asks us is gone, and so are we
    return 0


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="handler_worker", description="Run one handler for modelarts_local.")
    parser.add_argument("model_dir", help="the folder model/ of a package")
    parser.add_argument("--channel", type=int, required=True, help="number of the inherited, connected socket")
    parser.add_argument("--stack-pipe", type=int, required=True, help="number of the inherited pipe for SIGUSR1")
    parser.add_argument("--prefix", required=True, help="what the names of network and weights begin with")
    parser.add_argument("--signature", default="{}", help="JSON of manifest['Model']['Signature']")
    parser.add_argument("--support", required=True, help="folder that holds mxnet_support")
    parser.add_argument("--memory-limit", type=int, default=0, help="bytes of address space; 0: without a limit")
    return parser


def _tell_the_stack_on_demand(pipe):
    """Write the stack of the main thread, in which the handler runs, into `pipe` when SIGUSR1 comes."""
    os.set_inheritable(pipe, False)
    # the system hands a process's signal to its main thread; all threads at once may be too many to come to that one
    faulthandler.register(signal.SIGUSR1, file=pipe, all_threads=False)


def _end_with(connection):
    """End this process, and what it has started, when the other side is gone, whatever the handler is doing."""
    poll = select.poll()
    poll.register(connection, 0)  # that the other side is gone is told without being asked for

    def wait():
        poll.poll()
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()


def _answer_requests(connection, service):
    while True:
        frame = receive_frame(connection)
        if frame is None:
            return
        head, images = frame
        number = head["requests"]
        width = len(images) // number
        answers = service.answers([images[first : first + width] for first in range(0, len(images), width)])
        heads, bodies = zip(*(_head_and_body(answer) for answer in answers))
        send_frame(connection, {"answers": heads}, bodies)


def _head_and_body(answer):
    if not isinstance(answer, HandlerFailed):
        return {"event": "answered"}, answer
    failed = {"event": "failed", "status": answer.http_status, "message": str(answer)}
    return dict(failed, trace=_trace_of(answer.__cause__)), b""


def _engine(service):
    import mxnet

    return {"mxnet": mxnet.__version__, "python": platform.python_version(), "base_class": service.base_class_origin}


def _trace_of(error):
    if error is None:
        return ""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
