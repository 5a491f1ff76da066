"""A 3×3 convolution with a quarter of the multiplications: Winograd F(4×4, 3×3) in plain torch operations, for CPUs.

The kernels are frozen, so the only gradient is the one with respect to the input: the same arithmetic with turned
kernels. Called by the features in place of `F.conv2d` on the layers where `pays` says so, a fixed rule on shapes.
"""

from __future__ import annotations

import math
import threading

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE, TAPS = 4, 6  # outputs and inputs of a tile along one axis
# The six points where the product of polynomials is taken; of the usual sets the one with the smallest error
# (Barabasz et al. 2018, "Error analysis and improving the accuracy of Winograd convolution").
POINTS = (0.0, 1.0, -1.0, 0.5, -2.0, math.inf)
UNIT = POINTS.index(1.0)  # a constant in this plane is the same constant in all outputs: the bias goes here
BLOCK = 65_536  # tiles × channels worked on at once: what keeps a block's planes in cache, about 25 MB of workspace

_workspaces = threading.local()


def _cook_toom(points: tuple[float, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Aᵀ (4×6), G (6×3), Bᵀ (6×6) of y = Aᵀ[(G g) ⊙ (Bᵀ d)], y_k = Σ_j g_j d_{k+j} (Lavin & Gray 2016, eq. 5 and 6)."""
    finite = [p for p in points if p != math.inf]
    a, g, b = (torch.zeros(rows, TAPS, dtype=torch.float64) for rows in (TILE, 3, TAPS))
    for i, point in enumerate(points):
        roots = [p for p in finite if p != point]
        polynomial = torch.ones(1, dtype=torch.float64)  # Π(x − root), lowest power first
        for root in roots:
            polynomial = F.pad(polynomial, (1, 0)) - root * F.pad(polynomial, (0, 1))
        b[: len(polynomial), i] = polynomial
        if point == math.inf:
            a[-1, i] = g[-1, i] = 1
        else:
            a[:, i] = torch.tensor([point**k for k in range(TILE)])
            g[:, i] = torch.tensor([point**k for k in range(3)]) / math.prod(point - root for root in roots)
    return a, g.T, b.T


def _turned(points: tuple[float, ...]) -> tuple[float, ...]:
    """A kernel turned round, x²g(1/x), has at 1/p the values of g at p, up to a factor."""
    return tuple(0.0 if p == math.inf else math.inf if p == 0 else 1 / p for p in points)


_OUTPUT, _KERNEL, _INPUT = _cook_toom(POINTS)
_OUTPUT_TURNED, _KERNEL_TURNED, _INPUT_TURNED = _cook_toom(_turned(POINTS))
# the factor goes into the input transform, so that both directions share one set of transformed kernels
_INPUT_TURNED = _INPUT_TURNED * ((_KERNEL_TURNED.flip(1) * _KERNEL).sum(1) / _KERNEL.square().sum(1))[:, None]
FORWARD = (_INPUT.float().contiguous(), _OUTPUT.float().contiguous())
BACKWARD = (_INPUT_TURNED.float().contiguous(), _OUTPUT_TURNED.float().contiguous())


def prepare(weight: Tensor) -> Tensor:
    """The transformed kernels G g Gᵀ of a layer, made once, for both directions.

    Args:
        weight: O×I×3×3, float32.

    Returns:
        6×6×O×I, float32: four times the weight's memory.
    """
    kernel = _KERNEL.to(weight.device)
    return torch.einsum("ya,oiab,xb->yxoi", kernel, weight.double(), kernel).float().contiguous()


def conv3x3(x: Tensor, planes: Tensor, bias: Tensor, relu: bool = False) -> Tensor:
    """`F.conv2d(x, weight, bias, padding=1)` on a CPU, rectified if asked; differentiable in `x`, once.

    Args:
        x: N×I×H×W, float32, best channels-last; any H and W.
        planes: `prepare(weight)`.
        bias: O. Neither it nor the kernels get a gradient.
        relu: rectify the output, and mask the gradient, on the way.

    Returns:
        N×O×H×W, channels-last. The same bits for the same input, about 1e-6 (relative) from exact arithmetic.
    """
    return _Conv3x3.apply(x, planes, bias, relu)


class _Conv3x3(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, planes, bias, relu):
        y = _convolve(x, planes, FORWARD, bias=bias, relu=relu)
        ctx.save_for_backward(planes, y if relu else None)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        planes, rectified = ctx.saved_tensors
        return back(grad, planes, rectified), None, None, None


def back(grad: Tensor, planes: Tensor, rectified: Tensor | None = None) -> Tensor:
    """The gradient for what a convolution takes, N×I×H×W, from one for what it gives.

    Args:
        grad: N×O×H×W, float32.
        planes: `prepare(weight)`.
        rectified: what it gave, where that was rectified on the way.
    """
    return _convolve(grad, planes.transpose(2, 3), BACKWARD, rectified=rectified)


def _convolve(
    x: Tensor,
    planes: Tensor,
    transforms: tuple[Tensor, Tensor],
    bias: Tensor | None = None,
    relu: bool = False,
    rectified: Tensor | None = None,
) -> Tensor:
    """Aᵀ[Σ_channels U ⊙ (Bᵀ d B)]A over 6×6 tiles d that overlap by two, by blocks of tile rows.

    Args:
        x: N×I×H×W; where `rectified` (same shape) is not positive it counts as zero.
        planes: 6×6×O×I, the U of every plane.
        transforms: Bᵀ and Aᵀ.
    """
    into, out_of = transforms
    images, channels, height, width = x.shape
    outputs = planes.shape[2]
    y = x.new_empty(images, height, width, outputs)
    x = x.permute(0, 2, 3, 1)
    rectified = None if rectified is None else rectified.permute(0, 2, 3, 1)
    tile_rows, tile_columns = -(-height // TILE), -(-width // TILE)
    blocks = -(-tile_rows // max(1, BLOCK // (tile_columns * max(channels, outputs))))
    rows = -(-tile_rows // blocks)  # tile rows of a block
    for image in range(images):
        for top in range(0, height, rows * TILE):
            bottom = min(top + rows * TILE, height)
            mask = None if rectified is None else rectified[image]
            spectrum = _transform(x[image], mask, top, bottom, into)
            product = _multiply(spectrum, planes, out_of, bias)
            _combine(product, out_of, y[image, top:bottom])
            if relu:
                y[image, top:bottom].clamp_min_(0)
    return y.permute(0, 3, 1, 2)


def _transform(x: Tensor, rectified: Tensor | None, top: int, bottom: int, into: Tensor) -> Tensor:
    """Bᵀ d B of the tiles that make rows `top` to `bottom` of an image H×W×I: tile rows × 6 × tile columns × 6 × I."""
    height, width, channels = x.shape
    tile_rows, tile_columns = -(-(bottom - top) // TILE), -(-width // TILE)
    lines = tile_rows * TILE + 2
    stride = tile_columns + 1  # a spare tile a line, so that all tiles of all lines lie evenly spaced
    padded = _workspace("padded", lines + 1, stride * TILE, channels)  # the spare tile of the last line reads beyond it
    first, last = max(top - 1, 0), min(top - 1 + lines, height)
    start, stop = first - (top - 1), last - (top - 1)
    padded[:start].zero_()
    padded[stop:].zero_()
    padded[:, 0].zero_()
    padded[:, width + 1 :].zero_()
    inside = padded[start:stop, 1 : width + 1]
    if rectified is None:
        inside.copy_(x[first:last])
    else:
        torch.ops.aten.threshold_backward.grad_input(x[first:last], rectified[first:last], 0, grad_input=inside)

    tiles = padded.as_strided((lines * stride, TAPS, channels), (TILE * channels, channels, 1))
    across = _workspace("across", lines * stride, TAPS, channels)
    torch.bmm(into.expand(len(tiles), TAPS, TAPS), tiles, out=across)
    line = stride * TAPS * channels
    columns = across.as_strided((tile_rows, TAPS, tile_columns * TAPS * channels), (TILE * line, line, 1))
    spectrum = _workspace("spectrum", *columns.shape)
    torch.bmm(into.expand(tile_rows, TAPS, TAPS), columns, out=spectrum)
    return spectrum.view(tile_rows, TAPS, tile_columns, TAPS, channels)


def _multiply(spectrum: Tensor, planes: Tensor, out_of: Tensor, bias: Tensor | None) -> Tensor:
    """36 matrix products tiles×I @ I×O, with Aᵀ applied along each line of tiles: 6 × tile rows × tile columns × 4 × O."""
    tile_rows, _, tile_columns, _, channels = spectrum.shape
    tiles, outputs = tile_rows * tile_columns, planes.shape[2]
    plane = _workspace("plane", TAPS, tile_rows, tile_columns, channels)
    products = _workspace("products", tiles, TAPS, outputs)
    combined = _workspace("across", TAPS, tiles, TILE, outputs)
    for j in range(TAPS):
        plane.copy_(spectrum[:, j].permute(2, 0, 1, 3))
        torch.stack(
            [
                _matrix_product(plane[i].view(tiles, channels), planes[j, i], bias if j == i == UNIT else None)
                for i in range(TAPS)
            ],
            dim=1,
            out=products,
        )
        torch.bmm(out_of.expand(tiles, TILE, TAPS), products, out=combined[j])
    return combined.view(TAPS, tile_rows, tile_columns, TILE, outputs)


def _matrix_product(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    """a @ bᵀ + bias, by oneDNN where torch has it: more than twice MKL's rate on AMD's AVX-512 processors."""
    if torch.backends.mkldnn.is_available():
        return torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
    return F.linear(a, b, bias)


def _combine(product: Tensor, out_of: Tensor, y: Tensor) -> None:
    """Aᵀ applied down each column of tiles, written into the lines y (H×W×O) without what lies beyond the edges."""
    _, tile_rows, tile_columns, _, outputs = product.shape
    height, width, _ = y.shape
    line = tile_columns * TILE * outputs
    whole = (height, width) == (tile_rows * TILE, tile_columns * TILE)
    lines = (y if whole else _workspace("padded", tile_rows * TILE, tile_columns * TILE, outputs)).view(-1, TILE, line)
    columns = product.as_strided((tile_rows, TAPS, line), (line, tile_rows * line, 1))
    torch.bmm(out_of.expand(tile_rows, TILE, TAPS), columns, out=lines)
    if not whole:
        y.copy_(lines.view(tile_rows * TILE, tile_columns * TILE, outputs)[:height, :width])


def _workspace(name: str, *shape: int) -> Tensor:
    """An uninitialised tensor in this thread's buffer of that name: fresh memory would cost a page fault every 4 KB."""
    size = math.prod(shape)
    buffer = getattr(_workspaces, name, None)
    if buffer is None or len(buffer) < size:
        with torch.inference_mode(False):  # else a later call outside of that mode could not write into it
            buffer = torch.empty(size)
        setattr(_workspaces, name, buffer)
    return buffer[:size].view(shape)
