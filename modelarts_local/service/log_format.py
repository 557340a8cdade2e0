"""The log as lines of JSON, for programs that collect it: `modelarts-local serve --log-format json`."""

from __future__ import annotations

import json
import logging
import time


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger and message, and what the line of a request knows of it (`facts`)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; a traceback stands in "trace"."""
        seconds, milliseconds = int(record.created), int(record.msecs)
        line = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def write_json_lines() -> None:
    """Let all that is logged from now on be JSON."""
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    for handler in {handler for logger in (*loggers, logging.root) for handler in logger.handlers}:
        handler.setFormatter(JsonLines())
