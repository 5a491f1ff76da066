"""Photographs that strangers upload, as files or zips, laid into a folder that a training may read.

Nothing of what they were called is used for a path, and nothing beyond the limits is ever unpacked. Called by the page.
"""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from playground.errors import PlaygroundError
from playground.feedforward.photos import PICTURE_SUFFIXES

MAX_PHOTOS = 5000
MAX_BYTES = 1_000_000_000  # of all photographs together, unpacked
MAX_ENTRIES = 20_000  # of a zip, with all that is no picture
MAX_DIRECTORY_BYTES = 4 << 20  # of a zip: what so many entries take with names of 150 letters
ENTRY = b"PK\1\2"  # what every entry of a zip's directory begins with
PIECE = 1 << 20
SPARE_MB = 200  # of the disk, which photographs never take


class PhotoSpace:
    """The disk that all photographs on a server may take together, whoever uploads them; thread-safe.

    Args:
        megabytes: MiB; the disk itself keeps `SPARE_MB` beside them.
    """

    def __init__(self, megabytes: float) -> None:
        self._limit = megabytes * 2**20
        self._lock, self._taken = threading.Lock(), dict[Path, int]()

    def take(self, folder: Path, size: int) -> None:
        """Count so many bytes more in a folder, which are free again once it is gone.

        Raises:
            PlaygroundError: there is no room for them.
        """
        with self._lock:
            self._taken = {path: taken for path, taken in self._taken.items() if path.exists()}
            full = sum(self._taken.values()) + size > self._limit
            if full or shutil.disk_usage(folder).free < size + SPARE_MB * 2**20:
                raise PlaygroundError(
                    "this server has no room for more photographs now: give fewer, or try again later"
                )
            self._taken[folder] = self._taken.get(folder, 0) + size


def collect_photos(files: Sequence[str | Path], folder: Path, space: PhotoSpace | None = None) -> int:
    """Copy every picture of `files`, also those inside zips, into `folder`, numbered in their order.

    Whether a file is the picture its suffix promises is for `Photos` to find out.

    Args:
        space: what they are counted in; None where they are nobody else's.

    Returns:
        how many there are.

    Raises:
        PlaygroundError: too many, too large together, a zip that cannot be read, or no picture at all.
        OSError: the disk takes no more.
    """
    left, count = MAX_BYTES, 0
    for suffix, pieces in _pictures(files):
        if count == MAX_PHOTOS:
            raise PlaygroundError(f"these are more than {MAX_PHOTOS:,} photographs: give fewer")
        with open(folder / f"{count:05d}{suffix}", "wb") as copy:
            # What a zip says about sizes is not believed: only what comes out of it is counted.
            for piece in pieces:
                left -= len(piece)
                if left < 0:
                    raise PlaygroundError(f"these photographs are larger than {MAX_BYTES // 10**9} GB: give fewer")
                if space is not None:
                    space.take(folder, len(piece))
                copy.write(piece)
        count += 1
    if count == 0:
        raise PlaygroundError("there is no photograph among these files: give pictures, or a zip of pictures")
    return count


def _pictures(files: Sequence[str | Path]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Suffix and content of every file that looks like a picture, in order, zips opened."""
    for file in map(Path, files):
        if file.suffix.lower() == ".zip":
            yield from _inside(file)
        elif file.suffix.lower() in PICTURE_SUFFIXES:
            with open(file, "rb") as stream:
                yield file.suffix.lower(), _pieces(stream, file.name)


def _pieces(stream: IO[bytes], file: str) -> Iterator[bytes]:
    try:
        while piece := stream.read(PIECE):
            yield piece
    except GeneratorExit:
        raise
    except Exception as error:  # what a zip's bytes make of its unpacker may be anything
        raise _unreadable(file) from error


def _unreadable(file: str) -> PlaygroundError:
    return PlaygroundError(f"the zip {file!r} cannot be unpacked, it may be damaged or encrypted: pack it again")


class _BoundedZip(io.BufferedReader):
    """A zip's bytes, of which `ZipFile` would read a directory of any length at once, and make an object of every entry.

    Neither the number of entries nor the length that a zip states is believed: what is read of it is counted.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(io.FileIO(file))
        self._name = file.name

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size <= MAX_DIRECTORY_BYTES:
            content = super().read(size)
            if content.count(ENTRY) <= MAX_ENTRIES:
                return content
        raise PlaygroundError(
            f"the zip {self._name!r} holds more than {MAX_ENTRIES:,} files, or very long names of files: give fewer"
        )


def _inside(file: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    try:
        with _BoundedZip(file) as zipped, zipfile.ZipFile(zipped) as archive:
            for entry in archive.infolist():
                name = PurePosixPath(entry.filename)
                hidden = name.name.startswith(".") or "__MACOSX" in name.parts
                if entry.is_dir() or hidden or name.suffix.lower() not in PICTURE_SUFFIXES:
                    continue
                with archive.open(entry) as stream:
                    yield name.suffix.lower(), _pieces(stream, file.name)
    except PlaygroundError:
        raise
    except Exception as error:
        raise _unreadable(file.name) from error
