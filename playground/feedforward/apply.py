"""Applying a trained network: any picture in one pass at its own size, large ones in tiles, films frame by frame.

`Painter` is the network made ready for painting, `Painted` a result whose strength can be changed at once. Called by
the command line and the page.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from playground.images.load import PictureError, keep_colours, load_picture, to_picture, to_tensor
from playground.networks.hrnet import TorchConvention, pad_to_multiple
from playground.networks.transformer import Layer, Model, Residual
from playground.system.files import whole_file

FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
"""Suffixes that are taken for films; they are written as .mp4."""
GIF_PIXELS = 300_000_000  # of all frames together, which are held in memory until a GIF is written
WHOLE = 128_000_000  # channels × pixels up to which a picture is painted in one piece: about 2 GB
TILE = 768  # pixels, side of a tile without its overlap
MARGIN = 24  # pixels of mirrored photo that are painted around a picture and cut off again: a network that learnt from
# small crops has seen their edges in each, and keeps a band of colour for them
SAMPLES = (3, 2)  # tiles along the long and the short side that stand for the whole picture's statistics

Statistics = list[tuple[Tensor, Tensor]]
"""Mean and variance per channel at every normalisation, in order."""


class Painter:
    """A model made ready to paint: channels last, in place, upsampling folded into the convolutions behind it.

    Args:
        model: its network is not changed.
        device: where to paint.
    """

    def __init__(self, model: Model, device: str = "cpu") -> None:
        self.title, self.device = model.card.title, torch.device(device)
        self.convention = TorchConvention(self.device)
        network = model.network
        self.width, self.overlap = network.width, 24 + 8 * network.blocks  # beyond what any output pixel can see
        self._head = [self._ready(layer) for layer in (network.down1, network.down2, network.down3)]
        self._residuals = [self._residual(block) for block in network.residuals]
        self._tail = [self._ready(layer) for layer in (network.up1, network.up2, network.out)]

    def _residual(self, block: torch.nn.Module) -> tuple[_Ready, _Ready]:
        assert isinstance(block, Residual)
        return self._ready(block.first), self._ready(block.second)

    def _ready(self, layer: Layer) -> _Ready:
        return _Ready(layer, self.device)

    @torch.inference_mode()
    def __call__(self, photo: Tensor, tile: int | None = None) -> Tensor:
        """The photo in the model's style.

        Args:
            photo: unit RGB 1×3×H×W, at least 8 px a side.
            tile: side of the tiles in pixels, rounded up to a multiple of four; None takes what memory allows.

        Returns:
            Unit RGB 1×3×H×W of the same size, in [0, 1].
        """
        height, width = photo.shape[-2:]
        x = pad_to_multiple(self.convention.to(photo.to(self.device))).contiguous(memory_format=torch.channels_last)
        if tile is None and height * width * self.width > WHOLE:
            tile = TILE
        whole = tile is None or max(height, width) <= tile
        y = self._run(x) if tile is None or whole else self._in_tiles(x, -(-tile // 4) * 4)
        return self.convention.of(y[..., :height, :width]).clamp_(0, 1)

    def _in_tiles(self, x: Tensor, tile: int) -> Tensor:
        """Every tile with the statistics of the whole picture, and seen with more around it than the network can see.

        Both together leave no seam: a tile's pixels are those that one pass with these statistics would give.
        """
        statistics = self._estimate(x, tile)
        y = torch.empty_like(x)
        height, width = x.shape[-2:]
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                bottom, right = min(top + tile, height), min(left + tile, width)
                up, before = max(0, top - self.overlap), max(0, left - self.overlap)
                seen = x[..., up : bottom + self.overlap, before : right + self.overlap]
                painted = self._run(seen.contiguous(memory_format=torch.channels_last), statistics)
                y[..., top:bottom, left:right] = painted[..., top - up : bottom - up, left - before : right - before]
        return y

    def _estimate(self, x: Tensor, tile: int) -> Statistics:
        """The normalisations' statistics from evenly spread samples of the picture at its own scale.

        A smaller copy of the picture would have harder edges, and so other statistics; samples do not.
        """
        height, width = x.shape[-2:]
        rows, columns = SAMPLES if height > width else SAMPLES[::-1]
        high, wide = min(height, tile), min(width, tile)
        samples = [
            x[..., top : top + high, left : left + wide]
            for top in _spread(height - high, rows)
            for left in _spread(width - wide, columns)
        ]
        collected: Statistics = []
        self._run(torch.cat(samples).contiguous(memory_format=torch.channels_last), collected=collected)
        return collected

    def _run(self, x: Tensor, statistics: Statistics | None = None, collected: Statistics | None = None) -> Tensor:
        """One pass in torch's convention, sides divisible by four.

        Args:
            x: N×3×H×W; more than one picture share their statistics.
            statistics: to normalise with; those of `x` itself when None.
            collected: takes the statistics of `x`.
        """
        given = iter(statistics) if statistics is not None else None
        for ready in self._head:
            x = ready(x, given, collected)
        for first, second in self._residuals:
            x = second(first(x, given, collected), given, collected).add_(x)
        for ready in self._tail:
            x = ready(x, given, collected)
        return x


class _Ready:
    """A layer's kernels in the form that paints fastest."""

    def __init__(self, layer: Layer, device: torch.device) -> None:
        weight = layer.conv.weight.detach().to(device, torch.float32)
        self.up, self.relu, self.pad, self.stride = layer.up, layer.relu, layer.pad, layer.conv.stride
        self.outputs = weight.shape[0]
        self.kernel = (_folded(weight) if self.up else weight).contiguous(memory_format=torch.channels_last)
        self.norm = layer.norm
        if layer.norm is not None:
            self.scale = layer.norm.weight.detach().to(device, torch.float32)
            self.shift = layer.norm.bias.detach().to(device, torch.float32)
            self.bias = None  # a constant per channel, which the normalisation takes out again
        else:
            assert layer.conv.bias is not None
            self.bias = layer.conv.bias.detach().to(device, torch.float32)

    def __call__(
        self, x: Tensor, given: Iterator[tuple[Tensor, Tensor]] | None, collected: Statistics | None
    ) -> Tensor:
        if self.up:
            x = self._enlarged(x)
        else:
            x = F.conv2d(F.pad(x, [self.pad] * 4, mode="reflect"), self.kernel, self.bias, self.stride)
        if self.norm is not None:
            x = self._normalised(x, given, collected)
        return x.relu_() if self.relu else x

    def _enlarged(self, x: Tensor) -> Tensor:
        """Nearest ×2, mirrored by one, 3×3 convolution: the same as four 2×2 convolutions of the small map.

        Each 2×2 block of the result sees only 2×2 pixels of the small map, whose edge the mirrored enlarged map repeats.
        """
        n, _, height, width = x.shape
        four = F.conv2d(F.pad(x, [1] * 4, mode="replicate"), self.kernel)
        size = (n, self.outputs, height * 2, width * 2)
        y = torch.empty(size, device=x.device, memory_format=torch.channels_last)
        for index, phase in enumerate(four.split(self.outputs, 1)):
            row, column = divmod(index, 2)
            y[..., row::2, column::2] = phase[..., row : row + height, column : column + width]
        return y

    def _normalised(
        self, x: Tensor, given: Iterator[tuple[Tensor, Tensor]] | None, collected: Statistics | None
    ) -> Tensor:
        """Over a single picture, batch normalisation is instance normalisation, with a faster channels-last kernel."""
        assert self.norm is not None
        if given is not None:
            return F.batch_norm(x, *next(given), self.scale, self.shift, eps=self.norm.eps)
        mean, var = torch.zeros_like(self.scale), torch.ones_like(self.scale)
        x = F.batch_norm(x, mean, var, self.scale, self.shift, training=True, momentum=1.0, eps=self.norm.eps)
        if collected is not None:
            collected.append((mean, var))
        return x


