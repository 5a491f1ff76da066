"""Films are read by ffmpeg in a process of its own, which can open nothing but the film it is handed.

A film may come from a stranger. ffmpeg understands playlists, references to other files and some five hundred codecs; of all
that, the process may use what the film's first bytes promise: one demuxer, the usual codecs, and no protocol but the open
file it is handed in place of a keyboard, so that no name inside the film can lead anywhere. Its memory, its time and what it
writes are limited by the system (not on Windows, which has no such limits). Called by playground/feedforward/video.py; it
knows nothing of networks, and no word of ffmpeg's reaches a user.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np

from playground.images.load import PictureError
from playground.recipe.picture_limits import MIN_SIDE

FILM_PIXELS = 10_000_000
"""Width × height of a frame at most: 4096×2304 fits."""
FILM_STREAMS = 16
STALL_SECONDS = 120.0  # a process that gives nothing for this long is ended

_CODECS = (
    "h264,hevc,av1,libdav1d,vp8,libvpx,vp9,libvpx-vp9,mpeg4,mpeg1video,mpeg2video,mjpeg,prores,dnxhd,h263,msmpeg4v1,"
    "msmpeg4v2,msmpeg4,flv,wmv1,wmv2,ffv1,huffyuv,utvideo,rawvideo,png,qtrle,cinepak,svq1,svq3,theora,dvvideo,"
    "aac,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,flac,alac,wmav1,wmav2,amrnb,amrwb,adpcm_ms,adpcm_ima_wav,"
    "adpcm_ima_qt,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_alaw,pcm_mulaw"
)
"""Decoders that may run, by ffmpeg's names: none of them follows a reference, as SVG's might."""
_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})  # others are written anew, as AAC
_LIMITED = 'ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"; ulimit -v "$3" 2>/dev/null; shift 3; exec "$@"'


@dataclass(frozen=True)
class Film:
    """What a film is, as found by reading it.

    Attributes:
        path: the file.
        demuxer: ffmpeg's name of the container.
        size: width and height of a frame, upright, in pixels.
        rate: frames a second.
        frames: how many frames will come, at most.
        sound: ffmpeg's name of the codec of its first sound; None where it has none.
    """

    path: Path
    demuxer: str
    size: tuple[int, int]
    rate: Fraction
    frames: int
    sound: str | None

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return float(self.frames / self.rate)


def open_film(path: Path) -> Film:
    """What a film is: its whole container is read, and its first frame decoded.

    Raises:
        PictureError: in one sentence: it is no film, or damaged, or its frames are too small or too large.
    """
    demuxer = _demuxer(path)
    packets = _Packets(_lines(path, demuxer, ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy"], 0))
    _check_size(path, packets.size)
    first = ["-map", "0:v:0", "-frames:v", "1", "-fps_mode", "cfr", "-c:v", "rawvideo", "-pix_fmt", "rgb24"]
    shown = _Packets(_lines(path, demuxer, first, packets.size[0] * packets.size[1]))
    _check_size(path, shown.size)
    if not packets.count or not shown.count:
        raise _damaged(path)
    average = packets.count / packets.seconds if packets.seconds > 0 else shown.rate
    # A film of uneven speed states a grid of times, often 1000 a second, which no picture falls on for the most part.
    rate = shown.rate if shown.rate <= 2 * average else average.limit_denominator(100_000)
    if rate <= 0:
        raise _damaged(path)
    frames = max(1, round(packets.seconds * rate)) if packets.seconds > 0 else packets.count
    return Film(path, demuxer, shown.size, rate, frames, packets.sound)


def film_frames(film: Film) -> Iterator[np.ndarray]:
    """Every frame in order as H×W×3 uint8 at `film.rate`; as many as `film.frames` and a few, never more.

    Raises:
        PictureError: the film cannot be decoded to its end.
    """
    width, height = film.size
    arguments = ["-map", "0:v:0", "-frames:v", str(film.frames + 1), "-r", str(film.rate), "-fps_mode", "cfr"]
    arguments += ["-s", f"{width}x{height}", "-c:v", "rawvideo", "-pix_fmt", "rgb24", "-f", "rawvideo"]
    length, seconds = width * height * 3, 60 + film.frames  # a second of computing for each frame, at the very most
    came = 0
    with _ffmpeg(film.path, film.demuxer, arguments, width * height, seconds) as (process, stream):
        while data := _read(process, stream, length):
            if len(data) < length:
                raise _damaged(film.path)
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
            came += 1
        if process.wait() or not came:
            raise _damaged(film.path)


def copy_sound(film: Film, output: Path) -> None:
    """Write a film's first sound alone into a Matroska file, which whoever writes a film may hand to ffmpeg.

    Raises:
        PictureError: the sound cannot be read.
    """
    codec = "copy" if film.sound in _MP4_SOUND else "aac"
    arguments = ["-map", "0:a:0", "-c:a", codec, "-map_metadata", "-1", "-map_chapters", "-1", "-f", "matroska"]
    seconds = 60 + round(film.seconds)
    with (
        open(output, "wb") as copy,
        _ffmpeg(film.path, film.demuxer, arguments, 0, seconds) as (process, stream),
    ):
        while data := _read(process, stream, 1 << 20):
            copy.write(data)
        if process.wait():
            raise _damaged(film.path)


def _demuxer(path: Path) -> str:
    """The one demuxer that may read the file, by its first bytes."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError as error:
        raise PictureError(f"The film {path.name!r} cannot be opened: check the path and the disk it is on.") from error
    if head[4:8] == b"ftyp":
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[:4] + head[8:] == b"RIFFAVI ":
        return "avi"
    raise PictureError(f"The film {path.name!r} is not what its name says: give an mp4, mov, mkv, webm or avi.")


