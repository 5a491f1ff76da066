"""VGG16 and VGG19 as functions from a picture to {layer: activations}, in one pass that stops at the deepest layer asked for.

A layer is called after its convolution (`conv4_2`) and always means the rectified output. The network knows its own
input convention; pool type and edge padding come from the recipe. Called by engine/ and measure/; it knows no loss.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input

from playground.errors import PlaygroundError
from playground.networks import convolution, winograd
from playground.networks.arithmetic import Arithmetic, precision_of, winograd_pays
from playground.networks.catalogue import LAYERS
from playground.networks.normalisation import CAFFE_MEAN_BGR, TORCH_MEAN, TORCH_STD
from playground.networks.pools import KnownPool, SparingPool
from playground.networks.read import Weights, load

MIN_SIDE = 16  # four pools halve the shorter side four times before conv5


class Vgg:
    """A frozen VGG that turns pictures into named activations; max pools and zero padding until `configured`.

    Args:
        weights: a network's tensors, its architecture and its input convention.
        device: where the weights live. Convolutions but the first, which sees the pixels, are in `precision_of` it;
            what is given is in float32 in any case, and so is all of it when `configured` to be.
    """

    pool: Literal["max", "average"] = "max"
    pool_rescale: bool = False
    padding: Literal["zeros", "replicate"] = "zeros"
    arithmetic: Arithmetic = "winograd"

    def __init__(self, weights: Weights, device: torch.device | str = "cpu") -> None:
        self.network, self.device = weights.network, torch.device(device)
        self.layers = LAYERS[weights.network.architecture]
        types = dict.fromkeys(self.layers, precision_of(self.device)) | {"conv1_1": torch.float32}
        first = _converted(weights, self.device, types)
        self.kernels, self.biases = first["kernels"], first["biases"]
        self._single: dict[str, dict[str, Tensor]] = {}  # the same in single precision, made where it is asked for
        self._source = weights if set(types.values()) != {torch.float32} else None
        self._planes: dict[str, Tensor] = {}
        self._laid_out: dict[tuple[str, torch.dtype], convolution.Kernels] = {}
        self._preparing = threading.Lock()
        caffe = weights.network.convention == "caffe"
        mean = torch.tensor(CAFFE_MEAN_BGR if caffe else TORCH_MEAN, device=device)
        # unit RGB → the network's input: (x·scale − shift), channels turned round for caffe's BGR
        self._scale = torch.tensor([255.0] * 3 if caffe else [1 / s for s in TORCH_STD], device=device).view(1, 3, 1, 1)
        self._shift = (mean if caffe else mean / torch.tensor(TORCH_STD, device=device)).view(1, 3, 1, 1)
        self._caffe = caffe

    def configured(
        self, pool: str, pool_rescale: bool, padding: str, precision: str = "auto", arithmetic: str = "winograd"
    ) -> Vgg:
        """The same network with other pools and edges; the weights are shared, not copied, but for another precision's.

        Args:
            pool: "max" or "average", 2×2 with stride 2.
            pool_rescale: multiply what an average pool gives by 2, near the ratio of a max pool to an average one.
            padding: what the first convolution sees beyond the edge: "zeros" (after mean subtraction) or "replicate".
                Deeper layers keep the zeros the network was trained with.
            precision: "float32" computes every layer in single precision, "auto" as the device does best.
            arithmetic: how a CPU convolves, one of `Arithmetic`; of no account elsewhere.
        """
        other = copy.copy(self)
        other.pool, other.pool_rescale, other.padding = pool, pool_rescale, padding  # type: ignore[assignment]
        if self.device.type == "cpu":
            other.arithmetic = cast("Arithmetic", arithmetic)
        if precision == "float32" and self._source is not None:
            with self._preparing:
                if not self._single:
                    self._single.update(
                        _converted(self._source, self.device, dict.fromkeys(self.layers, torch.float32))
                    )
            other.kernels, other.biases, other._planes = self._single["kernels"], self._single["biases"], {}
            # cuDNN would round to TF32, of 10 bits of mantissa; there is one switch for the whole process.
            torch.backends.cudnn.allow_tf32 = False
        return other

    def preprocess(self, image: Tensor) -> Tensor:
        """A unit RGB image (N×3×H×W, [0, 1]) in the network's own convention, channels last in memory."""
        if self._caffe:
            image = image.flip(1)
        return (image * self._scale - self._shift).contiguous(memory_format=torch.channels_last)

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Rectified activations of `layers` for a unit RGB image.

        Args:
            image: N×3×H×W, float32, RGB in [0, 1].
            layers: names such as "conv4_2"; the pass stops at the deepest.

        Returns:
            {layer: N×C×h×w}, float32, h and w halved (rounded down) at every pool.

        Raises:
            PlaygroundError: an unknown layer, or a picture too small for the deepest.
        """
        wanted = set(layers)
        deepest = self.deepest(wanted)
        self.check_size(image)
        found: dict[str, Tensor] = {}
        self.walk(self.preprocess(image), self.layers[: deepest + 1], wanted, found)
        return {name: maps.float() for name, maps in found.items()}

    @staticmethod
    def check_size(image: Tensor) -> None:
        """Refuse a picture whose sides the pools would halve to nothing."""
        if min(image.shape[-2:]) < MIN_SIDE:
            raise PlaygroundError(
                f"a picture of {image.shape[-1]}×{image.shape[-2]} px is too small for the network; "
                f"both sides need at least {MIN_SIDE} px"
            )

    def walk(
        self, x: Tensor, names: Sequence[str], wanted: Collection[str], found: dict[str, Tensor], sparing: bool = False
    ) -> Tensor:
        """Take `x` through the layers `names`, with the pools between their blocks; what the last one gives.

        Args:
            x: what the first of `names` takes: a preprocessed picture, or pooled maps.
            wanted: layers whose maps are put into `found`, in the precision that the network computes in.
            sparing: as for `pool_maps`.
        """
        for index, name in enumerate(names):
            if index and name[4] != names[index - 1][4]:
                x = self.pool_maps(x, sparing)
            x = self._convolve(x, name)
            if name in wanted:
                found[name] = x
        return x

    def deepest(self, wanted: Collection[str]) -> int:
        """Index of the deepest layer wanted, -1 for none; an unknown one is a PlaygroundError."""
        unknown = sorted(set(wanted) - set(self.layers))
        if unknown:
            raise PlaygroundError(f"{self.network.name} has no layer called {unknown[0]!r}")
        return max((self.layers.index(name) for name in wanted), default=-1)

    def precision(self, name: str) -> torch.dtype:
        """What a layer's maps are kept in."""
        if self.device.type == "cpu" and self.arithmetic == "bfloat16":
            return torch.bfloat16
        return self.kernels[name].dtype

    def _convolve(self, x: Tensor, name: str) -> Tensor:
        """One convolution and its ReLU, in place: nothing else reads the unrectified maps."""
        padding = 1
        if self.padding == "replicate" and name == "conv1_1":
            x, padding = F.pad(x, (1, 1, 1, 1), mode="replicate"), 0
        kernel, bias = self.kernels[name], self.biases[name]
        if x.device.type == "cpu" and self.arithmetic != "winograd":
            # The first layer sees the pixels, which eight bits would coarsen: there its products are in float32.
            precision = torch.float32 if name == "conv1_1" else self.precision(name)
            return convolution.conv3x3(
                x, self._kernels_of(name, precision, self.precision(name)), padding, self.precision(name)
            )
        x = x.to(kernel.dtype)
        if x.device.type == "cpu" and winograd_pays(kernel.shape[1], kernel.shape[0], *x.shape[-2:]):
            return winograd.conv3x3(x, self._planes_of(name), bias, relu=True)
        return F.conv2d(x, kernel, bias, padding=padding).relu_()

    def _planes_of(self, name: str) -> Tensor:
        """A layer's kernels as Winograd's arithmetic wants them, made at first use and shared by all configurations."""
        with self._preparing:
            if name not in self._planes:
                self._planes[name] = winograd.prepare(self.kernels[name])
            return self._planes[name]

    def _kernels_of(self, name: str, precision: torch.dtype, back: torch.dtype) -> convolution.Kernels:
        """A layer's kernels as oneDNN wants them, as above."""
        with self._preparing:
            key = name, back
            if key not in self._laid_out:
                self._laid_out[key] = convolution.prepare(self.kernels[name], self.biases[name], precision, back)
            return self._laid_out[key]

    def pool_maps(self, x: Tensor, sparing: bool = False) -> Tensor:
        """Maps at half the size.

        Args:
            sparing: of a max pool keep nothing for the way back, which then looks for the largest values again.
        """
        if self.pool == "max":
            return SparingPool.apply(x) if sparing else F.max_pool2d(x, 2)
        x = F.avg_pool2d(x, 2)
        return x * 2 if self.pool_rescale else x

    def known_pool(self, x: Tensor, name: str, pooled: Tensor, places: Tensor, top: int) -> Tensor:
        """Pooled maps of the layer `name`, which takes `x` and is not computed again; the way back is `KnownPool`'s."""
        return KnownPool.apply(x, pooled, places, top, partial(self._back, name, x))

    def _back(self, name: str, x: Tensor, grad: Tensor) -> Tensor:
        """The gradient for what a layer takes, `x`, from one for its maps before they are rectified."""
        kernel = self.kernels[name]
        if x.device.type == "cpu" and self.arithmetic != "winograd":
            precision = self.precision(name)
            return convolution.back(grad, self._kernels_of(name, precision, precision), x.dtype)
        if x.device.type == "cpu" and winograd_pays(kernel.shape[1], kernel.shape[0], *x.shape[-2:]):
            return winograd.back(grad, self._planes_of(name))
        return conv2d_input(x.shape, kernel, grad.to(kernel.dtype), padding=1).to(x.dtype)


def _converted(
    weights: Weights, device: torch.device, types: Mapping[str, torch.dtype]
) -> dict[str, dict[str, Tensor]]:
    """Kernels and biases on the device, each layer's in its own precision."""
    tensors = weights.tensors
    kernels = {name: tensors[f"{name}.weight"].to(device, kind) for name, kind in types.items()}
    return {
        "kernels": {name: kernel.contiguous(memory_format=torch.channels_last) for name, kernel in kernels.items()},
        "biases": {name: tensors[f"{name}.bias"].to(device, kind) for name, kind in types.items()},
    }


@lru_cache(maxsize=2)
def load_network(name: str, device: str = "cpu") -> Vgg:
    """The named network (or a file's) on a device, read once and shared by every run.

    Raises:
        WeightsMissing: it is not on this machine; the text says how to get it.
    """
    return Vgg(load(name), device)
