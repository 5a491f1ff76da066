"""`python -m benchmarks.kills`: a server is killed outright at random moments, again and again, and each time it is counted
what the next one has lost of its run, its branches, its training and its upload.

The servers are processes of kills_server.py on one folder. Most moments are drawn from when a server has taken over what was
left, every fourth from its process's start, so that some fall into its imports and into taking over.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.kills_server import PREFIX
from playground.engine.checkpoints import CheckpointError, Checkpoints
from playground.errors import PlaygroundError
from playground.feedforward.model import read_tensors
from playground.service.run_folder import RunFolder

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 6.0  # seconds until a kill
STARTS = 120.0  # seconds that a server may take until it has taken over
SLACK = 2.0  # seconds beyond the interval, for the evaluation and the save that were going on


@dataclass(frozen=True)
class Kill:
    """One server's end, and what the next one found.

    Attributes:
        moment: seconds from its start, or from when it had taken over.
        phase: how far it had come: "importing", "taking over", "painting".
        jobs, back: runs, branches and trainings that were in its store, and those of them that went on.
        lost: the most that any run had painted beyond what it went on from, in seconds; beyond what it had said.
        steps: the most steps that a training went back.
        late: runs that lost more than the interval and `SLACK`.
        unloadable: files of checkpoints, models and settings that cannot be read, and runs that were set aside.
        left: folders of dead servers' uploads once the next one had taken over.
    """

    moment: float
    phase: str
    jobs: int = 0
    back: int = 0
    lost: float = 0.0
    steps: int = 0
    late: int = 0
    unloadable: int = 0
    left: int = 0

    @property
    def holds(self) -> bool:
        return self.back == self.jobs and not self.late and not self.unloadable and not self.left


@dataclass
class Life:
    """What a server has said until it was killed."""

    moment: float
    recovered: dict[str, Any] | None = None
    jobs: dict[str, Any] | None = None
    strays: int = 0
    settled: threading.Event = field(default_factory=threading.Event)

    @property
    def phase(self) -> str:
        return "importing" if self.recovered is None else "taking over" if self.jobs is None else "painting"


def live(folder: Path, moment: float, *, settled: bool) -> Life:
    """A server from its start to its kill.

    Args:
        settled: whether the moment counts from when it has taken over what was left.
    """
    command = [sys.executable, "-m", "benchmarks.kills_server", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        (folder / "log.txt").open("a") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, env=environment) as process,
    ):
        assert process.stdout is not None
        life = Life(moment)
        reader = threading.Thread(target=listen, args=(process.stdout, life))
        reader.start()
        try:
            if settled:
                assert life.settled.wait(STARTS), "it never took over"
            time.sleep(moment)
            assert process.poll() is None, (folder / "log.txt").read_text()[-2000:]
        finally:
            process.kill()
            reader.join()
    return life


def listen(stdout: IO[bytes], life: Life) -> None:
    """Note what a server says until it is gone; a line that was cut short is none."""
    for line in stdout:
        if line.endswith(b"\n"):
            said = json.loads(line)
            life.recovered, life.jobs = said.get("recovered", life.recovered), said.get("jobs", life.jobs)
            life.strays = said.get("strays", life.strays)
            life.settled.set()


def unloadable(folder: Path) -> int:
    """How many files in all stores cannot be read, and how many runs were set aside."""
    aside = list(folder.glob("runs/set-aside/*/why.txt"))
    for why in aside:
        print(f"set aside: {why.read_text('utf-8').strip()}", file=sys.stderr)
    bad = len(aside)
    for meta in folder.glob("runs/server-*/run-*/meta.json"):
        kept = RunFolder(meta.parent)
        try:
            json.loads(meta.read_text("utf-8"))
            kept.read_pictures(content=(meta.parent / "content.png").exists())
            if kept.training_state.exists():
                read_tensors(kept.training_state)
                read_tensors(kept.model)
            checkpoints = Checkpoints(kept.checkpoints, 10**12)
            for evaluation in checkpoints.evaluations:
                checkpoints.load(evaluation)
        except (PlaygroundError, CheckpointError, OSError, ValueError) as error:
            print(f"{meta.parent.name}: {error}", file=sys.stderr)
            bad += 1
    return bad


def compared(before: dict[str, Any], life: Life, bad: int, folder: Path) -> dict[str, Any]:
    """What a server has found of what the one before it had said last."""
    assert life.recovered is not None
    stored = {id: job for id, job in before.items() if job["stored"] and job["error"] is None}
    found = {id: job for id, job in life.recovered.items() if id in stored}
    beyond = {id: stored[id]["evaluations"] - job["began_at"] for id, job in found.items()}
    paces = {id: job["seconds"] / max(1, job["evaluations"]) for id, job in stored.items()}
    runs = [id for id in found if not stored[id]["training"]]
    lost = {id: max(0.0, beyond[id] * paces[id]) for id in runs}
    left = [path for path in folder.glob(f"{PREFIX}*") if path.is_dir()]
    return {
        "jobs": len(stored),
        "back": sum(job["error"] is None for job in found.values()),
        "lost": max(lost.values(), default=0.0),
        "steps": max((max(0, beyond[id]) for id in found if stored[id]["training"]), default=0),
        "late": sum(lost[id] > stored[id]["interval"] + SLACK for id in runs),
        "unloadable": bad + sum(job["damaged"] for job in life.recovered.values()),
        "left": max(0, len(left) - 1) + life.strays,
    }  # fmt: skip


def chain(folder: Path, kills: int, seed: int = 0) -> list[Kill]:
    """So many servers on one folder, one after the other, each killed; and a last one that only takes over."""
    draw, before, waiting, done, bad = random.Random(seed), dict[str, Any](), list[Kill](), list[Kill](), 0
    for number in range(kills + 1):
        settled = number in (0, kills) or number % 4 != 3
        moment = LONGEST if number == 0 else draw.uniform(0.1, LONGEST)
        life = live(folder, moment, settled=settled)
        if life.recovered is not None and waiting:
            # Those that were killed while importing had nothing to lose but what the one before them had left.
            first, *silent = waiting
            done += [Kill(first.moment, first.phase, **compared(before, life, bad, folder)), *silent]
            waiting = []
        if number < kills:
            waiting.append(Kill(round(moment, 2), life.phase))
        bad = unloadable(folder)
        if life.jobs is not None:
            before = life.jobs
    return done + waiting


def main(
    kills: Annotated[int, typer.Option(min=1, help="How many servers are killed.")] = 30,
    seed: Annotated[int, typer.Option(help="Draws the moments.")] = 0,
    output: Annotated[Path | None, typer.Option(help="A file for the counts, as JSON.")] = None,
) -> None:
    """Kill, print the table of what was lost, and end with status 1 where it is more than may be."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        done = chain(Path(folder), kills, seed)
    table = Table("moment, s", "while", "in the store", "back", "lost, s", "training, steps", "unloadable", "left over")
    for kill in done:
        table.add_row(
            f"{kill.moment:.1f}", kill.phase, str(kill.jobs), str(kill.back), f"{kill.lost:.2f}", str(kill.steps),
            str(kill.unloadable), str(kill.left),
        )  # fmt: skip
    Console(width=110).print(table)
    if output:
        output.write_text(json.dumps([asdict(kill) for kill in done], indent=1) + "\n", "utf-8")
    raise typer.Exit(0 if all(kill.holds for kill in done) else 1)


if __name__ == "__main__":
    typer.run(main)
