"""The log as JSON lines."""

from __future__ import annotations

import io
import json
import logging

from PIL import Image

from playground.service.log import JsonLines


def test_a_json_line_holds_what_was_said_and_no_object() -> None:
    logger, stream = logging.getLogger("playground.test"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    try:
        extra = {"run": "run 12", "seconds": 1.5, "picture": Image.new("RGB", (8, 8)), "nothing": None}
        logger.error("%s\nended", "run 12", extra=extra)
        try:
            raise ValueError("inside")
        except ValueError:
            logger.exception("failed")
    finally:
        logger.removeHandler(handler)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["level"], first["source"], first["message"]) == ("error", "playground.test", "run 12\nended")
    assert (first["run"], first["seconds"], first["nothing"]) == ("run 12", 1.5, None)
    assert "picture" not in first
    assert first["time"].endswith("Z")
    assert "ValueError: inside" in second["traceback"]
