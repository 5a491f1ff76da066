"""The picture on its way: canvas, objective, optimiser and schedule of one run, and one evaluation of them.

The loop (run.py) decides when to evaluate, what to show and when to end; snapshot.py writes down what stands here. It knows
nothing of people, controls or clocks: it is told the seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from playground.engine.average import Average
from playground.engine.canvas import (
    CANVASES,
    Canvas,
    PixelCanvas,
    Space,
    first_picture,
    image_with,
    make_canvas,
    resample,
    set_parameters,
)
from playground.engine.evaluator import Evaluator
from playground.engine.first_light import first_light, lit
from playground.engine.frames import Curve, Round
from playground.engine.guided import Guide
from playground.engine.losses import Objective
from playground.engine.neighbours import Neighbours
from playground.engine.optimisers import FinishingAdam, Optimiser, make_optimiser
from playground.engine.pulls import Pulls, measure_pulls
from playground.engine.schedule import Schedule, style_long_side
from playground.engine.tiles import TiledObjective
from playground.images.colour import match_colours
from playground.images.convert import cut_picture, fit_size, resize_picture, to_tensor
from playground.images.regions import areas_of, check_styles, kept_of
from playground.networks.arithmetic_choice import settled
from playground.networks.vgg import Vgg
from playground.recipe.model import Change, Recipe
from playground.recipe.styles import with_weights

OVERSHOT = 10.0  # a loss this many times the best one means that an optimiser with a memory has lost its way


class Painting:
    """All that a snapshot of a run holds.

    Args:
        content, styles: clean RGB pictures.
        recipe: the settings.
        network: the VGG the recipe names, on the device to paint on.

    Raises:
        PlaygroundError: the recipe is for another number of style images.

    Attributes:
        base, recipe: the settings as given, and as changed so far; `set_recipe` changes them. With several style images
            the recipe always states their weights, and so how many there were.
        schedule: sizes, iterations, and where in them it stands.
        space: units of the optimised pixels.
        canvas, objective, evaluator, optimiser: of the size that is painted.
        average: of the canvas's parameters, where one is kept.
        journal: changes made so far that a replay repeats.
        seconds: of the loop so far.
        rate_scale: halved at every recovery.
        recoveries, failed_in_a_row: what went wrong so far, in words, and how often one after the other.
        arithmetic_note: what to tell where the recipe's arithmetic is not this machine's.
    """

    def __init__(self, content: Image.Image, styles: Sequence[Image.Image], recipe: Recipe, network: Vgg) -> None:
        self.content, self.styles = cut_picture(content, recipe.crop), tuple(styles)
        self.vgg, self.device = network, network.device
        self.recipe = self.base = check_styles(recipe, len(self.styles))
        if recipe.colours == "matched":
            self.styles = tuple(match_colours(style, self.content) for style in self.styles)
        self.schedule = Schedule(recipe, max(self.content.size) / min(self.content.size))
        self.space = Space(recipe.space, self.device)
        self.journal: list[Change] = []
        self.curve = Curve()
        self.evaluations = 0
        self.rate_scale = 1.0
        self.recoveries: list[str] = []
        self.failed_in_a_row = 0
        self.seconds = 0.0
        self.first_preview: float | None = None
        self.average = Average()
        self.light: Tensor | None = None
        self.arithmetic_note: str | None = None

    def settle_arithmetic(self) -> None:
        """State in the recipe what a CPU computes in, as far as it is left to the machine or not to be had here."""
        recipe, self.arithmetic_note = settled(self.recipe, self.device.type)
        self.set_recipe(recipe)
        self.base = self.base.model_copy(update={"arithmetic": recipe.arithmetic})

    def set_recipe(self, recipe: Recipe) -> None:
        """Take over other settings; what they change in objective and optimiser is the caller's to renew.

        Raises:
            PlaygroundError: they are for another number of style images.
        """
        self.recipe = self.schedule.recipe = with_weights(recipe, len(self.styles))

    # ---------------------------------------------------------------- sizes

    def _picture_at(self, picture: Image.Image, long_side: int) -> Tensor:
        return to_tensor(resize_picture(picture, long_side)).to(self.device)

    def _style_at(self, size: int, number: int = 0) -> Tensor:
        """A style image for a size, in proportion to its size for the full picture."""
        style = cut_picture(self.styles[number], self.recipe.style_crop)
        return self._picture_at(style, style_long_side(self.recipe, style.size, size, number))

    def make_objective(self) -> None:
        """What the picture is judged by at this size, with the recipe's layers, network and weights."""
        height, width = self.content_tensor.shape[-2:]
        full_width, full_height = fit_size(*self.content.size, self.recipe.painted_size)
        recipe = self.recipe
        network = self.vgg.configured(
            recipe.pool, recipe.pool_rescale, recipe.padding, recipe.precision, recipe.arithmetic
        )
        growth = full_width * full_height / (width * height)
        styles = [self._style_at(self.schedule.size, number) for number in range(len(self.styles))]
        guide = _guide(recipe, (width, height), len(styles), self.device)
        kind = TiledObjective if self.schedule.tiled else Objective
        self.objective = kind(network, self.content_tensor, styles, self.recipe, growth, guide)
        self.evaluate_anew()

    def evaluate_anew(self) -> None:
        """Losses before and after a change of weights cannot be compared, so the search for the best starts anew."""
        self.evaluator = Evaluator(self.canvas, self.objective)

    def enter_stage(self, smaller: Canvas | None = None) -> None:
        """Set up pictures, targets, canvas and optimiser for the current size, from a smaller one's canvas where given."""
        size = self.schedule.size
        self.content_tensor = self._picture_at(self.content, size)
        height, width = self.content_tensor.shape[-2:]
        if smaller is None:
            self.settle_arithmetic()
            first = first_picture(self.recipe, self.content_tensor, self._style_at(size), self.space)
            plain = self.schedule.on_plain_pixels
            self.canvas = PixelCanvas(first, self.space) if plain else make_canvas(self.recipe, first, self.space)
        else:
            self.canvas = self._enlarged(smaller, (height, width))
            if self.recipe.init == "content":
                _restore_detail(self.canvas, smaller, self.content_tensor, self.space)
        self.make_objective()
        self.start_optimiser()
        self.average = Average()
        self.schedule.enter(self.seconds)

    @torch.no_grad()
    def _enlarged(self, smaller: Canvas, size: tuple[int, int]) -> Canvas:
        if self.schedule.on_plain_pixels:
            return PixelCanvas(resample(smaller.image(), size), self.space)
        return smaller.resized(size)

    def next_stage(self) -> None:
        """Carry the picture, and what the optimiser can take along, over to the next size."""
        old_canvas, old_optimiser = self.canvas, self.optimiser
        if self._averaged is not None:
            set_parameters(self.canvas, self._averaged)
        self.schedule.leave()
        self.enter_stage(old_canvas)
        self.optimiser.carry_over(old_optimiser, self.canvas)

    # ---------------------------------------------------------------- optimiser

    def start_optimiser(self) -> None:
        """A new optimiser, which has learnt nothing yet."""
        unit = float(self.space.scale.mean())
        if self.schedule.on_plain_pixels:
            self.optimiser: Optimiser = FinishingAdam(self.canvas.parameters, unit)
        else:
            self.optimiser = make_optimiser(self.recipe, self.canvas.parameters, unit)

    def restart_memory(self) -> None:
        """Let the optimiser begin anew and state so in the journal, as a learning rate that stays what it was."""
        self.start_optimiser()
        self.journal.append(Change(evaluation=self.evaluations, key="learning_rate", value=self.recipe.learning_rate))

    # ---------------------------------------------------------------- one evaluation

    def evaluate(self) -> Tensor:
        """Judge the picture and take one step; the weighted losses before it, in the order of `evaluator.names`."""
        neighbours = self.objective.neighbours
        if neighbours is not None and neighbours.due(self.recipe.neighbours_every):
            self._look_anew(neighbours)
        self.optimiser.set_rates(self.recipe, self.schedule.learning_rate(self.rate_scale))
        with self.evaluator.undisturbed:
            terms = self.evaluator()
            standing = self.optimiser.step(terms, rest=self.schedule.iteration_is_full)
        self.evaluations += 1
        if neighbours is not None and neighbours.age is not None:
            neighbours.age += 1
        evaluations = self.schedule.round_evaluations + 1
        self.ended_round: Round | None = None
        if self.schedule.evaluated(standing):
            if self.schedule.evaluations_per_iteration > 1:
                why: Any = "nothing lower found" if standing == "stuck" else "enough evaluations"
                self.ended_round = Round(self.schedule.step, evaluations, self.optimiser.found, why)
            if self.recipe.clip:
                self.canvas.clip()
            if self.recipe.average > 0 or self.average.values is not None:
                self.average.add(self.canvas.parameters, self.recipe.average)
            if self.optimiser.starts_anew(self.recipe):
                self.start_optimiser()
        return terms

    def _look_anew(self, neighbours: Neighbours) -> None:
        """Let the next evaluation find other neighbours, between two rounds: in a round the losses are compared.

        They make earlier losses incomparable: the search for the best picture begins anew, and so does L-BFGS.
        """
        if self.schedule.round_evaluations > 0:
            return
        neighbours.age = None
        self.evaluate_anew()
        if self.optimiser.keeps_memory:
            self.start_optimiser()

    def back_to_best(self) -> None:
        """The best picture so far, with an optimiser that has learnt nothing yet."""
        set_parameters(self.canvas, self.evaluator.best)
        self.start_optimiser()

    def recover(self) -> str:
        """Back to the best picture with a fresh optimiser and half the rate, after a loss that is no number; in words."""
        self.failed_in_a_row += 1
        self.rate_scale /= 2
        self.back_to_best()
        self.average = Average()
        text = (
            f"the loss was no finite number at evaluation {self.evaluations}: "
            f"back to the last good picture, learning rate halved to {self.schedule.learning_rate(self.rate_scale):.3g}"
        )
        self.recoveries.append(text)
        return text

    def calmed_down(self, total: float) -> str | None:
        """Back to the best picture where the optimiser's memory has led astray; what to tell, None where all is well."""
        led_astray = self.optimiser.keeps_memory and not self.optimiser.searches
        if not led_astray or total <= OVERSHOT * float(self.evaluator.best_total):
            return None
        self.back_to_best()
        return f"{self.optimiser.title} overshot: back to the best picture, its memory starts anew"

    def measure_pulls(self) -> Pulls:
        """Where each term pulls the picture on the canvas, how strongly, and what is left over."""
        return measure_pulls(self.objective, self.canvas.image())

    # ---------------------------------------------------------------- what is shown

    @property
    def _averaged(self) -> list[Tensor] | None:
        """The average, where it is what shall be shown."""
        return self.average.values if self.recipe.average > 0 else None

    @torch.no_grad()
    def shown(self) -> Tensor:
        """The unit image to preview: the average where one is kept, else the canvas."""
        if self._averaged is not None:
            return self.objective.composed(image_with(self.canvas, self._averaged))
        return self.objective.composed(self.canvas.image().detach())

    def light_up(self) -> None:
        """Make first light ready, where the recipe asks for it and the picture is still smaller than it will be."""
        self.light = None
        if not self.schedule.at_last_size or self.evaluations == 0:
            self.light = first_light(self.content, self.styles, self.recipe, self.device)

    def preview(self) -> Tensor:
        """What people see of the picture on its way: first light before it is begun, then with its finest detail."""
        if self.light is None or (self.evaluations and self.schedule.at_last_size):
            return self.shown()
        return lit(self.shown(), self.light) if self.evaluations else self.light

    def best(self) -> tuple[Tensor, dict[str, float], list[Tensor]]:
        """The best picture judged so far, or the average of the last ones where that is better; losses, parameters."""
        evaluator, best_losses = self.evaluator, {}
        if evaluator.best_terms is not None and math.isfinite(float(evaluator.best_total)):
            best_losses = dict(zip(evaluator.names, evaluator.best_terms.tolist(), strict=True))
        if self._averaged is not None:
            averaged = image_with(self.canvas, self._averaged)
            with torch.no_grad():
                losses = self.objective(averaged)
            if float(losses.total) < float(evaluator.best_total):
                best_losses = dict(zip(losses.terms, losses.stacked().tolist(), strict=True))
                return self.objective.composed(averaged), best_losses, self._averaged
        image = image_with(self.canvas, evaluator.best)
        if self.recipe.clip and CANVASES[self.recipe.canvas].network is None:
            image = self.space.clipped(image)  # it may be of a round's middle, and a round ends with the clip
        return self.objective.composed(image), best_losses, evaluator.best


def _guide(recipe: Recipe, size: tuple[int, int], styles: int, device: torch.device) -> Guide | None:
    """Which style image goes where in a picture of this width and height, and what of the content image is kept more."""
    if not (recipe.regions or recipe.kept):
        return None
    areas = torch.zeros(1, size[1], size[0])
    if recipe.regions:
        areas = torch.from_numpy(areas_of(recipe, size))[: 1 + styles]
    kept = torch.from_numpy(kept_of(recipe, size)).to(device) if recipe.kept else None
    return Guide(areas.to(device), kept)


@torch.no_grad()
def _restore_detail(canvas: Canvas, smaller: Canvas, content: Tensor, space: Space) -> None:
    """Give an enlarged picture the content image's finest detail, which the smaller size had no room for.

    It started from the content image, so this is what it would show there; without it each new size begins as a blur.
    """
    enlarged = resample(resample(content, tuple(smaller.image().shape[-2:])), tuple(content.shape[-2:]))
    canvas.parameters[0].add_((content - enlarged) * space.scale)
