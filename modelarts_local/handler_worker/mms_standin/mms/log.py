"""The logger that handlers ask for."""

import logging
import logging.handlers

LINE_FORMAT = "[%(levelname)s %(asctime)s PID:%(process)d %(pathname)s:%(funcName)s:%(lineno)d] %(message)s"

_configured_names = set()


def get_logger(
    name=None,
    filename=None,
    level="NOTSET",
    rotate_value="H",
    rotate_interval=1,
):
    """Return the logger called `name`; its first request gives it one output and a level.

    name: None returns the root logger as it is.
    filename: log file, begun anew every `rotate_interval` units of `rotate_value` ('S', 'M', 'H' or 'D');
        None logs to standard error.
    level: 'CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG' or 'NOTSET'.

    Raises ValueError for another level.
    """
    logger = logging.getLogger(name)
    if name is None or name in _configured_names:
        return logger
    logger.setLevel(level)
    output = (
        logging.handlers.TimedRotatingFileHandler(filename, when=rotate_value, interval=rotate_interval)
        if filename
        else logging.StreamHandler()
    )
    output.setFormatter(logging.Formatter(LINE_FORMAT))
    logger.addHandler(output)
    _configured_names.add(name)
    return logger
