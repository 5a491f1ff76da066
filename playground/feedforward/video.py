"""GIFs and films, stylized frame by frame at their own size and speed, a film with its sound.

Called by the command line and the page; what a stranger's film must not be is refused here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from playground.feedforward.apply import OnePass, stylize_picture
from playground.feedforward.steady_films import Steady
from playground.images.film import FILM_PIXELS, copy_sound, film_frames, open_film
from playground.images.gif import GifWriter, gif_frames, gif_layout, gif_loops, gif_moves
from playground.images.load import PictureError
from playground.system.files import whole_file

FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
"""Suffixes that are taken for films; they are written as .mp4."""
FILM_FRAMES, FILM_SECONDS = 9000, 600  # of a stranger's film
GIF_PIXELS = 300_000_000  # of all frames of a stranger's GIF together: it is larger than any film of so many


def is_film(path: Path) -> bool:
    """Whether a file is stylized frame by frame: a film by its suffix, or a GIF with more than one frame."""
    return path.suffix.lower() in FILMS or gif_moves(path)  # whatever else it is, `load_picture` says so in words


def check_film(path: Path) -> None:
    """Refuse what a stranger's film must not be: no film at all, one too long, or too large a GIF.

    Raises:
        PictureError: in one sentence.
    """
    if path.suffix.lower() in FILMS:
        film = open_film(path)
        if film.frames > FILM_FRAMES or film.seconds > FILM_SECONDS:
            raise PictureError(
                f"The film {path.name!r} has {film.frames:,} frames in {film.seconds:,.0f} seconds: at most {FILM_FRAMES:,} "
                f"in {FILM_SECONDS} are painted here, so cut it first."
            )
        return
    gif = gif_layout(path, most=FILM_FRAMES + 1)
    pixels = gif.size[0] * gif.size[1]
    if pixels > FILM_PIXELS:
        raise PictureError(
            f"The GIF {path.name!r} has frames of {gif.size[0]}×{gif.size[1]} pixels: at most "
            f"{FILM_PIXELS / 1e6:.0f} megapixels fit."
        )
    if gif.frames > FILM_FRAMES or gif.frames * pixels > GIF_PIXELS:
        raise PictureError(
            f"The GIF {path.name!r} has more than {FILM_FRAMES:,} frames, or {GIF_PIXELS // 10**6} megapixels over "
            "all of them: cut it, or make it smaller first."
        )


def stylize_film(
    stylizer: OnePass,
    source: Path,
    output: Path,
    strength: float = 1.0,
    original_colours: bool = False,
    steady: bool = False,
    strokes: float = 1.0,
) -> Generator[float, None, None]:
    """Stylize an animated GIF or a film frame by frame, at its own size and speed, a film with its sound.

    Args:
        output: a .gif for a GIF, an .mp4 for a film; it appears whole or not at all.
        steady: let each frame follow the one before, so that it flickers less; else each is painted by itself.
        strokes: how large they are, as for `stylize_picture`.

    Yields:
        The fraction that is done, after every frame.

    Raises:
        PictureError: the film cannot be read or written.
    """
    hold = Steady() if steady else None
    frames = _film_frames if source.suffix.lower() in FILMS else _gif_frames
    try:
        with whole_file(output, durable=False) as unfinished:
            for done, frame in frames(source, unfinished):
                painted = stylize_picture(stylizer, frame[0], strokes=strokes).at(strength, original_colours)
                frame[0] = painted if hold is None else hold(frame[0], painted)
                yield done
    except OSError as error:  # also what ffmpeg complains of when it writes, with the paths of this machine
        raise PictureError(
            f"The film {source.name!r} cannot be read, or not be written: check the file and free some space."
        ) from error


def _gif_frames(source: Path, output: Path) -> Iterator[tuple[float, list[Image.Image]]]:
    """Every frame in a list of one, to be replaced and then written."""
    layout = gif_layout(source)
    with open(output, "wb") as stream:
        writer = GifWriter(stream, layout.size, gif_loops(source))
        for number, (picture, milliseconds) in enumerate(gif_frames(source, layout)):
            frame = [picture]
            yield (number + 1) / layout.frames, frame
            writer.write(frame[0], milliseconds)
        writer.close()


def _film_frames(source: Path, output: Path) -> Iterator[tuple[float, list[Image.Image]]]:
    """Every frame in a list of one, to be replaced and then written, with the sound of the source copied beside it."""
    film = open_film(source)
    width, height = film.size
    # The usual halved colour resolution needs even sides; the few films with odd ones keep their size instead.
    colours = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    with tempfile.TemporaryDirectory() as folder:
        sound = {}
        if film.sound:
            # The writer opens what it is given in whichever way it likes, so it is never given a stranger's file.
            copy_sound(film, alone := Path(folder) / "sound.mka")
            sound = {"audio_path": str(alone), "audio_codec": "copy"}
        writer = imageio_ffmpeg.write_frames(
            str(output), film.size, fps=film.rate, quality=7, macro_block_size=1, pix_fmt_out=colours, **sound
        )
        writer.send(None)
        try:
            for number, values in enumerate(film_frames(film)):
                frame = [Image.fromarray(values)]
                yield min(1.0, (number + 1) / film.frames), frame
                writer.send(np.asarray(frame[0]).tobytes())
        finally:
            writer.close()
