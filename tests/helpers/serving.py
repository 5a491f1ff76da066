"""The page as people start it, in a process of its own; used by whatever asks such a process over HTTP or in a browser."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
APP, SERVE = (str(ROOT / "app.py"),), ("-m", "playground", "serve")
"""The two ways to start it."""
RUNS, NUMBERS = tempfile.TemporaryDirectory(prefix="runs-of-tests-"), itertools.count()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(
    *arguments: str, stderr: IO[str] | int = subprocess.PIPE, program: Sequence[str] = APP, **environment: str
) -> subprocess.Popen[str]:
    runs = {"PLAYGROUND_RUNS_FOLDER": str(Path(RUNS.name, str(next(NUMBERS))))}  # nobody picks up another test's
    mine = ("GRADIO_", "PLAYGROUND_MAX", "PLAYGROUND_PROFILE", "PLAYGROUND_SETTINGS", "SPACE_")
    settings = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=ROOT,
        env=settings | runs | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


@contextlib.contextmanager
def serving(
    *arguments: str, stderr: IO[str] | int = subprocess.PIPE, program: Sequence[str] = APP, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address, once it has said it."""
    with start(*arguments, stderr=stderr, program=program, **environment) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if found := re.search(r"open at (http://\S+)", line):
                    break
            else:
                raise AssertionError(f"it ended: {said}{process.stderr and process.stderr.read()}")
            yield process, found[1]
        finally:
            process.kill()
