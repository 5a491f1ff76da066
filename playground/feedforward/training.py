"""Training: a network learns one style from a folder of photographs, as a generator of the same frames a run yields.

It is steered through the same control, saves everything at intervals, and goes on from there to the same bits. Under
`torchrun` several processes train one network. Called by the command line and the page.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from PIL import Image
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import get_total_norm

from playground.engine.control import Control, ControlState, MemoryControl
from playground.engine.frames import Curve, Frame, Result, State
from playground.engine.losses import Losses, Objective, by_term
from playground.engine.run import MAX_RECOVERIES, PAUSED_EVERY
from playground.engine.schedule import MIN_SHORT_SIDE
from playground.errors import PlaygroundError
from playground.feedforward.layouts import ModelError
from playground.feedforward.model import (
    Model,
    ModelCard,
    load_model,
    read_tensors,
    save_model,
    thumbnail,
    write_tensors,
)
from playground.feedforward.photos import Crops, Photos
from playground.images.convert import resize_picture, to_array, to_tensor
from playground.images.save import save_picture
from playground.networks.normalisation import TorchConvention
from playground.networks.transformer import new_network
from playground.networks.vgg import Vgg
from playground.recipe.model import RecipeError, validated
from playground.recipe.training import TrainingRecipe, is_live

SAMPLES = 4  # crops in a before/after picture
GRID_EVERY = 10.0  # seconds between two of them for whoever watches; each costs about a step


@dataclass(frozen=True)
class Paths:
    """The files of one training: the model, all that is needed to go on, and the latest before/after picture."""

    model: Path

    @property
    def state(self) -> Path:
        return self.model.with_name(f"{self.model.stem}.state.safetensors")

    @property
    def grid(self) -> Path:
        return self.model.with_name(f"{self.model.stem}.jpg")


class Training:
    """One training. `frames()` trains; every checkpoint holds all that `resume` needs.

    Args:
        style: a clean RGB picture.
        photos: what to train on.
        recipe: the settings; on resuming, those of `saved_recipe`, changed or not.
        network: the VGG the recipe names, on the device to train on.
        output: where the model is to stand, as .safetensors; None keeps nothing on the disk.
        control: who steers; a control of its own when None.
        resume: go on from the checkpoint beside `output`.
        title: the style's name.
        command: the command line, for the model's passport.
        half: keep 16 bits a weight in the model; the checkpoint to go on from always keeps 32.

    Raises:
        PlaygroundError: the recipe, the network or the checkpoint cannot be used.
    """

    def __init__(
        self,
        style: Image.Image,
        photos: Photos,
        recipe: TrainingRecipe,
        network: Vgg,
        output: Path | None = None,
        control: Control | None = None,
        *,
        resume: bool = False,
        title: str = "",
        command: str = "",
        half: bool = False,
    ) -> None:
        self.style, self.photos, self.recipe = style, photos, recipe
        self.vgg, self.device = network, network.device
        self.paths = Paths(output) if output else None
        self.control: Control = control or MemoryControl()
        self.title, self.command, self.half = title, command, half
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.world = dist.get_world_size() if dist.is_initialized() else 1
        self.step, self.seconds, self.rate_scale = 0, 0.0, 1.0
        self.curve = Curve()
        self.broken: list[str] = list(photos.broken)
        self.recoveries: list[str] = []
        self.applied: dict[str, Any] = {}
        saved = self._read_checkpoint() if resume else None
        self.network = self._first_network(from_checkpoint=saved is not None).to(self.device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.recipe.learning_rate)
        if saved is not None:
            self._restore(*saved)
        self.crops = Crops(photos, self.recipe.image_size, self.recipe.seed, self.recipe.augment)
        self.convention = TorchConvention(self.device)
        self.samples = self.crops.samples(SAMPLES)
        self._make_objective()
        self.trained: nn.Module = DistributedDataParallel(self.network) if self.world > 1 else self.network

    @property
    def steps(self) -> int:
        """Length of the whole training."""
        recipe = self.recipe
        each = recipe.batch_size * self.world
        return recipe.steps if recipe.steps is not None else math.ceil(recipe.epochs * len(self.photos) / each)

    @property
    def warning(self) -> str | None:
        """What to tell about too few photographs; None where there are enough."""
        return self.photos.warning(self.steps * self.recipe.batch_size * self.world)

    def model(self) -> Model:
        """The network as it stands and what is known about it."""
        about = ModelCard(
            title=self.title,
            steps=self.step,
            recipe=self.recipe.model_dump(mode="json"),
            curve=self.curve.points,
            style=thumbnail(self.style),
            style_sha256=self._style_sha256(),
            photos=len(self.photos),
            command=self.command,
        )
        return Model(self.network, about)

    # ---------------------------------------------------------------- setting up

    def _first_network(self, from_checkpoint: bool) -> Any:
        recipe = self.recipe
        if recipe.start_from is None or from_checkpoint:  # the checkpoint holds all weights
            return new_network(recipe.width, recipe.blocks, recipe.seed)
        network = load_model(recipe.start_from).network
        if (network.width, network.blocks) != (recipe.width, recipe.blocks):
            raise PlaygroundError(
                f"the model to start from is {network.width} channels wide with {network.blocks} blocks, "
                f"not {recipe.width} with {recipe.blocks}: set width and blocks alike"
            )
        return network.train().requires_grad_(True)

    def _style_sha256(self) -> str:
        return hashlib.sha256(np.asarray(self.style).tobytes()).hexdigest()

    def _make_objective(self) -> None:
        recipe = self.recipe
        sizes = {"content": recipe.image_size, "original": max(self.style.size)}
        smallest = math.ceil(MIN_SHORT_SIDE * max(self.style.size) / min(self.style.size))
        size = max(32, smallest, int(sizes.get(recipe.style_size, recipe.style_size)))  # type: ignore[arg-type]
        style = to_tensor(resize_picture(self.style, size)).to(self.device)
        vgg = self.vgg.configured(recipe.pool, recipe.pool_rescale, recipe.padding)
        self.objective = Objective(vgg, self.samples[:1].to(self.device), style, recipe)

    # ---------------------------------------------------------------- one step

    @property
    def learning_rate(self) -> float:
        """The rate of this step, after decay and recoveries."""
        recipe = self.recipe
        decays = self.step // recipe.decay_steps if recipe.decay_steps else 0
        return recipe.learning_rate * recipe.decay_factor**decays * self.rate_scale

    def _train(self, photos: Tensor) -> tuple[Losses, bool]:
        """One step on a batch of unit RGB photos.

        Returns:
            The losses before it, the mean over all processes; and whether the gradient was finite. Loss or gradient
            that is no finite number would spoil every weight, so no step is taken on them.
        """
        group = self.optimizer.param_groups[0]
        group["lr"], group["betas"] = self.learning_rate, (self.recipe.beta1, self.recipe.beta2)
        group["eps"] = self.recipe.epsilon
        self.optimizer.zero_grad(set_to_none=True)
        self.objective.set_content(photos, self.recipe)
        losses = self.objective(self.convention.of(self.trained(self.convention.to(photos))))
        losses.total.backward()
        if self.world > 1:
            values = losses.stacked()
            dist.all_reduce(values)
            values = values / self.world
            losses = Losses(values.sum(), dict(zip(losses.terms, values, strict=True)))
        # The gradient is the processes' mean by now, so all of them decide alike.
        norm = get_total_norm([p.grad for p in self.network.parameters() if p.grad is not None])
        finite = math.isfinite(float(norm))
        if finite and math.isfinite(float(losses.total.detach())):
            self.optimizer.step()
        return losses, finite

    def _state(self) -> ControlState:
        """The first process's orders, the same for all."""
        orders = [self.control.read()]
        if self.world > 1:
            dist.broadcast_object_list(orders, src=0)
        return orders[0]

    def _obey(self, orders: ControlState) -> str | None:
        """Take over settings that were changed since the last step; what to tell, if anything."""
        never = object()
        wishes = {key: value for key, value in orders.settings.items() if self.applied.get(key, never) != value}
        self.applied.update(orders.settings)
        if not wishes:
            return None
        fixed = next((key for key in wishes if not is_live(key)), None)
        if fixed is not None:
            return f"not changed: {fixed} is settled when a training starts"
        try:
            self.recipe = self.recipe.changed(wishes)
        except RecipeError as error:
            return f"not changed: {error}"
        self._make_objective()
        return None

    # ---------------------------------------------------------------- frames

    def frames(self) -> Iterator[Frame]:
        """Train, yielding a frame a step; `picture` is a before/after grid where one is due, at the end the last.

        Raises:
            PlaygroundError: a checkpoint cannot be written.
        """
        note = self.warning
        yield replace(self._frame({}, grid=True), note=note)
        started = time.perf_counter() - self.seconds
        last_grid = last_checkpoint = time.perf_counter()
        state: State | None = self._ends(self._state())
        self._keep_good()
        batches = self._batches()
        while state is None:
            orders = self._state()
            if orders.paused and not orders.stopped:
                paused_at = time.perf_counter()
                self.checkpoint()
                yield from self._paused()
                started += time.perf_counter() - paused_at
                continue
            note = self._obey(orders)
            state = self._ends(orders)
            if state is not None:
                break
            photos, broken = next(batches)
            losses, learned = self.control.turn().do(partial(self._train, photos.to(self.device)))
            note = self._note_broken(broken) or note
            self.seconds = time.perf_counter() - started
            layers = dict(zip(losses.terms, losses.stacked().tolist(), strict=True))
            if not math.isfinite(sum(layers.values())):
                yield replace(self._frame({}), note=self._recover())
                batches = self._batches()
                state = "recovered" if len(self.recoveries) >= MAX_RECOVERIES else None
                continue
            self.step += 1
            if not learned:
                note = f"nothing learned at step {self.step}: the gradient of its photographs was no finite number"
            frame = self._frame(layers)
            self.curve.add({"step": self.step, "evaluations": self.step, "seconds": self.seconds, **frame.losses})
            now = time.perf_counter()
            saving = self._agreed(
                self.step % self.recipe.checkpoint_steps == 0 or now - last_checkpoint >= self.recipe.checkpoint_seconds
            )
            if saving:
                self._keep_good()
                self.checkpoint()
                last_checkpoint = time.perf_counter()
            if saving or now - last_grid >= GRID_EVERY:
                frame, last_grid = replace(frame, picture=self._grid()), time.perf_counter()
            yield replace(frame, note=note)
        self.checkpoint()
        yield self._finish(state)

    def _batches(self) -> Iterator[tuple[Tensor, list[str]]]:
        """Batches from the current step on, without an end of their own: the number of steps may be raised."""
        recipe = self.recipe
        return self.crops.batches(self.step, 2**62, recipe.batch_size, self.rank, self.world, recipe.workers)

    def _agreed(self, wish: bool) -> bool:
        """The first process's decision, the same for all, where it hangs on the clock."""
        decision = [wish]
        if self.world > 1:
            dist.broadcast_object_list(decision, src=0)
        return decision[0]

    def _ends(self, orders: ControlState) -> State | None:
        if orders.stopped:
            return "stopped"
        if self.step >= self.steps:
            return "recovered" if self.recoveries else "done"
        if self._agreed(self.recipe.seconds is not None and self.seconds >= self.recipe.seconds):
            return "time"
        return None

    def _paused(self) -> Iterator[Frame]:
        """Frames while paused, a picture with the first, until resumed or stopped."""
        grid = True
        while (orders := self._state()).paused and not orders.stopped:
            yield self._frame({}, grid=grid, state="paused")
            grid = False
            self.control.wait(PAUSED_EVERY)

    def _note_broken(self, names: list[str]) -> str | None:
        new = [name for name in dict.fromkeys(names) if name not in self.broken]
        self.broken += new
        return f"skipped, since it cannot be read: {', '.join(new)}" if new else None

    def _frame(self, layers: dict[str, float], grid: bool = False, state: State = "running") -> Frame:
        return Frame(
            step=self.step,
            steps=self.steps,
            evaluations=self.step,
            seconds=self.seconds,
            losses=by_term(layers) if layers else {},
            layers=layers,
            picture=self._grid() if grid else None,
            size=(self.recipe.image_size, self.recipe.image_size),
            learning_rate=self.learning_rate,
            state=state,
        )

    @torch.no_grad()
    def _grid(self) -> np.ndarray:
        """The same crops before (above) and after (below), H×W×3 uint8."""
        columns = []
        for photo in self.samples.split(1):
            painted = self.convention.of(self.network(self.convention.to(photo.to(self.device))))
            columns.append(np.concatenate([to_array(photo), to_array(painted)], axis=0))
        return np.concatenate(columns, axis=1)

    def _finish(self, state: State) -> Frame:
        last = self.curve.points[-1] if self.curve.points else {}
        losses = {key: last.get(key, 0.0) for key in ("content", "style", "variation", "total")} if last else {}
        frame = self._frame({}, grid=True, state=state)
        assert frame.picture is not None
        result = Result(
            picture=Image.fromarray(frame.picture),
            recipe=self.recipe,
            ended=f"recovered: {self.recoveries[-1]}" if state == "recovered" else state,
            losses=losses,
            layers={},
            curve=list(self.curve.points),
            steps=self.step,
            evaluations=self.step,
            seconds=self.seconds,
            first_preview_seconds=None,
        )
        return replace(frame, losses=losses, result=result)

    # ---------------------------------------------------------------- mishaps

    def _keep_good(self) -> None:
        """Remember weights and moments that are known to be good."""
        self._good = self._tensors()
        self._good_step = self.step

    def _recover(self) -> str:
        """Back to the last good weights with half the rate."""
        self.rate_scale /= 2
        text = (
            f"the loss was no finite number at step {self.step}: back to step {self._good_step}, "
            f"learning rate halved to {self.learning_rate:.3g}"
        )
        self._load(self._good)
        self.step = self._good_step
        self.recoveries.append(text)
        return text

    # ---------------------------------------------------------------- checkpoints

    def _tensors(self) -> dict[str, Tensor]:
        """Weights and Adam's moments by name, on the CPU."""
        tensors = {}
        for name, parameter in self.network.named_parameters():
            tensors[f"network.{name}"] = parameter.detach().to("cpu", copy=True)
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}.{name}"] = value.detach().to("cpu", copy=True)
        return tensors

    @torch.no_grad()
    def _load(self, tensors: dict[str, Tensor]) -> None:
        self.optimizer.state.clear()
        for name, parameter in self.network.named_parameters():
            parameter.copy_(tensors[f"network.{name}"])
            if f"exp_avg.{name}" in tensors:
                self.optimizer.state[parameter] = {
                    "step": tensors[f"step.{name}"].clone(),
                    "exp_avg": tensors[f"exp_avg.{name}"].to(self.device, copy=True),
                    "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(self.device, copy=True),
                }

    def checkpoint(self) -> None:
        """Write the model, the before/after picture, and last all that is needed to go on, each whole or not at all."""
        if self.paths is None or self.rank != 0:
            return
        model = self.model()
        save_model(model.network, model.card, self.paths.model, half=self.half)
        save_picture(Image.fromarray(self._grid()), self.paths.grid, sole=True)
        state = {
            "recipe": self.recipe.model_dump(mode="json"),
            "step": self.step,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
            "recoveries": self.recoveries,
            "curve": self.curve.plain(),
            "style_sha256": model.card.style_sha256,
            "photos": len(self.photos),
            "world": self.world,
        }
        write_tensors(self.paths.state, self._tensors(), state)

    def _read_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The checkpoint beside the output, once it is known to be of this style, these photos and this network."""
        assert self.paths is not None, "only a training with an output can be resumed"
        name = self.paths.state.name
        tensors, state = _read_state(self.paths.model)
        if state["style_sha256"] != self._style_sha256():
            raise ModelError(f"{name!r} was trained on another style picture: give that one, or another output")
        if state["photos"] != len(self.photos):
            raise ModelError(
                f"{name!r} was trained on {state['photos']} photographs and there are {len(self.photos)} now: "
                "give the same folder, or another output and start_from"
            )
        for key in ("width", "blocks"):
            if state["recipe"].get(key) != getattr(self.recipe, key):
                raise ModelError(f"{name!r} has {key} {state['recipe'].get(key)}, which cannot change any more")
        return tensors, state

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self._load(tensors)
        self.step, self.seconds = state["step"], state["seconds"]
        self.rate_scale, self.recoveries = state["rate_scale"], list(state["recoveries"])
        self.curve = Curve.of(state["curve"])


def saved_recipe(output: Path) -> TrainingRecipe:
    """The settings of the checkpoint beside `output`, to be gone on with.

    Raises:
        PlaygroundError: there is no checkpoint, or none of a training.
    """
    return validated(_read_state(output)[1]["recipe"], TrainingRecipe)


def _read_state(output: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    path = Paths(output).state
    if not path.is_file():
        raise ModelError(f"there is no checkpoint {str(path)!r} to go on from: train without --resume first")
    tensors, state = read_tensors(path)
    wanted = {"recipe", "step", "seconds", "rate_scale", "recoveries", "curve", "style_sha256", "photos"}
    if not wanted <= state.keys():
        raise ModelError(f"{path.name!r} is no checkpoint of a training: train without --resume")
    return tensors, state
