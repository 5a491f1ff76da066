"""The tabs beside the Studio in a real browser: instant styles, a training that outlives its page, methods side by side."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import GifImagePlugin, Image

from playground.feedforward import model as model_module
from playground.feedforward.model import ModelCard, load_model, save_model, thumbnail
from playground.images.load import load_picture
from playground.networks import read
from playground.networks.transformer import new_network
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.training_job import TrainingJob, training_of
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]

PATIENCE = 60

TINY = {"image_size": 32, "batch_size": 1, "width": 4, "blocks": 1}


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two small networks in place of the shipped ones."""
    folder = tmp_path_factory.mktemp("instant")
    for seed, name in enumerate(("first_style", "second_style")):
        about = ModelCard(title=name, steps=12, photos=5, style=thumbnail(Image.new("RGB", (64, 64), "navy")))
        save_model(new_network(4, 1, seed), about, folder / f"{name}.safetensors", half=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(model_module, "SHIPPED_FOLDER", folder)
        yield folder


@pytest.fixture(scope="module")
def jobs(hed: read.Weights, styles: Path) -> Iterator[Jobs]:
    made = Jobs(device="cpu", limits=Limits(grace_seconds=2.0, runs_each=1))
    yield made
    made.close()


def leave(visitor: Visitor) -> None:
    visitor.page.goto("about:blank")
    visitor.complaints.clear()  # of a stream that was cut off


def enter(visitor: Visitor, tab: str) -> None:
    visitor.page.goto(visitor.address)
    visitor.page.get_by_role("tab", name=tab, exact=True).click()


def fill(visitor: Visitor, box: str, value: object) -> None:
    field = visitor.page.locator(f"{box} input[type=number]")
    field.fill(str(value))
    field.press("Enter")


def choose(visitor: Visitor, button: str, path: Path) -> None:
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.click(button)
    chooser.value.set_files(path)


def saved(visitor: Visitor, button: str, folder: Path) -> np.ndarray:
    return np.asarray(load_picture(visitor.download(button, folder))).astype(float)


# ---- instant styles


def test_one_click_paints_and_the_strength_is_a_blend(visitor: Visitor, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 75, 3), dtype=np.uint8)).save(photo)
    enter(visitor, "Instant styles")
    visitor.page.set_input_files("#instant-photo input[type=file]", photo)
    playwright.expect(visitor.page.locator("#instant-photo img")).to_be_visible()
    visitor.page.click("#styles button.thumbnail-item >> nth=0")
    visitor.says(r"First style · 75 × 50 px in .* s", "#instant-status")
    playwright.expect(visitor.page.locator("#instant-picture img").first).to_be_visible()
    visitor.says("12 steps on 5 photographs", "#model-card")
    original, full = np.asarray(load_picture(photo)).astype(float), saved(visitor, "#instant-save", tmp_path)
    assert full.shape == original.shape
    assert np.abs(full - original).mean() > 5
    before = visitor.page.locator("#instant-picture img").last.get_attribute("src")
    fill(visitor, "#instant-strength", 0.5)
    until(lambda: visitor.page.locator("#instant-picture img").last.get_attribute("src") != before)
    assert np.abs(saved(visitor, "#instant-save", tmp_path) - (original + full) / 2).max() <= 1
    fill(visitor, "#instant-strength", 0)
    until(lambda: np.array_equal(saved(visitor, "#instant-save", tmp_path), original))
    fill(visitor, "#instant-strength", 1)
    visitor.page.check("#instant-colours input")
    until(lambda: not np.array_equal(saved(visitor, "#instant-save", tmp_path), full))

    visitor.page.click("#styles button.thumbnail-item >> nth=1")
    visitor.says("Second style · 75 × 50 px", "#instant-status")
    fill(visitor, "#instant-size", 96)
    visitor.says("96 × 64 px", "#instant-status")
    visitor.page.click("#instant-use")
    playwright.expect(visitor.page.locator("#content img")).to_be_visible()
    visitor.left_clean()


def test_trained_styles_are_blended_by_their_weights(visitor: Visitor, tmp_path: Path) -> None:
    enter(visitor, "Instant styles")
    visitor.page.click("#styles button.thumbnail-item >> nth=0")
    visitor.says(r"First style · 451 ×", "#instant-status")
    first = saved(visitor, "#instant-save", tmp_path)
    visitor.page.check("#styles-blend input")
    visitor.page.click("#styles button.thumbnail-item >> nth=1")
    visitor.says(r"First style [+] second style · 451 ×", "#instant-status")
    assert np.abs(saved(visitor, "#instant-save", tmp_path) - first).mean() > 1
    fill(visitor, "#styles-weight-1", 0)
    visitor.says(r"^\s*First style · 451 ×", "#instant-status")  # what has no weight is not named
    assert np.array_equal(saved(visitor, "#instant-save", tmp_path), first)
    fill(visitor, "#styles-weight-0", 0)
    visitor.says("At least one style needs a weight above 0", "#weights-message")
    visitor.page.uncheck("#styles-blend input")
    visitor.page.click("#styles button.thumbnail-item >> nth=1")
    playwright.expect(visitor.page.locator("#styles-weight-0")).to_be_hidden()
    visitor.left_clean()


