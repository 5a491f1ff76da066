"""What outlives a server: real processes that are killed, and servers beside each other that leave each other alone."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.engine.run import Run
from playground.images.pictures import Pictures
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.presets import load_training_preset
from playground.service.store import Store
from tests.helpers.stored import PICTURE, RECIPE, STYLE, dies, server, stored


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


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


def test_of_many_that_begin_at_once_each_is_kept_in_its_turn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run paints when it is kept: were all written beside each other, the first would begin with the last."""
    at_once, most, mutex, save = 0, 0, threading.Lock(), Image.Image.save

    def counted(picture: Image.Image, *arguments: Any, **options: Any) -> None:
        nonlocal at_once, most
        with mutex:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.005)
        save(picture, *arguments, **options)
        with mutex:
            at_once -= 1

    monkeypatch.setattr(Image.Image, "save", counted)
    store = Store(root, 100)
    threads = [threading.Thread(target=store.create, args=(stored(id=f"run {number}"),)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most <= (os.cpu_count() or 1)
    assert len(list(store.folder.glob("run-*/meta.json"))) == 16
    store.close()


@pytest.mark.parametrize(("width", "packed"), [(1024, False), (1025, True)])
def test_large_pictures_are_packed_and_small_ones_written_at_once(root: Path, width: int, packed: bool) -> None:
    large = Image.new("RGB", (width, 1024), (10, 200, 30))
    folder = Store(root, 100).create(stored(pictures=Pictures(large, (large,))))
    assert ((folder.path / "content.png").stat().st_size < 3 * width * 1024) == packed
    found = folder.read_pictures(content=True)
    assert found.content is not None
    assert found.content.tobytes() == found.styles[0].tobytes() == large.tobytes()


def test_servers_leave_each_others_living_runs_alone(root: Path) -> None:
    mine = Store(root, 100)
    mine.create(stored("mine"))
    script = "store.create(stored('theirs'))\nsay(len(store.adopt()))"
    with server(script, root) as process:
        assert process.line() == "0"
        assert mine.adopt() == []
        third = Store(root, 100)
        assert third.adopt() == []
    assert [run.id for run in third.adopt()] == ["theirs"]
    assert mine.adopt() == []
    third.close()
    assert [run.id for run in mine.adopt()] == ["theirs"]


def test_one_of_two_servers_takes_a_dead_ones_run(root: Path) -> None:
    dies("store.create(stored('orphan'))", root)
    script = "say(len(store.adopt()))"
    with server(script, root) as one, server(script, root) as two:
        assert sorted((one.line(), two.line())) == ["0", "1"]


PAINTING = """
import torch
torch.set_num_threads(1)
from playground.engine.checkpoints import Checkpoints
from playground.engine.run import Run
from playground.networks.vgg import Vgg
folder = store.create(stored())
checkpoints = Checkpoints(folder.checkpoints, 10**9)
from playground.networks.read import load
run = Run(PICTURE, STYLE, RECIPE, Vgg(load("vgg16-hed")))
for frame in run.frames():
    checkpoints.save(run)
    say(frame.evaluations)
"""


def test_a_killed_server_s_run_goes_on_from_its_snapshot_to_the_same_bits(hed: Weights, root: Path) -> None:
    with server(PAINTING, root) as process:
        while (said := process.line()) != "7":
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
