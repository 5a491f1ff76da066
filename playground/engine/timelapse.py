"""A run's previews as a GIF or a film. Called by the page; it knows nothing of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from playground.engine.previews import Previews
from playground.errors import PlaygroundError
from playground.system.files import whole_file

LAPSE_SECONDS, HELD_SECONDS = 8.0, 1.0  # of a time-lapse, and its last picture
LAPSE_RATE = (4.0, 24.0)  # least and most frames a second
LAPSE_SIZES = {".gif": 512, ".mp4": 1920}  # long side at most; a GIF takes about a byte a pixel and frame


def time_lapse(previews: Previews, path: Path, result: Image.Image | None = None) -> None:
    """Write the previews as a GIF or MP4 of about `LAPSE_SECONDS`, by the suffix of `path`; the last picture is held.

    Args:
        path: it appears whole or not at all.
        result: the run's result, shown last; every frame gets its size, but for `LAPSE_SIZES`.

    Raises:
        PlaygroundError: another suffix, no frame yet, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in LAPSE_SIZES:
        raise PlaygroundError(f"A time-lapse can be a .gif or an .mp4, not {suffix or 'a file without a suffix'!r}.")
    pictures = [frame.picture for frame in previews.frames] + ([result] if result else [])
    if not pictures:
        raise PlaygroundError("This run has no picture yet: make its time-lapse when it has begun to paint.")
    width, height = pictures[-1].size
    scale = min(1.0, LAPSE_SIZES[suffix] / max(width, height))
    step = (
        2 if suffix == ".mp4" else 1
    )  # halved colour resolution, the only one that every player shows, needs even sides
    size = (max(step, round(width * scale) // step * step), max(step, round(height * scale) // step * step))
    pictures = [picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures]
    rate = min(max(len(pictures) / LAPSE_SECONDS, LAPSE_RATE[0]), LAPSE_RATE[1])
    try:
        with whole_file(path, durable=False) as unfinished:
            (_write_gif if suffix == ".gif" else _write_mp4)(pictures, unfinished, rate)
    except OSError as error:  # also what ffmpeg complains of
        raise PlaygroundError("The time-lapse could not be written: free some space and try again.") from error


def _write_gif(pictures: Sequence[Image.Image], path: Path, rate: float) -> None:
    durations = [round(1000 / rate)] * (len(pictures) - 1) + [round(1000 * HELD_SECONDS)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0)


def _write_mp4(pictures: Sequence[Image.Image], path: Path, rate: float) -> None:
    writer = imageio_ffmpeg.write_frames(
        str(path), pictures[0].size, fps=rate, quality=7, macro_block_size=1, pix_fmt_out="yuv420p"
    )
    writer.send(None)
    try:
        for picture in [*pictures, *[pictures[-1]] * round(rate * HELD_SECONDS)]:
            writer.send(np.asarray(picture).tobytes())
    finally:
        writer.close()