def _spread(room: int, count: int) -> list[int]:
    """`count` places from 0 to `room`, evenly."""
    return [round(room * i / (count - 1)) for i in range(count)]


def _folded(weight: Tensor) -> Tensor:
    """A 3×3 kernel behind nearest ×2 as the 2×2 kernels of the four phases, 4·out×in×2×2."""
    first, second, third = weight.unbind(2)
    rows = (torch.stack([first, second + third], 2), torch.stack([first + second, third], 2))
    kernels = []
    for row in rows:
        left, middle, right = row.unbind(3)
        kernels += [torch.stack([left, middle + right], 3), torch.stack([left + middle, right], 3)]
    return torch.cat(kernels)


class Painted:
    """A photo and its painted version, from which every strength follows without another pass.

    Args:
        photo: a clean RGB picture.
        painted: of the same size.
    """

    def __init__(self, photo: Image.Image, painted: Image.Image) -> None:
        self.photo, self.painted = photo, painted

    @cached_property
    def _in_own_colours(self) -> Image.Image:
        return keep_colours(self.painted, self.photo)

    def at(self, strength: float = 1.0, original_colours: bool = False) -> Image.Image:
        """0 the photo, 1 the style, between them a blend; on request with the photo's colours."""
        full = self._in_own_colours if original_colours else self.painted
        return Image.blend(self.photo, full, strength)


