"""Cells painted here: fair turns, the bits of a run alone, the cache, a stop, and two callers at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.run import Run
from playground.experiments import sheet
from playground.experiments.experiment import Axis, Cell, Experiment, on_axes
from playground.experiments.results import CellCache, CellResult, cell_key, this_machine
from playground.experiments.run_here import EVALUATIONS_A_TURN, CellWork, run_here, works
from playground.experiments.sheet import draw_sheet
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from tests.helpers.painting import paint, result

PAIR = tuple[Image.Image, Image.Image]
LIGHT = Recipe(size=64, iterations=12, content_layers={"conv2_1": 1}, style_layers={"conv1_1": 1, "conv2_1": 1})
THREE = on_axes(LIGHT, [Axis("style_weight", (0.1, 1, 10))])


def run(cells: Sequence[Cell], pictures: PAIR, network: Vgg, **more: object) -> list[CellWork]:
    return list(run_here(cells, [pictures], lambda name: network, **more))  # type: ignore[arg-type]


def ended(works: Sequence[CellWork]) -> dict[int, CellResult]:
    return {work.index: work.result for work in works if work.result is not None}


def test_a_cells_recipe_alone_gives_the_cells_bits(network: Vgg, pictures: PAIR) -> None:
    found = ended(run(THREE.cells, pictures, network))
    assert sorted(found) == [0, 1, 2]
    for cell in found.values():
        alone = result(paint(pictures, network, cell.recipe))
        assert alone.picture.tobytes() == cell.picture.tobytes()
        assert alone.losses == cell.losses
        assert (cell.cached, cell.where) == (False, "here")
        assert cell.curve[-1][0] == 12
    assert len({cell.picture.tobytes() for cell in found.values()}) == 3
    assert found[0].distances["photo"] > found[2].distances["photo"]


def test_cells_take_turns_of_five_evaluations(network: Vgg, pictures: PAIR) -> None:
    order = [(work.index, work.curve[-1][0]) for work in run_here(THREE.cells, [pictures], lambda name: network)]
    first = [index for index, _ in order[:6]]
    assert first == [0, 1, 2, 0, 1, 2]
    assert all(evaluations <= 2 * EVALUATIONS_A_TURN for _, evaluations in order[:6])


def test_a_kept_cell_is_not_painted_again(network: Vgg, pictures: PAIR, tmp_path: Path) -> None:
    cache = CellCache(tmp_path / "cells")
    first = ended(run(THREE.cells, pictures, network, cache=cache))
    for again in (cache, CellCache(tmp_path / "cells")):  # from memory, and from the disk
        news = run(THREE.cells, pictures, network, cache=again)
        assert len(news) == 3
        assert all(
            cell.cached and cell.picture.tobytes() == first[index].picture.tobytes() and cell.losses == first[index].losses
            for index, cell in ended(news).items()
        )  # fmt: skip
    assert not any(cell.cached for cell in ended(run(THREE.cells, pictures, network, cache=cache, fresh=True)).values())
    (next((tmp_path / "cells").glob("*.json"))).write_text("{")
    anew = ended(run(THREE.cells, pictures, network, cache=CellCache(tmp_path / "cells")))
    assert sorted(cell.cached for cell in anew.values()) == [False, True, True]


def test_a_stop_keeps_the_cells_that_are_done_and_leaves_none_claimed(network: Vgg, pictures: PAIR) -> None:
    control, cache = MemoryControl(), CellCache()
    short = on_axes(LIGHT, [Axis("iterations", (5, 60))])
    done = []
    for work in run_here(short.cells, [pictures], lambda name: network, control=control, cache=cache):
        if work.result is not None:
            done.append(work.index)
            control.stop()
    assert done == [0]
    keys = [work.key for work in works(short.cells, [pictures], lambda name: network, this_machine())]
    assert cache.get(keys[0]) is not None
    assert cache.get(keys[1]) is None
    assert cache.claim(keys[1])


def test_one_after_another_a_stop_loses_the_cell_that_was_begun_alone(network: Vgg, pictures: PAIR) -> None:
    control, cache = MemoryControl(), CellCache()
    for work in run_here(THREE.cells, [pictures], lambda name: network, control=control, cache=cache, at_once=1):
        if work.index == 1:
            control.stop()
    again = ended(run(THREE.cells, pictures, network, cache=cache, at_once=1))
    assert [again[index].cached for index in range(3)] == [True, False, False]
    alone = result(paint(pictures, network, again[1].recipe))
    assert alone.picture.tobytes() == again[1].picture.tobytes()


def test_a_pause_holds_all_cells_and_keeps_nobody_else_from_them(network: Vgg, pictures: PAIR) -> None:
    control, cache = MemoryControl(), CellCache()
    news = run_here(THREE.cells, [pictures], lambda name: network, control=control, cache=cache)
    first = next(news)
    control.pause()
    waits, found = threading.Event(), list[CellWork]()

    def go_on() -> None:
        for work in news:
            found.append(work)
            waits.set()

    thread = threading.Thread(target=go_on)
    thread.start()
    assert not waits.wait(0.5)
    others = ended(run(THREE.cells[:1], pictures, network, cache=cache))
    assert not others[0].cached
    control.resume()
    thread.join(120)
    assert [ended(found)[index].cached for index in range(3)] == [True, False, False]
    assert first.result is not None
    assert first.result.picture.tobytes() == others[0].picture.tobytes()


def test_two_who_ask_at_once_paint_each_cell_once(network: Vgg, pictures: PAIR) -> None:
    cache, found = CellCache(), {}

    def ask(name: str) -> None:
        found[name] = ended(run(THREE.cells, pictures, network, cache=cache))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    cached = [found[name][index].cached for name in ("one", "two") for index in range(3)]
    assert cached.count(True) == cached.count(False) == 3


def test_what_the_bits_depend_on_is_in_a_cells_name(pictures: PAIR) -> None:
    machine = this_machine()
    key = cell_key(LIGHT, pictures, "w", machine)
    assert key == cell_key(LIGHT.changed({"preview_rate": 1}), pictures, "w", machine)
    others = [
        cell_key(LIGHT.changed({"seed": 1}), pictures, "w", machine),
        cell_key(LIGHT.changed({"arithmetic": "direct"}), pictures, "w", machine),
        cell_key(LIGHT, pictures[::-1], "w", machine),
        cell_key(LIGHT, pictures, "other", machine),
        cell_key(LIGHT, pictures, "w", replace(machine, threads=machine.threads + 1)),
    ]
    assert len({key, *others}) == 6


def test_a_sheet_has_every_cell_and_leaves_room_for_those_to_come(network: Vgg, pictures: PAIR) -> None:
    experiment = on_axes(LIGHT, [Axis("style_weight", (1, 10)), Axis("seed", (1, 2, 3))])
    cell = Run(*pictures, LIGHT, network).painting
    small = pictures[0].resize((64, 48))
    empty = draw_sheet(experiment, {}, pictures, "Why?")
    full = draw_sheet(experiment, dict.fromkeys(range(6), small), pictures, "Why?", {0: "loss 1.2"})
    assert empty.width > 3 * 200
    assert full.height > 2 * 160
    assert cell.content.size == pictures[0].size


def test_a_sheet_of_several_photos_has_each_before_its_own_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    colours = {"red": (255, 0, 0), "blue": (0, 0, 255)}
    photos = [(name, Image.new("RGB", (90, 60), name)) for name in colours]
    painting, painted = Image.new("RGB", (60, 60), "yellow"), Image.new("RGB", (90, 60), "lime")
    for seeds, columns in (((1,), 4), ((1, 2), 3)):
        cells = [
            replace(cell, labels=(name, *cell.labels))
            for name in colours
            for cell in on_axes(LIGHT, [Axis("seed", seeds)]).cells
        ]
        shown = dict.fromkeys(range(len(cells)), painted)
        written = list[str]()

        def lines(labels: Sequence[str], *_: object, written: list[str] = written) -> list[str]:
            written.extend(labels)
            return list(labels)

        monkeypatch.setattr(sheet, "_lines", lines)
        drawn = draw_sheet(Experiment(tuple(cells), 2), shown, (photos[0][1], painting), photos=photos)
        assert drawn.width == sheet.MARGIN + columns * (sheet.CELL + sheet.MARGIN)
        across = [sheet.MARGIN + place * (sheet.CELL + sheet.MARGIN) + sheet.CELL // 2 for place in range(columns)]
        found = {drawn.getpixel((x, y)) for x in across[:1] for y in range(drawn.height)}
        assert colours["red"] in found
        assert (colours["blue"] in found) == (len(seeds) > 1)  # a row of its own
        beside = {drawn.getpixel((across[1], y)) for y in range(drawn.height)}
        assert (0, 255, 0) in beside
        assert not beside & set(colours.values())
        assert [one for one in written if one in colours] == ["red", "blue"]


def test_a_picture_too_small_for_the_network_is_refused_before_anything_is_painted(network: Vgg) -> None:
    from playground.errors import PlaygroundError

    strip = Image.new("RGB", (640, 40))
    with pytest.raises(PlaygroundError, match="choose a size of at least"):
        run(THREE.cells, (strip, strip), network)
