"""The network that a training moves: one step on a batch, its optimiser's tensors, what it makes of sample crops.

Called by training.py. It must not know of files, controls or clocks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils import get_total_norm

from playground.engine.losses import Losses, Objective
from playground.engine.schedule import style_long_side
from playground.errors import PlaygroundError
from playground.feedforward.model import load_model
from playground.feedforward.processes import Processes
from playground.images.convert import resize_picture, to_array, to_tensor
from playground.networks.normalisation import TorchConvention
from playground.networks.transformer import TransformerNet, new_network
from playground.networks.vgg import Vgg
from playground.recipe.training import TrainingRecipe

MAX_SLOPE = 1e19  # Adam squares slopes, and what has no finite square in single precision would stop a weight for good
LARGE_LOSS = 2.0**50  # slopes are about as large as the loss: from here on it is scaled,
SCALED_LOSS = 2.0**30  # to about this


def first_network(recipe: TrainingRecipe, from_checkpoint: bool) -> TransformerNet:
    """The network that a training starts with.

    Args:
        from_checkpoint: all weights will be a checkpoint's, so the model to start from is not asked for.

    Raises:
        PlaygroundError: the model to start from cannot be used.
    """
    if recipe.start_from is None or from_checkpoint:
        return new_network(recipe.width, recipe.blocks, recipe.seed)
    network = load_model(recipe.start_from).network
    if (network.width, network.blocks) != (recipe.width, recipe.blocks):
        raise PlaygroundError(
            f"the model to start from is {network.width} channels wide with {network.blocks} blocks, "
            f"not {recipe.width} with {recipe.blocks}: set width and blocks alike"
        )
    return network.train().requires_grad_(True)


class Learner:
    """A network, its optimiser and the losses that both follow.

    Attributes:
        scale: a power of two that the loss is multiplied with for the optimiser, 1 unless the loss is so large that the
            square of its slopes would be no number. Adam takes the same steps at any scale, its epsilon and what it
            remembers scaled alike. Settled by the first batch under a recipe, so that no single photograph does it.

    Args:
        network: to be trained; moved to the device of `vgg`.
        vgg: the network that the recipe names, which sees what the losses compare.
        style: a clean RGB picture.
        crop: any crop of the training's size, unit RGB 1×3×S×S, from which the losses take their shapes.
        processes: those that train together.
    """

    def __init__(
        self, network: TransformerNet, vgg: Vgg, style: Image.Image, crop: Tensor, recipe: TrainingRecipe,
        processes: Processes,
    ) -> None:  # fmt: skip
        self.vgg, self.style, self.crop, self.processes = vgg, style, crop, processes
        self.device = vgg.device
        self.network = network.to(self.device)
        self.convention = TorchConvention(self.device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.scale, self._settled = 1.0, False
        self.set_recipe(recipe)
        self.trained = processes.shared(self.network)

    def set_recipe(self, recipe: TrainingRecipe) -> None:
        """Take over settings: losses are made anew, the network and its optimiser stay."""
        self.recipe, self._settled = recipe, False
        size = style_long_side(recipe, self.style.size, recipe.image_size)
        style = to_tensor(resize_picture(self.style, size)).to(self.device)
        vgg = self.vgg.configured(recipe.pool, recipe.pool_rescale, recipe.padding, recipe.precision, recipe.arithmetic)
        self.objective = Objective(vgg, self.crop.to(self.device), style, recipe)

    def learn(self, photos: Tensor, learning_rate: float) -> tuple[Losses, str]:
        """One step on a batch of unit RGB photographs N×3×S×S.

        Returns:
            The losses before it, the mean over all processes; and what was wrong with the gradient, "" where nothing was.
            Loss or gradient that is no finite number, or has no finite square, would spoil every weight, so no step is
            taken on them.
        """
        group = self.optimizer.param_groups[0]
        group["lr"], group["betas"] = learning_rate, (self.recipe.beta1, self.recipe.beta2)
        self.optimizer.zero_grad(set_to_none=True)
        self.objective.set_content(photos, self.recipe)
        own = self.objective(self.convention.of(self.trained(self.convention.to(photos))))
        losses = self.processes.mean(own)
        if not self._settled:
            self._settle_scale(float(losses.total.detach()))
        group["eps"] = self.recipe.epsilon * self.scale
        (self.scale * own.total).backward()
        # The gradient is the processes' mean by now, so all of them decide alike.
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        largest = float(get_total_norm(gradients, math.inf))
        if not math.isfinite(largest):
            return losses, "was no finite number"
        if largest >= MAX_SLOPE:
            return losses, "was so large that its square is no finite number"
        if math.isfinite(float(losses.total.detach())):
            self.optimizer.step()
        return losses, ""

    @torch.no_grad()
    def _settle_scale(self, loss: float) -> None:
        """Lower the scale where a loss asks for it; never raise it, since what is remembered might not fit any more."""
        if not math.isfinite(loss):
            return
        self._settled = True
        if loss * self.scale < LARGE_LOSS:
            return
        factor = 2.0 ** math.floor(math.log2(SCALED_LOSS / (loss * self.scale)))
        self.scale *= factor
        for moments in self.optimizer.state.values():
            moments["exp_avg"].mul_(factor)
            moments["exp_avg_sq"].mul_(factor).mul_(factor)  # twice: the factor's square may be less than a float holds

    @torch.no_grad()
    def before_and_after(self, crops: Tensor) -> np.ndarray:
        """Crops, unit RGB N×3×S×S, as they are (above) and as the network paints them (below), H×W×3 uint8."""
        columns = []
        for crop in crops.split(1):
            stylized = self.convention.of(self.network(self.convention.to(crop.to(self.device))))
            columns.append(np.concatenate([to_array(crop), to_array(stylized)], axis=0))
        return np.concatenate(columns, axis=1)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and Adam's moments by name, on the CPU, and the loss's scale once it is settled."""
        tensors = {"scale": torch.tensor(self.scale, dtype=torch.float64)} if self._settled else {}
        for name, parameter in self.network.named_parameters():
            tensors[f"network.{name}"] = parameter.detach().to("cpu", copy=True)
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}.{name}"] = value.detach().to("cpu", copy=True)
        return tensors

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Back to what `tensors` gave."""
        self.optimizer.state.clear()
        self._settled = "scale" in tensors  # up to version 0.1 there was none
        self.scale = float(tensors["scale"]) if self._settled else 1.0
        for name, parameter in self.network.named_parameters():
            parameter.copy_(tensors[f"network.{name}"])
            if f"exp_avg.{name}" in tensors:
                self.optimizer.state[parameter] = {
                    "step": tensors[f"step.{name}"].clone(),
                    "exp_avg": tensors[f"exp_avg.{name}"].to(self.device, copy=True),
                    "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(self.device, copy=True),
                }