def _damaged(path: Path) -> PictureError:
    return PictureError(
        f"The film {path.name!r} cannot be decoded: it is damaged, larger than it says, or of a kind that is not read "
        "here; save it again as an mp4 with H.264."
    )


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if min(size) < MIN_SIDE:
        raise PictureError(f"The film {path.name!r} has frames of {width}×{height} pixels: at least {MIN_SIDE} a side.")
    if width * height > FILM_PIXELS:
        raise PictureError(
            f"The film {path.name!r} has frames of {width}×{height} pixels: at most {FILM_PIXELS / 1e6:.0f} megapixels fit."
        )


class _Packets:
    """What ffmpeg's framecrc writes: facts about each stream, then a line for each packet; the film is stream 0.

    Attributes:
        count: packets of the film.
        seconds: from the first one's time to the last one's end, a `Fraction`.
        rate: of its clock, ticks a second.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        facts: dict[str, str] = {}
        self.count, first, last = 0, None, 0
        for line in lines:
            if line.startswith("#"):
                name, _, value = line[1:].partition(": ")
                facts[name] = value.strip()
            elif line.startswith("0,"):
                time, length = (int(word) for word in line.split(",")[2:4])
                self.count += 1
                first, last = time if first is None else min(first, time), max(last, time + length)
        clock = Fraction(facts.get("tb 0", "0/1"))
        self.rate = 1 / clock if clock else Fraction(0)
        self.seconds = (last - (first or 0)) * clock
        width, _, height = facts.get("dimensions 0", "0x0").partition("x")
        self.size = (int(width), int(height))
        self.sound = facts.get("codec_id 1")


def _lines(path: Path, demuxer: str, arguments: Sequence[str], pixels: int) -> Iterator[str]:
    """What framecrc writes, line by line; nothing where there is no such film in the file."""
    with _ffmpeg(path, demuxer, [*arguments, "-f", "framecrc"], pixels, 120) as (process, stream):
        for line in iter(lambda: _read(process, stream, -1), b""):
            yield line.decode("ascii", "replace")
        if process.wait():
            raise _damaged(path)


@contextmanager
def _ffmpeg(
    path: Path, demuxer: str, arguments: Sequence[str], pixels: int, seconds: int
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """ffmpeg at work on one film, and what it writes; it is ended when the block is left.

    Args:
        pixels: of a frame, which the memory that is granted follows.
        seconds: of computing that are granted.
    """
    references = ["-enable_drefs", "0", "-use_absolute_path", "0"] if demuxer == "mov" else []
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-nostdin", "-threads", "2"]
    command += ["-protocol_whitelist", "fd", "-format_whitelist", demuxer, "-codec_whitelist", _CODECS]
    command += ["-max_streams", str(FILM_STREAMS), "-max_pixels", str(FILM_PIXELS), *references]
    command += ["-f", demuxer, "-i", "fd:", "-sn", "-dn", "-threads", "1", *arguments, "pipe:1"]
    if os.name == "posix":
        kilobytes = 2**20 + pixels // 4  # 1 GB, and room for some forty frames of 10 bits
        command = ["/bin/sh", "-c", _LIMITED, "sh", str(seconds), "0", str(kilobytes), *command]
    try:
        with open(path, "rb") as film:
            process = subprocess.Popen(command, stdin=film, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise PictureError(
            f"The film {path.name!r} cannot be opened: check the file, and that ffmpeg is there."
        ) from error
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        process.kill()
        with suppress(OSError):
            process.stdout.close()
        process.wait()


def _read(process: subprocess.Popen[bytes], stream: IO[bytes], length: int) -> bytes:
    """The next bytes, or with a length of −1 the next line; a process that stalls is ended, and then nothing comes."""
    alarm = threading.Timer(STALL_SECONDS, process.kill)
    alarm.daemon = True
    alarm.start()
    try:
        return stream.readline() if length < 0 else stream.read(length)
    finally:
        alarm.cancel()
