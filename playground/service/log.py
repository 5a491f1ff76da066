"""The log of a server on stderr: lines for people, or JSON objects for whatever collects them.

web/serve.py starts it. Knows nothing of what is logged.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, Literal


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


def start_log(kind: Literal["text", "json"]) -> None:
    """Let everything that is logged go to stderr, the playground's own from INFO, others' from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonLines() if kind == "json" else text)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("playground").setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # which set up handlers of their own
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