def paint(painter: Painter, photo: Image.Image, tile: int | None = None) -> Painted:
    """A clean RGB picture in the painter's style, at its own size to the pixel."""
    margin = min(MARGIN, min(photo.size) - 1)
    painted = painter(F.pad(to_tensor(photo), [margin] * 4, mode="reflect"), tile)
    return Painted(photo, to_picture(painted[..., margin : margin + photo.height, margin : margin + photo.width]))


# ---- films ----------------------------------------------------------------------------------------------------------


def is_film(path: Path) -> bool:
    """Whether a file is painted frame by frame: a film by its suffix, or a GIF with more than one frame."""
    if path.suffix.lower() in FILMS:
        return True
    try:
        with Image.open(path, formats=["GIF"]) as picture:
            return getattr(picture, "n_frames", 1) > 1
    except (OSError, ValueError):
        return False


def check_film(path: Path) -> None:
    """Refuse what a stranger's film must not be: a list of other files, which ffmpeg would open, or too large a GIF.

    Raises:
        PictureError: in one sentence.
    """
    if path.suffix.lower() in FILMS:
        with open(path, "rb") as file:
            head = file.read(12)
        if not (head[4:8] == b"ftyp" or head.startswith(b"\x1a\x45\xdf\xa3") or head[:4] + head[8:] == b"RIFFAVI "):
            raise PictureError(f"The film {path.name!r} is not what its name says: give an mp4, mov, mkv, webm or avi.")
        return
    with Image.open(path, formats=["GIF"]) as film:
        pixels = film.width * film.height * getattr(film, "n_frames", 1)
    if pixels > GIF_PIXELS:
        raise PictureError(
            f"The GIF {path.name!r} has {pixels / 1e6:.0f} megapixels over all frames: at most {GIF_PIXELS // 10**6} fit."
        )


def paint_film(
    painter: Painter, source: Path, output: Path, strength: float = 1.0, original_colours: bool = False
) -> Generator[float, None, None]:
    """Paint an animated GIF or a film frame by frame, at its own size and pace, a film with its sound.

    Args:
        output: a .gif for a GIF, an .mp4 for a film; it appears whole or not at all.

    Yields:
        The share that is done, after every frame.

    Raises:
        PictureError: the film cannot be read or written.
    """
    paint_frames = _paint_film if source.suffix.lower() in FILMS else _paint_gif
    try:
        with whole_file(output, durable=False) as unfinished:
            for done, frame in paint_frames(source, unfinished):
                frame[0] = paint(painter, frame[0]).at(strength, original_colours)
                yield done
    except OSError as error:  # also what ffmpeg complains of
        raise PictureError(f"The film {source.name!r} cannot be read or painted: {_last_words(error)}.") from error


def _last_words(error: OSError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


def _paint_gif(source: Path, output: Path) -> Iterator[tuple[float, list[Image.Image]]]:
    """Every frame in a list of one, to be replaced; the GIF is written after the last."""
    frames, durations = [], []
    with Image.open(source, formats=["GIF"]) as film:
        count, loop = getattr(film, "n_frames", 1), film.info.get("loop")
        for number in range(count):
            film.seek(number)
            frame = [load_picture(film.convert("RGBA"), name="the film")]
            durations.append(film.info.get("duration", 100))
            yield (number + 1) / count, frame
            frames.append(frame[0])
    again = {} if loop is None else {"loop": loop}
    frames[0].save(output, save_all=True, append_images=frames[1:], duration=durations, **again)


def _paint_film(source: Path, output: Path) -> Iterator[tuple[float, list[Image.Image]]]:
    """Every frame in a list of one, to be replaced and then written, with the sound of the source copied beside it."""
    frames = imageio_ffmpeg.read_frames(str(source))
    about = next(frames)
    width, height = about["size"]
    sound = {"audio_path": str(source), "audio_codec": "copy"} if about.get("audio_codec") else {}
    # The usual halved colour resolution needs even sides; the few films with odd ones keep their size instead.
    colours = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    writer = imageio_ffmpeg.write_frames(
        str(output), (width, height), fps=about["fps"], quality=7, macro_block_size=1, pix_fmt_out=colours, **sound
    )
    writer.send(None)
    count = max(1.0, about["fps"] * about["duration"])
    try:
        for number, data in enumerate(frames):
            frame = [Image.fromarray(np.frombuffer(data, np.uint8).reshape(height, width, 3))]
            yield min(1.0, (number + 1) / count), frame
            writer.send(np.asarray(frame[0]).tobytes())
    finally:
        writer.close()
        frames.close()
