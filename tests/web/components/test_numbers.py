"""Another network on the page: every control shows the numbers for it, and the note says what differs from the source."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.networks import catalogue
from playground.networks.network_facts import known
from playground.networks.read import Weights
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset, load_training_preset
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web import words
from playground.web.api import requested_recipe
from playground.web.components import controls, layers
from playground.web.components.messages import NOTHING
from playground.web.components.networks import network_choices
from playground.web.components.numbers import numbers_note
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.steering import Steering
from playground.web.training.state import first_recipe, preset_note
from playground.web.words import ASKED
from tests.helpers.page import choose_network, path_of, values
from tests.helpers.waiting import until


def shows(updates: dict[Any, Any], recipe: Recipe) -> None:
    """The controls show a recipe."""
    assert updates.get("set-network", recipe.network) == recipe.network  # what was chosen there is not said again
    for name in ("content_weight", "style_weight", "variation_weight", "init", "padding"):
        assert updates[f"set-{name}"] == controls.shown(name, recipe), name
    assert updates["layers"]["style"] == recipe.style_layers
    assert updates["layers"]["content"] == recipe.content_layers


@pytest.mark.parametrize("preset", ["vgg16-lbfgs", "gatys-adam"])
def test_the_dropdown_brings_the_numbers_for_the_network(
    panel: SettingsPanel, files: dict[str, str], preset: str
) -> None:
    first = load_preset(preset, "vgg16-hed")
    session, steering = Session(first), Steering(panel)
    for kind, said in (("caffe", {"vgg16-lbfgs": "source", "gatys-adam": "converted"}),
                       ("torch", {"vgg16-lbfgs": "converted", "gatys-adam": "converted"})):  # fmt: skip
        chosen = values(session.base, network=files[kind])
        updates = choose_network(steering, session, *chosen)
        again = choose_network(steering, session, *chosen)  # a choice comes twice, with the controls as they were
        assert again == {panel.parts["message-network"]: "", panel.parts["set-network"]: files[kind]}
        expected = load_preset(preset, known(files[kind]))
        assert expected.numbers == said[preset]
        assert session.base == expected
        shows(updates, expected)
        assert expected.network in updates["preset-note"]
    updates = choose_network(steering, session, *values(session.base, network="vgg16-hed"))
    assert session.base == first
    shows(updates, first)


def test_what_was_typed_before_stays(panel: SettingsPanel, files: dict[str, str]) -> None:
    first = load_preset("vgg16-lbfgs", "vgg16-hed")
    session = Session(first)
    typed = values(first, network=files["caffe"], seed=5, size=128, style_weight=2e7)
    choose_network(Steering(panel), session, *typed)
    source = load_preset("vgg16-lbfgs")
    assert session.base == source.changed({"network": files["caffe"], "seed": 5, "size": 128, "style_weight": 2.0})


def test_run_takes_the_numbers_also_where_the_page_was_slower(panel: SettingsPanel, files: dict[str, str]) -> None:
    first = load_preset("vgg16-lbfgs", "vgg16-hed")
    recipe = panel.assembled(Session(first), values(first, network=files["caffe"], seed=5))
    assert recipe == load_preset("vgg16-lbfgs").changed({"network": files["caffe"], "seed": 5})


def test_a_network_that_is_not_here_changes_no_number_before_it_comes(
    panel: SettingsPanel, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"vgg16-hed", files["torch"]}
    monkeypatch.setattr(catalogue, "is_available", lambda name: name in here)
    first = load_preset("vgg16-lbfgs", "vgg16-hed")
    session, steering = Session(first), Steering(panel)
    chosen = values(first, network="vgg16-caffe", seed=5)
    updates = choose_network(steering, session, *chosen)
    assert (session.base, session.wanted_network) == (first, "vgg16-caffe")
    folder = catalogue.home_in_words()
    assert f"into {folder} of the computer that serves this page, as vgg16-caffe.h5" in updates["network-note"]
    assert str(catalogue.home()) not in updates["network-note"]  # which strangers may read too
    assert "paints with vgg16-hed and numbers adapted to it" in updates["network-note"]
    assert panel.to_paint(session, chosen) == first.changed({"seed": 5})
    with pytest.raises(PlaygroundError, match=r"vgg19-imagenet is not on this machine: download it"):
        panel.to_paint(session, values(first, network="vgg19-imagenet"))
    assert isinstance(updates["network-button"], gr.Button)
    assert not updates["network-button"].visible
    assert steering.network_arrived(session, *chosen) is NOTHING
    assert session.base == first
    here.add("vgg16-caffe")
    shows(steering.network_arrived(session, *chosen), load_preset("vgg16-lbfgs"))
    assert session.base == load_preset("vgg16-lbfgs").changed({"seed": 5})


class Run:
    """A run that is going on, and what it was told to change."""

    ended = False

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.control = recipe, MemoryControl()


def test_a_run_keeps_its_numbers_while_another_network_waits(panel: SettingsPanel, files: dict[str, str]) -> None:
    recipe = load_preset("vgg16-lbfgs", "vgg16-hed")
    session, steering = Session(recipe), Steering(panel)
    session.job = Run(recipe)  # type: ignore[assignment]
    updates = choose_network(steering, session, *values(session.base, network=files["caffe"]))
    assert session.base == recipe
    assert session.staged == load_preset("vgg16-lbfgs").changed({"network": files["caffe"]})
    assert updates["set-network"] == "vgg16-hed"
    assert "set-style_weight" not in updates
    steering.moved_slider("style_weight", session, 0.5, 10.0, 1e7)
    assert session.job.control.read().settings == {"style_weight": 3.16e7}  # type: ignore[union-attr]


def test_a_missing_caffe_network_is_painted_for_with_adapted_numbers(
    panel: SettingsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "is_available", lambda name: name == "vgg16-hed")
    for preset in ("vgg16-lbfgs", "tf-adam-tv"):
        session = Session(load_preset())
        updates = panel.choose_preset(session, preset)
        assert session.base == load_preset(preset, "vgg16-hed")
        assert f"made for {load_preset(preset).network}, which is not on this machine" in updates["network-note"]
        assert "numbers adapted to it" in updates["network-note"]
        assert not updates["network-button"].visible
        note = updates["preset-note"]
        assert "Numbers adapted to vgg16-hed" in note
        assert "<b>Start</b>: mix; the source has noise (the network was tuned to find edges" in note


def test_a_broken_file_leaves_everything_as_it_was(panel: SettingsPanel, files: dict[str, str]) -> None:
    first = load_preset("vgg16-lbfgs", "vgg16-hed")
    session = Session(first)
    path_of(files["caffe"]).write_bytes(b"no network")
    updates = choose_network(Steering(panel), session, *values(first, network=files["caffe"]))
    assert "cannot be read as network weights" in updates["message-network"]
    assert updates["set-network"] == "vgg16-hed"
    assert session.base == first


def test_only_this_servers_files_are_opened(panel: SettingsPanel, tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError, match=r"This server paints with .* only, not with '/etc/passwd'"):
        requested_recipe("vgg16-lbfgs", '{"network": "/etc/passwd"}', Limits(), panel.jobs.downloads.look)
    first = load_preset("vgg16-lbfgs", "vgg16-hed")
    assembled = panel.assembled(Session(first), values(first, network="/etc/passwd"))
    assert assembled == first.changed({"network": "/etc/passwd"})  # refused by name at Run


def test_a_servers_files_go_by_their_names(panel: SettingsPanel, files: dict[str, str]) -> None:
    assert files == {"caffe": "mine.h5", "torch": "ported.safetensors"}
    assert panel.jobs.networks[-2:] == ("mine.h5", "ported.safetensors")
    folder = str(path_of("mine.h5").parent)
    assert folder not in str(network_choices(panel.jobs))
    with pytest.raises(PlaygroundError) as refused:
        panel.jobs.downloads.check(f"{folder}/other.h5")
    assert folder not in str(refused.value).partition(" only, not with")[0]
    # as earlier versions wrote them
    session, old = Session(load_preset()), load_preset("vgg16-lbfgs").changed({"network": f"{folder}/mine.h5"})
    updates = panel.offered(session, old)
    assert session.base == old.changed({"network": "mine.h5"})
    shows(updates, session.base)
    assert folder not in str(updates["preset-note"])
    for written in (f"{folder}/mine.h5", "mine.h5"):
        recipe, _ = requested_recipe(
            "vgg16-lbfgs", json.dumps({"network": written}), Limits(), panel.jobs.downloads.look
        )
        assert recipe.network == "mine.h5"


def test_files_of_one_name_are_told_apart(hed: Weights, tmp_path: Path) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder / "nets").mkdir(parents=True)
    paths = [tmp_path / name for name in ("a/nets/vgg.h5", "b/nets/vgg.h5", "c/vgg.h5", "c/other.h5", "c/vgg16-hed")]
    for place, path in enumerate(paths):
        path.write_text(str(place))
    jobs = Jobs(device="cpu", networks=[*map(str, paths), str(paths[0])])
    names = jobs.networks[len(catalogue.NETWORKS) :]
    assert names == ("a/nets/vgg.h5", "b/nets/vgg.h5", "c/vgg.h5", "other.h5", "c/vgg16-hed")
    assert [path_of(name) for name in names] == paths
    assert [jobs.downloads.named(str(path)) for path in paths] == [*names]
    assert jobs.downloads.named("vgg.h5") == "vgg.h5"  # which of them is meant, nobody knows
    jobs.close()


def test_what_is_saved_names_no_folder_of_the_server(panel: SettingsPanel, files: dict[str, str]) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    recipe = load_preset("vgg16-lbfgs").changed({"network": str(path_of(files["caffe"])), "size": 64, "iterations": 1})
    job = panel.jobs.start(Pictures(picture, (picture,)), recipe, "nobody")
    assert job.recipe.network == "mine.h5"
    until(lambda: job.ended)
    assert job.result is not None
    assert job.result.recipe.network == "mine.h5"
    assert str(path_of("mine.h5").parent) not in job.result.recipe.to_json()


def test_the_endpoint_has_the_numbers_for_the_network(panel: SettingsPanel, files: dict[str, str]) -> None:
    recipe, _ = requested_recipe(
        "vgg16-lbfgs", f'{{"network": "{files["torch"]}", "seed": 2}}', Limits(), panel.jobs.downloads.look
    )
    assert recipe == load_preset("vgg16-lbfgs", known(files["torch"])).changed({"seed": 2})


def test_the_note_tells_field_by_field(files: dict[str, str]) -> None:
    assert numbers_note(load_preset()) == ""
    assert "made for vgg16-caffe" in numbers_note(load_preset("vgg16-lbfgs"))
    adapted = numbers_note(load_preset("vgg16-lbfgs", "vgg16-hed"))
    for label in ("content weight", "style weight", "style layers", "variation weight", "start", "edge padding"):
        assert label in adapted.partition("</summary>")[0]
        assert f"<b>{label.capitalize()}</b>" in adapted
    converted = numbers_note(load_preset("vgg16-lbfgs", known(files["torch"])))
    assert "converted layer by layer" in converted
    assert "measured on photographs" in converted
    assert "measured against its own kernels alone" in converted
    hostile = load_preset("vgg16-lbfgs", "vgg16-hed").model_copy(update={"network": "<img src=x>"})
    assert "<img" not in numbers_note(hostile)


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_the_note_names_settings_as_the_page_does(language: str, files: dict[str, str]) -> None:
    recipe = load_preset("vgg16-lbfgs", "vgg16-hed")
    token = ASKED.set(language)
    try:
        note, names = numbers_note(recipe), words.words(language)
        for name in ("content_weight", "style_weight", "style_layers", "variation_weight", "init", "padding"):
            assert words.within(names[f"field.{name}.label"]) in note.partition("</summary>")[0]
            assert f"<b>{names[f'field.{name}.label']}</b>" in note
        assert "weight" not in note
        for setting, here, source in (("init", "mix", "noise"), ("padding", "replicate", "zeros")):
            here, source = (names[f"option.{setting}.{word}"] for word in (here, source))
            assert names["numbers.row"].partition(" (")[0].format(here=here, source=source) in note
        misnamed = path_of(files["caffe"]).with_name("mine.torch.h5")
        misnamed.write_bytes(path_of(files["caffe"]).read_bytes())
        remedy = names["below.remedy_name"].format(other="caffe", told="torch")
        doubt = names["below.doubt_convention"].format(file=misnamed.name, told="torch", remedy=remedy)
        assert doubt[1:] in html.unescape(numbers_note(recipe.changed({"network": str(misnamed)})))
    finally:
        ASKED.reset(token)


def test_a_training_says_whose_numbers_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "is_available", lambda name: name == "vgg16-hed")
    note = preset_note(first_recipe("fast-1"))
    assert "Numbers adapted to vgg16-hed" in note
    assert "<b>Style weight</b>: 910; the source has 1e+10" in note


def test_layers_of_neighbours_come_from_the_grid(panel: SettingsPanel) -> None:
    recipe = load_preset("places")
    *plain, grid = values(recipe)
    assert grid["neighbours"] == grid["preset"]["neighbours"] == recipe.neighbours_layers
    session, steering = Session(recipe), Steering(panel)
    changed = {**grid, "neighbours": {"conv3_1": 1.0}}
    assert panel.assembled(session, (*plain, changed)) == recipe.changed({"neighbours_layers": {"conv3_1": 1.0}})
    assert steering.moved_layers(session, changed)["message-layers"] == ""
    assert "no layer called" in steering.moved_layers(session, {**grid, "neighbours": {"nose": 1.0}})["message-layers"]
    older = {kind: value for kind, value in grid.items() if kind != "neighbours"}
    assert panel.assembled(session, (*plain, older)) == recipe


def test_the_grid_of_a_training_has_no_neighbours() -> None:
    assert layers.weights(load_training_preset()).keys() == {"content", "style"}