def test_a_network_of_ones_own_is_opened_or_refused_in_words(visitor: Visitor, tmp_path: Path) -> None:
    own, broken = tmp_path / "mine.safetensors", tmp_path / "broken.pth"
    hostile = ModelCard(
        title="<img src=x onerror=alert(1)>", steps=3, curve=[{"nonsense": 1.0}], command="<b>train</b>"
    )
    save_model(new_network(4, 1, 7), hostile, own)
    torch.save({"conv.weight": torch.zeros(1)}, broken)
    enter(visitor, "Instant styles")
    choose(visitor, "#styles-open", broken)
    visitor.says("first key is 'conv.weight'", "#styles-message")
    choose(visitor, "#styles-open", own)
    visitor.says(r"<img src=x onerror=alert\(1\)> · 451 × 300 px", "#instant-status")
    visitor.says("<b>train</b>", "#model-card")
    playwright.expect(visitor.page.locator("#model-card img")).to_have_count(0)
    playwright.expect(visitor.page.locator("#styles button.thumbnail-item")).to_have_count(3)
    visitor.left_clean()


def test_many_pictures_and_a_gif_are_painted_and_come_as_a_zip(visitor: Visitor, tmp_path: Path) -> None:
    chance = np.random.default_rng(2)
    frames = [Image.fromarray(chance.integers(0, 255, (24, 40, 3), dtype=np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=50)
    frames[1].save(tmp_path / "still.png")
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n/etc/passwd\n")
    enter(visitor, "Instant styles")
    visitor.page.get_by_role("button", name="Many pictures").click()
    visitor.page.click("#many-go")
    visitor.says("Pick a style first", "#many-status")
    visitor.page.click("#styles button.thumbnail-item >> nth=0")
    visitor.says("First style ·", "#instant-status")
    visitor.page.set_input_files("#many-files input[type=file]", [tmp_path / "film.gif", tmp_path / "still.png"])
    playwright.expect(visitor.page.locator("#many-files .file")).to_have_count(2)
    visitor.page.click("#many-go")
    visitor.says("Done: 2 painted", "#many-status")
    with visitor.page.expect_download() as waiting:
        visitor.page.locator("#many-done a").first.click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert archive.namelist() == ["01-film-first_style.gif", "02-still-first_style.png"]
        with archive.open("01-film-first_style.gif") as file, Image.open(file) as film:
            assert isinstance(film, GifImagePlugin.GifImageFile)
            assert (film.n_frames, film.size) == (3, (40, 24))

    visitor.page.locator("#many-files button[aria-label=Clear]").click()
    visitor.page.set_input_files("#many-files input[type=file]", tmp_path / "playlist.mp4")
    playwright.expect(visitor.page.locator("#many-files .file")).to_have_count(1)
    visitor.page.click("#many-go")
    visitor.says("not what its name says", "#many-status")


def test_keys_press_no_button_of_another_tab(visitor: Visitor, jobs: Jobs) -> None:
    enter(visitor, "Instant styles")
    playwright.expect(visitor.page.locator("#styles button.thumbnail-item")).to_have_count(2)
    before = len(jobs.known())
    visitor.page.keyboard.press("r")
    visitor.page.wait_for_timeout(500)
    assert len(jobs.known()) == before
    visitor.page.get_by_role("tab", name="Studio", exact=True).click()
    visitor.says("press Run")


def test_without_any_style_the_tab_says_where_to_get_one(
    visitor: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "SHIPPED_FOLDER", tmp_path)
    enter(visitor, "Instant styles")
    visitor.says("No style is here yet: train one", "#styles-message")


# ---- a training


def last_training(jobs: Jobs) -> TrainingJob:
    found = [job for each in jobs.known() if (job := training_of(each))]
    return found[-1]


def begin(visitor: Visitor, steps: int) -> None:
    enter(visitor, "Train a style")
    for name, value in {**TINY, "steps": steps}.items():
        fill(visitor, f"#train-{name}", value)
    visitor.page.locator("#train-title input, #train-title textarea").fill("Tiny swirls")
    visitor.page.click("#train")


def test_a_training_outlives_its_page_and_is_found_again(visitor: Visitor, jobs: Jobs, tmp_path: Path) -> None:
    begin(visitor, 100_000)
    visitor.says(r"step \d+ of 100000", "#train-status")
    visitor.says("goes on without the page", "#train-note")
    job = last_training(jobs)
    leave(visitor)
    left_at = job.frame.step if job.frame else 0
    until(lambda: job.frame and job.frame.step > left_at + 3)

    enter(visitor, "Train a style")
    visitor.says(r"step \d+ of 100000", "#train-status")
    playwright.expect(visitor.page.locator("#train")).to_be_disabled()
    playwright.expect(visitor.page.locator("#train-image_size input[type=number]")).to_have_value("32")
    playwright.expect(visitor.page.locator("#grid img")).to_be_visible()
    assert last_training(jobs) is job

    fill(visitor, "#train-style_weight", 77)
    until(lambda: job.control.read().settings == {"style_weight": 77})
    fill(visitor, "#train-seed", 5)
    visitor.says("Seed cannot change while a training", "#train-settings-message")
    visitor.page.click("#train-pause")
    visitor.says("paused at step", "#train-status")
    leave(visitor)
    enter(visitor, "Train a style")
    visitor.says("paused at step", "#train-status")
    visitor.page.click("#train-pause:has-text('Resume')")
    visitor.says("steps/s", "#train-status")
    visitor.page.click("#train-stop")
    visitor.says(r"stopped · \d+ steps .* the network is ready", "#train-status")
    about = load_model(visitor.download("#train-save", tmp_path)).card
    assert about.title == "Tiny swirls"
    assert about.recipe["style_weight"] == 77

    visitor.page.click("#train-try")
    visitor.says("Tiny swirls · 451 × 300 px", "#instant-status")
    visitor.left_clean()


def test_another_browser_neither_sees_nor_steers_it(browser: Browser, address: str, jobs: Jobs) -> None:
    ann, ben = Visitor(browser, address), Visitor(browser, address)
    begin(ann, 100_000)
    ann.says(r"step \d+ of", "#train-status")
    enter(ben, "Train a style")
    ben.says("are chosen: press Train", "#train-status")
    ben.says(r"1000 steps: about .* Steps is set and counts; 2 epochs .* would be 3 steps", "#train-cost")
    playwright.expect(ben.page.locator("#train-stop")).to_be_disabled()
    second = ann.context.new_page()  # the same browser trains once, in however many pages
    second.goto(address)
    second.get_by_role("tab", name="Train a style").click()
    playwright.expect(second.locator("#train")).to_be_disabled()
    ann.page.click("#train-stop")
    ann.says("stopped", "#train-status")
    for person in (ann, ben):
        person.left_clean()
        person.context.close()


def test_photographs_are_counted_shown_and_warned_of(visitor: Visitor, tmp_path: Path) -> None:
    for index in range(3):
        Image.new("RGB", (48, 48), (80 * index, 60, 90)).save(tmp_path / f"{index}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in ("0.png", "1.png", "broken.jpg"):
            archive.write(tmp_path / name, f"../../{name}")
    enter(visitor, "Train a style")
    visitor.says(r"5 photographs are few .* each is seen 800 times", "#photos-note")
    before = visitor.page.locator("#grid img").get_attribute("src")
    visitor.page.set_input_files("#train-photos input[type=file]", [tmp_path / "photos.zip", tmp_path / "2.png"])
    visitor.says("3 photographs, 1 more cannot be read", "#photos-note")
    assert visitor.page.locator("#grid img").get_attribute("src") != before
    fill(visitor, "#train-steps", 30)
    visitor.says("each is seen 40 times", "#photos-note")
    visitor.page.click("#train-bundled")
    visitor.says("5 sample photographs", "#photos-note")
    visitor.page.set_input_files("#train-photos input[type=file]", tmp_path / "broken.jpg")
    visitor.says("no photograph that can be read", "#photos-note")
    visitor.page.click("text=20 epochs, average pools")
    visitor.says("adapted to vgg16-hed", "#train-preset-note")
    visitor.says(r"\d+ steps: about .* on this machine", "#train-cost")
    playwright.expect(visitor.page.locator("#train-batch_size input[type=number]")).to_have_value("8")
    playwright.expect(visitor.page.locator("#train-epochs input[type=number]")).to_have_value("20")
    playwright.expect(visitor.page.locator("#train-steps input[type=number]")).to_have_value("")
    fill(visitor, "#train-learning_rate", -1)
    visitor.says("Learning rate: -1 is too small", "#train-learning_rate")
    playwright.expect(visitor.page.locator("#train-learning_rate input[type=number]")).to_have_value("0.001")


# ---- side by side


def test_three_methods_are_compared_on_one_sheet(visitor: Visitor, tmp_path: Path) -> None:
    enter(visitor, "Side by side")
    fill(visitor, "#compare-size", 64)
    fill(visitor, "#compare-seconds", 1)
    visitor.page.locator("#compare-model input").click()
    visitor.page.get_by_role("option", name="first style").click()
    visitor.page.click("#compare")
    visitor.says("done", "#compare-status")
    rows = visitor.page.locator("#figures tbody tr")
    playwright.expect(rows).to_have_count(3)
    for row, method in zip(rows.all(), ("Instant style", "Pixels", "Network"), strict=True):
        figures = row.inner_text().split("\t")
        assert figures[0] == method
        assert all(float(re.findall(r"[\d.]+", figure)[0]) >= 0 for figure in figures[4:6])
    with Image.open(visitor.download("#board-save", tmp_path)) as board:
        assert board.width > 5 * 64
    visitor.left_clean()


@pytest.mark.parametrize("tab", ["Instant styles", "Train a style", "Side by side"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_overflows(browser: Browser, address: str, width: int, tab: str) -> None:
    visitor = Visitor(browser, address, viewport={"width": width, "height": 844}, color_scheme="dark")
    enter(visitor, tab)
    playwright.expect(visitor.page.locator(".easel").last).to_be_visible()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.left_clean()
    visitor.context.close()
