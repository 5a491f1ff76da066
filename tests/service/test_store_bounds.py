"""What a store cannot take up is set aside and said; what it keeps is bounded, and nobody else may look into it."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from playground.errors import PlaygroundError
from playground.images import load
from playground.service import set_aside
from playground.service import store as store_module
from playground.service.store import Store
from tests.helpers.stored import change_meta, dies, stored


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


# ---------------------------------------------------------------- what cannot be taken up


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "meta.json").write_text("{"),
        lambda folder: (folder / "meta.json").write_text("[1]"),
        lambda folder: (folder / "meta.json").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "meta.json").unlink(),
        lambda folder: change_meta(folder, kind="Job"),
        lambda folder: change_meta(folder, id=["no", "text"]),
        lambda folder: change_meta(folder, id="kept"),
        lambda folder: change_meta(folder, recipe={"size": -1}),
        lambda folder: change_meta(folder, parent=[1]),
        lambda folder: change_meta(folder, photos="../../other"),
        lambda folder: change_meta(folder, created="yesterday"),
        lambda folder: (folder / "content.png").write_bytes(b"\x89PNG broken"),
        lambda folder: (folder / "style.png").unlink(),
    ],
)
def test_damaged_runs_are_set_aside_and_said(
    root: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    first = Store(root, 100)
    folder = first.create(stored("damaged")).path
    spoil(folder)
    ended = not (folder / "meta.json").exists()  # as a run's end leaves it
    first.create(stored("whole"))
    first.close()
    second = Store(root, 100)
    second.create(stored("kept"))
    assert [run.id for run in second.adopt()] == ["whole"]
    assert len(list(second.folder.glob("run-*"))) == 2
    assert "secret" not in caplog.text
    if not ended:
        place = root / "set-aside" / folder.name
        assert (place / "why.txt").read_text().strip()
        assert (place / "content.png").exists(), "nothing of it is deleted"
        assert "set aside" in caplog.text


@pytest.mark.parametrize("damage", ['"tries": Infinity', f'"created": {"9" * 401}', '"parent": ["a", Infinity]'])
def test_one_damaged_run_keeps_no_other_from_being_taken_up(root: Path, damage: str) -> None:
    first = Store(root, 100)
    meta = first.create(stored("broken")).path / "meta.json"
    first.create(stored("whole"))
    first.close()
    key = damage.partition(":")[0]
    plain = {name: value for name, value in json.loads(meta.read_text()).items() if f'"{name}"' != key}
    meta.write_text(json.dumps(plain)[:-1] + f", {damage}}}")
    assert [run.id for run in Store(root, 100).adopt()] == ["whole"]
    assert len(list((root / "set-aside").iterdir())) == 1


def test_a_full_disk_at_the_start_costs_no_healthy_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Store(root, 100)
    first.create(stored("whole"))
    first.close()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_write", full)
        second = Store(root, 100)
        assert [run.id for run in second.adopt()] == ["whole"]
        second.close()
    assert [run.id for run in Store(root, 100).adopt()] == ["whole"]


def test_a_run_that_cannot_be_read_just_now_waits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Store(root, 100)
    first.create(stored("whole"))
    first.close()

    def crowded(_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "read_stored", crowded)
        second = Store(root, 100)
        assert second.adopt() == []
        second.close()
    assert not (root / "set-aside").exists()
    assert [run.id for run in Store(root, 100).adopt()] == ["whole"]


@pytest.mark.parametrize("where", ["open", "read"])
def test_a_picture_that_the_disk_does_not_give_is_not_damaged(
    root: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    first = Store(root, 100)
    first.create(stored("whole"))
    first.close()

    class Worn(io.BytesIO):
        """The first bytes of a file on a disk that gives no more."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 40:
                raise OSError(errno.EIO, "input/output error")
            return super().read(size)

    def opened(path: str, mode: str) -> BinaryIO:
        if not path.endswith("content.png"):
            return open(path, mode)  # type: ignore[return-value]
        if where == "open":
            raise OSError(errno.EIO, "input/output error")
        return Worn(Path(path).read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr(load, "open", opened, raising=False)
        second = Store(root, 100)
        assert second.adopt() == []
        second.close()
    assert not (root / "set-aside").exists()
    assert [run.id for run in Store(root, 100).adopt()] == ["whole"]


def test_what_is_set_aside_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "MAX_ASIDE", 3)
    first = Store(root, 100)
    for number in range(6):
        (first.create(stored(str(number))).path / "meta.json").write_text("{")
    first.close()
    assert Store(root, 100).adopt() == []
    assert len(list((root / "set-aside").iterdir())) == 3


