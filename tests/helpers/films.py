"""Small films for the tests, made by ffmpeg from its own test pictures, and looked at by plain calls of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np


def ffmpeg(*arguments: str) -> bytes:
    """What one plain call writes to its output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout


def make_film(path: Path, picture: str = "testsrc=s=64x48:r=10:d=1", *more: str, sound: bool = False) -> Path:
    """A film of one of ffmpeg's test pictures, a second of 64×48 unless told otherwise; `more` goes before its name."""
    tone = ["-f", "lavfi", "-i", "sine=f=440:d=1"] if sound else []
    ffmpeg("-f", "lavfi", "-i", picture, *tone, *(more or ("-pix_fmt", "yuv420p")), str(path))
    return path


def first_picture(path: Path) -> np.ndarray:
    """H×W×3 uint8, of a film of 64×48."""
    data = ffmpeg("-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
    return np.frombuffer(data, np.uint8).reshape(48, 64, 3)
