"""What outlives a server: for every run that goes on its pictures, settings and checkpoints, for a training its files.

worker.py puts a run in when it begins, jobs.py takes out what an earlier server has left, whether that was asked to end
or was killed. Every server has a folder of its own below one root and holds its lock while it lives, which the system
releases however it dies, so that two servers on one machine never take each other's runs. Knows no job.
"""

from __future__ import annotations

import errno
import json
import logging
import shutil
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from playground.errors import PlaygroundError
from playground.service.run_folder import RunFolder, folder_bytes
from playground.service.set_aside import SetAside
from playground.service.stored import PLAIN, Stored, read_stored
from playground.system.files import takes_nothing, whole_file

FORGOTTEN_SECONDS = 24 * 3600.0  # nobody comes back for a run that has lain about longer
MAX_TRIES = 3  # of running on from the same place; what brings a server down does not do so for ever
MAX_STARTS = 20  # of taking a run up at the same place, however short it lasts
MAX_UNMADE = 5  # tries to make a deleted folder anew: whoever deletes it may still be at it
DOOR_SECONDS = 30.0  # to wait while another server comes or adopts what a dead one has left

TROUBLE = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}  # of the machine, and no damage of what it reads

logger = logging.getLogger(__name__)


class Store:
    """The runs of this server on the disk.

    Args:
        root: of all servers of this user; it is made where it is missing, and only its owner may look into it.
        limit_mb: what this server's runs may take there, in MiB; see `sweep`.

    Attributes:
        aside: what cannot go on.

    Raises:
        PlaygroundError: the folder cannot be used.
    """

    def __init__(self, root: Path, limit_mb: float) -> None:
        self.aside = SetAside(root / "set-aside")
        self.root, self.limit_bytes = root, round(limit_mb * 2**20)
        self._writing = threading.Lock()  # over how runs stand on the disk; taken before the other one
        self._mutex = threading.Lock()  # over the two below
        self._kept: dict[str, Stored] = {}
        self._ended: list[str] = []  # ids, oldest end first
        self._waiting = False  # whether something taken over waits for the next server
        self._unmade: Counter[str] = Counter()  # how often a run's deleted folder could not be made anew
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
            self._door = FileLock(root / "door.lock", timeout=DOOR_SECONDS)
            with self._door:  # nobody else may take an empty folder without a lock for a dead server's
                self.folder = Path(tempfile.mkdtemp(prefix="server-", dir=root))
                self._life = FileLock(self.folder / "lock", thread_local=False)
                self._life.acquire(blocking=False)
        except OSError as error:  # the lock's own errors are too
            raise PlaygroundError(
                f"The folder {str(root)!r} cannot keep runs ({error.strerror or error}), so they would not survive a "
                "restart: mend its permissions, or set PLAYGROUND_HOME to a folder that can be written."
            ) from error

    # ---------------------------------------------------------------- a run's life

    def new_folder(self) -> RunFolder:
        """An empty folder of this server, for what is to become a run or a training.

        Raises:
            OSError: the disk takes none.
        """
        return RunFolder(Path(tempfile.mkdtemp(prefix="run-", dir=self.folder)))

    def drop(self, folder: RunFolder) -> None:
        """Delete a folder from `new_folder` or `adopt` that nobody needs any more; another server's stays."""
        if folder.path.parent == self.folder:
            folder.remove()

    def create(self, run: Stored) -> RunFolder:
        """Keep a run from now on; its folder, which is `run.folder` where it has one from `new_folder`.

        Raises:
            OSError: the disk is full; nothing is left behind but a folder that was there before.
        """
        folder = run.folder or self.new_folder()
        try:
            folder.write_pictures(run.pictures)
            new = replace(run, folder=folder)
            self._write(new)
        except OSError:
            if run.folder is None:
                folder.remove()
            raise
        with self._mutex:
            self._kept[run.id] = new
        return folder

    def update(self, id: str, **news: object) -> None:
        """Note how a run stands; nothing is written where nothing is new, nor where the disk is full.

        Where somebody has deleted its folder it is made anew: all but the checkpoints is here still.

        Args:
            news: attributes of `Stored`.
        """
        with self._mutex:
            old = self._kept.get(id)
            if old is None or id in self._ended or old.folder is None:
                return
            there = old.folder.there or self._unmade[id] >= MAX_UNMADE
            if there and all(getattr(old, name) == value for name, value in news.items()):
                return
            self._kept[id] = replace(old, **news)  # type: ignore[arg-type]
        locked = (self.folder / "lock").exists()  # which keeps other servers off
        try:
            with self._writing:
                with self._mutex:  # the latest, whoever comes last
                    run = None if id in self._ended else self._kept.get(id)
                if run is not None and not there and locked:
                    run.folder.make_anew(run.pictures)  # type: ignore[union-attr]
                if run is not None:
                    self._write(run)
                self._unmade.pop(id, None)
        except OSError as error:
            if not there:
                self._unmade[id] += 1 if locked else MAX_UNMADE
            logger.warning("how a run stands could not be noted: %s", error)

    def _write(self, run: Stored) -> None:
        """Everything of a run but its pictures."""
        assert run.folder is not None
        data = {name: getattr(run, name) for name in PLAIN}
        data |= {"kind": type(run.recipe).__name__, "recipe": run.recipe.model_dump(mode="json")}
        with whole_file(run.folder.meta, durable=False) as unfinished:
            unfinished.write_text(json.dumps(data, default=dict), "utf-8")

    def end(self, id: str) -> None:
        """The run has ended: no other server resumes it. Its checkpoints and previews stay until `remove` or `sweep`."""
        with self._mutex:
            if id not in self._kept or id in self._ended:
                return
            self._ended.append(id)
            folder = self._kept[id].folder
        assert folder is not None
        with self._writing:
            folder.close()

    def remove(self, id: str) -> None:
        """Delete everything that is kept of a run."""
        with self._mutex:
            run = self._kept.pop(id, None)
            self._ended = [other for other in self._ended if other != id]
        if run and run.folder:
            with self._writing:
                run.folder.remove()

    # ---------------------------------------------------------------- bounds

    @property
    def bytes(self) -> int:
        """What lies in this server's folder."""
        return folder_bytes(self.folder)

    def sweep(self) -> list[str]:
        """Delete what ended runs have left, oldest first, until all fits the limit; their ids."""
        gone: list[str] = []
        while self.bytes > self.limit_bytes:
            with self._mutex:
                oldest = next(iter(self._ended), None)
            if oldest is None:
                break
            self.remove(oldest)
            gone.append(oldest)
        return gone

    # ---------------------------------------------------------------- between servers

    def adopt(self) -> list[Stored]:
        """Take over what servers that live no more have left, oldest first; what cannot go on is set aside and said."""
        found = []
        with self._door:
            for server in sorted(self.root.glob("server-*")):
                if server != self.folder:
                    found += self._take_from(server)
        runs = [run for run in map(self._read_or_put_aside, found) if run is not None]
        with self._mutex:
            self._kept |= {run.id: run for run in runs}
        return sorted(runs, key=lambda run: run.created)

    def _take_from(self, server: Path) -> list[RunFolder]:
        """The folders of a dead server's runs, moved into this one's; none while it lives."""
        life, taken = FileLock(server / "lock", thread_local=False), list[RunFolder]()
        try:
            life.acquire(blocking=False)
        except Timeout:
            logger.info("another server is running on %s: its runs stay its own", self.root)
            return []
        except OSError as error:
            logger.warning("%s cannot be looked into: %s", server.name, error)
            return []
        try:
            for folder in sorted(server.glob("run-*")):
                taken.append(RunFolder(folder.rename(self.folder / folder.name)))
        except OSError as error:
            logger.warning("what %s has left cannot be taken over: %s", server.name, error)
            return taken
        finally:
            life.release()
        shutil.rmtree(server, ignore_errors=True)
        return taken

    def _read_or_put_aside(self, folder: RunFolder) -> Stored | None:
        """A run that was taken over; None where there is nothing to go on with."""
        try:
            if folder.meta.exists() and time.time() - folder.last_written <= FORGOTTEN_SECONDS:
                return self._read(folder)
        except Exception as error:  # of whatever kind: the others must be taken up
            if _of_the_machine(error):
                self._waiting = True
                logger.warning(
                    "a run in %s cannot be read now, and waits for the next start: %s", folder.path.name, error
                )
            elif isinstance(error, PlaygroundError):
                self.aside.put(folder, str(error))
            else:
                self.aside.put(folder, "its files are damaged", str(error))
            return None
        if folder.meta.exists():  # somebody's pictures, and nobody knows whether they ever come back
            logger.warning("a run in %s is deleted: nobody has come back for it in a day", folder.path.name)
            self.aside.tell(folder, "nobody came back for it in a day, and it was deleted")
        folder.remove()  # one without it had ended, or was never begun
        return None

    def give_up(self, id: str, why: str) -> None:
        """Set a run aside that was taken over and cannot go on here."""
        with self._mutex:
            run = self._kept.pop(id, None)
        if run is not None and run.folder is not None:
            self.aside.put(run.folder, why)

    def tried(self, id: str) -> None:
        """A run has run on for long enough to save a checkpoint, and none has been saved yet."""
        with self._mutex:
            run = self._kept.get(id)
        if run is not None:
            self.update(id, tries=run.tries + 1)

    def _read(self, folder: RunFolder) -> Stored:
        run = read_stored(folder)
        if run.id in self._kept:
            raise ValueError("its identity is another's")
        folder.drop_unfinished()
        reached, same = folder.reached, run.reached == folder.reached
        tries, starts = (run.tries, run.starts + 1) if same else (0, 1)
        run = replace(run, tries=tries, starts=starts, reached=reached)
        if tries >= MAX_TRIES or starts > MAX_STARTS:
            raise PlaygroundError(
                f"the server went down with it {max(tries, starts - 1)} times before it got any further"
            )
        try:
            self._write(run)
        except OSError as error:
            logger.warning("how often a run was taken up could not be noted: %s", error)
        return run

    def close(self) -> None:
        """Leave the runs that have not ended to the next server, and delete all else."""
        for id in list(self._ended):
            self.remove(id)
        with self._door:
            self._life.release()
            if not (self._kept or self._waiting):
                shutil.rmtree(self.folder, ignore_errors=True)


def _of_the_machine(error: BaseException | None) -> bool:
    """Whether a run could not be read because of memory or the disk, which a sentence about a picture may stand for."""
    while error is not None:
        if isinstance(error, MemoryError) or takes_nothing(error) or getattr(error, "errno", None) in TROUBLE:
            return True
        error = error.__cause__
    return False