def test_what_lay_about_for_long_is_deleted(root: Path) -> None:
    first = Store(root, 100)
    folder = first.create(stored()).path
    first.close()
    for path in (*folder.iterdir(), folder):
        os.utime(path, (time.time() - 90_000,) * 2)
    second = Store(root, 100)
    assert second.adopt() == []
    assert list(root.rglob("run-*")) == []
    assert second.aside.told("ann") == ["nobody came back for it in a day, and it was deleted"]


def test_a_run_that_brings_every_server_down_is_given_up(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    Store(root, 100).close()
    dies("store.create(stored())", root)
    for _ in range(store_module.MAX_TRIES):
        dies("(run,) = store.adopt()\nstore.tried(run.id)", root)
    last = Store(root, 100)
    assert last.adopt() == []
    (place,) = (root / "set-aside").iterdir()
    why = "the server went down with it 3 times before it got any further"
    assert (place / "why.txt").read_text() == f"{why}\n"
    assert sum(why in record.getMessage() for record in caplog.records) == 1
    assert last.aside.told("nobody") == []
    assert [last.aside.told("ann"), last.aside.told("ann")] == [[why], []]


def test_a_healthy_run_is_not_given_up_for_servers_that_die_before_it_can_save(root: Path) -> None:
    """It was deleted after the fourth kill in a row."""
    dies("store.create(stored())", root)
    for _ in range(store_module.MAX_STARTS):
        store = Store(root, 100)
        assert len(store.adopt()) == 1
        store._life.release()  # as the system does when it dies
    store = Store(root, 100)
    assert store.adopt() == []
    assert len(list((root / "set-aside").iterdir())) == 1, "and even then nothing of it is lost"


def test_a_run_that_cannot_go_on_here_is_set_aside(root: Path) -> None:
    first = Store(root, 100)
    first.create(stored())
    first.close()
    second = Store(root, 100)
    (run,) = second.adopt()
    second.give_up(run.id, "the network is gone")
    (place,) = (root / "set-aside").iterdir()
    assert (place / "why.txt").read_text() == "the network is gone\n"
    assert not list(second.folder.glob("run-*"))


@pytest.mark.slow  # five servers one after the other
def test_a_run_that_gets_on_is_taken_up_as_often_as_it_takes(root: Path) -> None:
    dies("store.create(stored())", root)
    for number in range(store_module.MAX_TRIES + 2):
        dies(
            "(run,) = store.adopt()\nrun.folder.checkpoints.mkdir(exist_ok=True)\n"
            f"(run.folder.checkpoints / '00{number}.moment').touch()", root,
        )  # fmt: skip
    assert len(Store(root, 100).adopt()) == 1


# ---------------------------------------------------------------- bounds and permissions


def test_disk_use_is_bounded_by_forgetting_the_oldest_ended(root: Path) -> None:
    store = Store(root, 1)
    for number in range(4):
        folder = store.create(stored(str(number))).path
        (folder / "film").write_bytes(bytes(400_000))
    for number in (2, 1):
        store.end(str(number))
    assert store.sweep() == ["2", "1"]
    assert store.bytes < 1_000_000
    assert store.sweep() == []
    store.create(stored("4"))
    (store.folder / "more").write_bytes(bytes(400_000))
    assert store.sweep() == []  # what goes on is never deleted
    assert len(list(store.folder.glob("run-*"))) == 3


def test_what_a_kill_left_unfinished_is_deleted(root: Path) -> None:
    first = Store(root, 100)
    folder = first.create(stored()).path
    (folder / "moments").mkdir()
    (folder / "moments" / ".0123.tmp").write_bytes(b"half")
    first.close()
    (found,) = Store(root, 100).adopt()
    assert found.folder is not None
    assert list((found.folder.path / "moments").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX")
def test_nobody_else_may_look_into_it(root: Path) -> None:
    root.mkdir(mode=0o755)
    store = Store(root, 100)
    folder = store.create(stored()).path
    for path in (root, store.folder, folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert "secret" not in folder.name


def test_a_full_disk_keeps_nothing_half(root: Path) -> None:
    store = Store(root, 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="large"):
            store.create(stored())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(store.folder.glob("run-*")) == []


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PlaygroundError, match="would not survive a restart"):
        Store(tmp_path / "file" / "runs", 100)


def test_removing_and_closing_leave_nothing(root: Path) -> None:
    store = Store(root, 100)
    folder = store.create(stored()).path
    store.remove("secret")
    store.remove("secret")
    assert not folder.exists()
    store.close()
    assert [path for path in root.iterdir() if path.is_dir()] == []
    shutil.rmtree(root)
