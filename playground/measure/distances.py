"""How near a result is to its content image and its style image, measured alike for every method.

Called by compare.py, the page and benchmarks/. It must not know which method made a result.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from skimage.filters import sobel
from skimage.metrics import structural_similarity

from playground.images.convert import resize_picture, to_tensor
from playground.lens.distances import CONTENT_LAYER, LAYERS, content_distance, style_distances, style_statistics
from playground.networks.vgg import Vgg
from playground.recipe.base import STYLE_BLOCKS


def photorealism(content: Image.Image, result: Image.Image) -> dict[str, float]:
    """How much of a content image's drawing is left, whatever its colours became.

    Args:
        content, result: clean RGB pictures; the first is brought to the result's size.

    Returns:
        structure: structural similarity of the luminances, 1 for the same picture.
        edges: correlation of the luminances' Sobel edges, 1 where every edge is as strong as it was, 0 for chance.
    """
    first, second = _luminance(content.resize(result.size, Image.Resampling.LANCZOS)), _luminance(result)
    with np.errstate(invalid="ignore"):
        edges = np.corrcoef(sobel(first).ravel(), sobel(second).ravel())[0, 1]
    return {
        "structure": float(structural_similarity(first, second, data_range=1.0)),
        "edges": float(np.nan_to_num(edges)),  # a flat picture has no edges to correlate
    }


def _luminance(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), dtype=np.float64) / 255


@torch.no_grad()
def distances(content: Image.Image, style: Image.Image, result: Image.Image, network: Vgg) -> dict[str, float]:
    """Content and style distance as the network sees them, both relative, so that 0 is none at all.

    Args:
        content, style, result: clean RGB pictures; the first two are brought to the result's long side.

    Returns:
        content: mean((F − P)²)/mean(P²) at conv4_2.
        style: mean over the first layer of every block of mean((G/M − G_S/M_S)²)/mean((G_S/M_S)²).
    """
    size, device = max(result.size), network.device
    seen = network(to_tensor(result).to(device), LAYERS)
    content = content.resize(result.size, Image.Resampling.LANCZOS)
    target = network(to_tensor(content).to(device), [CONTENT_LAYER])
    wanted = style_statistics(network(to_tensor(resize_picture(style, size)).to(device), STYLE_BLOCKS))
    return {
        "content": float(content_distance(seen[CONTENT_LAYER], target[CONTENT_LAYER])),
        "style": float(torch.stack([*style_distances(style_statistics(seen), wanted).values()]).mean()),
    }
