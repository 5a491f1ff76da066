"""What outlives a server: real processes that are killed, and servers beside each other that leave each other alone."""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.presets import load_training_preset
from playground.service import aside
from playground.service import store as store_module
from playground.service.store import Store, Stored

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
STYLE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
PICTURES = Pictures(PICTURE, (STYLE,))
RECIPE = Recipe(size=64, smallest=48, iterations=40, scales=1)


def stored(id: str = "secret", **more: object) -> Stored:
    given = {"visitor": "ann", "recipe": RECIPE, "pictures": PICTURES, **more}
    return Stored(id=id, **given)  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@contextmanager
def server(script: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs a script with `store`, and prints a line when it has come so far; killed at the end."""
    prelude = (
        "import sys, time\nfrom pathlib import Path\nfrom tests.service.test_store import *\n"
        f"store = Store(Path({str(root)!r}), 100)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", prelude + script], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def dies(script: str, root: Path) -> None:
    """A server that runs a script and is gone without a word."""
    with server(script + "\nprint('here', flush=True)\ntime.sleep(60)", root) as process:
        assert line(process) == "here"


# ---------------------------------------------------------------- between servers


def test_a_run_comes_back_as_it_was_kept(root: Path) -> None:
    first = Store(root, 100)
    changes = {"style_weight": 3.0, "style_layers": {"conv1_1": 1.0}}
    run = stored(parent=("other", 12), changes=changes, settings=changes, created=123.5)
    folder = first.create(run).path
    first.update("secret", settings={"pool": "average"}, paused=True, notes=("a note",), colours="palette")
    first.close()
    (found,) = Store(root, 100).adopt()
    assert found.folder is not None
    assert not folder.exists()
    assert (found.id, found.visitor, found.recipe, found.parent) == ("secret", "ann", RECIPE, ("other", 12))
    assert (found.changes, found.settings) == (changes, {"pool": "average"})
    assert (found.paused, found.notes, found.created) == (True, ("a note",), 123.5)
    assert found.colours == "palette"
    assert found.pictures.content is not None
    assert np.array_equal(np.asarray(found.pictures.content), np.asarray(PICTURE))
    assert np.array_equal(np.asarray(found.pictures.style), np.asarray(STYLE))


def test_every_picture_comes_back(root: Path) -> None:
    first = Store(root, 100)
    first.create(stored(pictures=Pictures(PICTURE, (STYLE, PICTURE))))
    first.close()
    (found,) = Store(root, 100).adopt()
    pictures = [found.pictures.content, *found.pictures.styles]
    for picture, expected in zip(pictures, [PICTURE, STYLE, PICTURE], strict=True):
        assert np.array_equal(np.asarray(picture), np.asarray(expected))


def test_servers_leave_each_others_living_runs_alone(root: Path) -> None:
    mine = Store(root, 100)
    mine.create(stored("mine"))
    script = "store.create(stored('theirs'))\nprint(len(store.adopt()), flush=True)\ntime.sleep(60)"
    with server(script, root) as process:
        assert line(process) == "0"
        assert mine.adopt() == []
        third = Store(root, 100)
        assert third.adopt() == []
    assert [run.id for run in third.adopt()] == ["theirs"]
    assert mine.adopt() == []
    third.close()
    assert [run.id for run in mine.adopt()] == ["theirs"]


def test_one_of_two_servers_takes_a_dead_ones_run(root: Path) -> None:
    dies("store.create(stored('orphan'))", root)
    script = "print(len(store.adopt()), flush=True)\ntime.sleep(60)"
    with server(script, root) as one, server(script, root) as two:
        assert sorted((line(one), line(two))) == ["0", "1"]


PAINTING = """
import torch
torch.set_num_threads(1)
folder = store.create(stored())
checkpoints = Checkpoints(folder.checkpoints, 10**9)
from playground.networks.read import load
run = Run(PICTURE, STYLE, RECIPE, Vgg(load("vgg16-hed")))
for frame in run.frames():
    checkpoints.save(run)
    print(frame.evaluations, flush=True)
"""


def test_a_killed_server_s_run_goes_on_from_its_snapshot_to_the_same_bits(hed: Weights, root: Path) -> None:
    with server(PAINTING, root) as process:
        while (said := line(process)) != "7":
            assert said, "it has died"
    (found,) = (store := Store(root, 100)).adopt()
    assert found.folder is not None
    assert found.pictures.content is not None
    snapshot = Checkpoints(found.folder.checkpoints, 10**9).newest()
    assert snapshot is not None
    assert 7 <= snapshot["numbers"]["evaluations"] < RECIPE.iterations
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = Run(found.pictures.content, found.pictures.style, RECIPE, Vgg(hed), snapshot=snapshot)
        assert torch.equal(run.painting.canvas.parameters[0], snapshot["parameters"][0])
        rest = list(run.frames())[-1]
        whole = list(Run(PICTURE, STYLE, RECIPE, Vgg(hed)).frames())[-1]
    finally:
        torch.set_num_threads(threads)
    assert rest.picture is not None
    assert whole.picture is not None
    assert np.array_equal(rest.picture, whole.picture)
    store.close()


def test_an_ended_run_is_not_taken_up_and_leaves_nothing(root: Path) -> None:
    store = Store(root, 100)
    folder = store.create(stored("done")).path
    (folder / "film").mkdir()
    store.end("done")
    assert (folder / "film").is_dir()
    store.update("done", settings={}, paused=True, notes=[])
    dies("store.create(stored('done too'))\nstore.end('done too')", root)
    assert store.adopt() == []
    store.close()
    assert [path.name for path in root.iterdir() if path.is_dir()] == []


def test_a_training_comes_back_with_its_photographs_and_checkpoint(root: Path) -> None:
    first = Store(root, 100)
    own = first.new_folder()
    folder = own.path
    (folder / "photos").mkdir()
    PICTURE.save(folder / "photos" / "00000.png")
    (folder / "model.state.safetensors").write_bytes(b"checkpoint")
    recipe = load_training_preset()
    first.create(
        stored("t", recipe=recipe, pictures=Pictures(None, (STYLE,)), title="Noise", photos="photos", folder=own)
    )
    first.close()
    (found,) = Store(root, 100).adopt()
    assert found.folder is not None
    assert (found.recipe, found.pictures.content, found.title, found.photos) == (recipe, None, "Noise", "photos")
    assert (found.folder.path / "photos" / "00000.png").is_file()
    assert (found.folder.path / "model.state.safetensors").read_bytes() == b"checkpoint"


# ---------------------------------------------------------------- what cannot be taken up


def change_meta(folder: Path, **news: object) -> None:
    data = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**data, **news}))


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


def test_what_is_set_aside_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "MAX_ASIDE", 3)
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
    assert Store(root, 100).adopt() == []
    assert list(root.rglob("run-*")) == []


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
