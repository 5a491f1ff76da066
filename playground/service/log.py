"""The log of a server on stderr: lines for people, or JSON objects for whatever collects them.

web/serve.py starts it. Knows nothing of what is logged.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from typing import Any, Literal

MAX_WORDS = 300  # of a fault, in a line of the log


class TextLines(logging.Formatter):
    """Lines for people; a fault is one line that says where it happened, for a developer its traceback below.

    Args:
        debug: whether a developer reads.
    """

    def __init__(self, debug: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
        self.debug = debug

    def format(self, record: logging.LogRecord) -> str:
        if self.debug or not record.exc_info or record.exc_info[1] is None:
            return super().format(record)
        plain = logging.makeLogRecord({**vars(record), "exc_info": None, "exc_text": None})
        return f"{super().format(plain)}: {in_one_line(record.exc_info[1])}"


def in_one_line(error: BaseException) -> str:
    """A fault's kind, its words, and the place in the code where it happened."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(places[-1].filename)}, line {places[-1].lineno})" if places else ""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:MAX_WORDS]}{place}"


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, source, message, and what a message carries in `extra`.

    Of `extra` only plain values are written, so that neither a picture nor a run with its secret id gets into a log.
    """

    PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "source": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in self.PLAIN and (value is None or isinstance(value, (str, int, float))):
                said[name] = value
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def start_log(kind: Literal["text", "json"], *, debug: bool = False) -> None:
    """Let everything that is logged go to stderr, the playground's own from INFO, others' from WARNING.

    Args:
        debug: show the tracebacks of faults; in JSON, where they take no line of their own, they are there in any case.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if kind == "json" else TextLines(debug))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("playground").setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # which set up handlers of their own
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
