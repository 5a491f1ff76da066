"""Runs in a store, and servers beside this one, as processes of their own that can be killed."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.service.store import Store
from playground.service.stored import Stored

# Forked from a process that has imported all this once: torch takes seconds.
SERVERS = multiprocessing.get_context("forkserver")
SERVERS.set_forkserver_preload([__name__])
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
STYLE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
PICTURES = Pictures(PICTURE, (STYLE,))
RECIPE = Recipe(size=64, smallest=48, iterations=40, scales=1)


def stored(id: str = "secret", **more: object) -> Stored:
    given = {"visitor": "ann", "recipe": RECIPE, "pictures": PICTURES, **more}
    return Stored(id=id, **given)  # type: ignore[arg-type]


class Process:
    """Another process that runs a script with `store`, and says a line with `say` when it has come so far."""

    def __init__(self, script: str, root: Path) -> None:
        self.heard, theirs = SERVERS.Pipe(duplex=False)
        self.process = SERVERS.Process(target=live, args=(script, root, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def line(self) -> str:
        """What it says next; empty when it has died."""
        try:
            return self.heard.recv()
        except EOFError:
            return ""


def live(script: str, root: Path, ear: Connection) -> None:
    names = {**globals(), "store": Store(root, 100), "say": lambda said: ear.send(str(said))}
    exec(script, names)
    time.sleep(60)


@contextmanager
def server(script: str, root: Path) -> Iterator[Process]:
    """A process with such a script, killed at the end."""
    started = Process(script, root)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.join()
        started.process.close()
        started.heard.close()


def dies(script: str, root: Path) -> None:
    """A server that runs a script and is gone without a word."""
    with server(script + "\nsay('here')", root) as process:
        assert process.line() == "here"


def change_meta(folder: Path, **news: object) -> None:
    data = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**data, **news}))
