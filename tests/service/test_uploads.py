"""Uploaded photographs: numbered files in one folder, whatever a zip calls them or unpacks to."""

from __future__ import annotations

import io
import shutil
import struct
import tracemalloc
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.photos import Photos
from playground.service import uploads
from playground.service.uploads import collect_photos


def png(path: Path) -> Path:
    Image.new("RGB", (32, 32), "teal").save(path)
    return path


def test_uploads_become_numbered_files_wherever_a_zip_wants_them(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = png(tmp_path / "one.png")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for name in ("../../escaped.png", "/etc/escaped.png", "deep/er/two.PNG", "C:\\three.jpg"):
            archive.write(picture, name)
        for name in ("notes.txt", "__MACOSX/._two.png", "deep/.hidden.png", "script.py"):
            archive.writestr(name, "no picture")
    assert collect_photos([picture, tmp_path / "many.zip", tmp_path / "notes.txt"], folder) == 5
    assert sorted(path.name for path in folder.iterdir()) == [
        "00000.png", "00001.png", "00002.png", "00003.png", "00004.jpg",
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "one.png", "many.zip"}
    assert len(Photos(folder)) == 5


def test_what_a_zip_unpacks_to_is_bounded_whatever_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bomb = tmp_path / "photos", tmp_path / "bomb.zip"
    folder.mkdir()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(30_000_000))
    monkeypatch.setattr(uploads, "MAX_BYTES", 5_000_000)
    with pytest.raises(PlaygroundError, match="larger than"):
        collect_photos([bomb], folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5_000_000
    monkeypatch.setattr(uploads, "MAX_PHOTOS", 2)
    picture = png(tmp_path / "one.png")
    with pytest.raises(PlaygroundError, match="more than 2 photographs"):
        collect_photos([picture] * 3, folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not a zip"])
def test_a_zip_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.zip"
    file.write_bytes(content)
    with pytest.raises(PlaygroundError, match=r"'broken.zip' cannot be unpacked"):
        collect_photos([file], tmp_path)


def bare_entries(count: int, name: bytes, states: int | None) -> bytes:
    """A zip of nothing but its directory.

    Args:
        states: how many entries its end says there are; None says so in the records of a large zip, and truly.
    """
    entry = b"PK\1\2" + struct.pack("<6H3I5H2I", 20, 20, *[0] * 7, len(name), *[0] * 6) + name
    directory = entry * count
    if states is None:
        large = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), 0)
        place = struct.pack("<IQI", 0, len(directory), 1)
        end = struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        return directory + b"PK\6\6" + large + b"PK\6\7" + place + b"PK\5\6" + end
    return directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, states, states, len(directory), 0, 0)


@pytest.mark.parametrize(
    ("count", "name", "states"),
    [(20_001, b"a", None), (200_000, b"a", None), (20_001, b"a", 1), (200_000, b"a", 1), (100, b"a" * 60_000, 100)],
)
def test_a_zip_of_many_entries_is_refused_before_any_is_made(
    count: int, name: bytes, states: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "many.zip"
    file.write_bytes(bare_entries(count, name, states))
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *_: pytest.fail("makes an object of an entry"))
    tracemalloc.start()
    try:
        with pytest.raises(PlaygroundError, match="holds more than 20,000 files"):
            collect_photos([file], tmp_path)
        assert tracemalloc.get_traced_memory()[1] < uploads.MAX_DIRECTORY_BYTES
    finally:
        tracemalloc.stop()


def test_a_zip_of_as_many_entries_as_may_be_is_read(tmp_path: Path) -> None:
    file = tmp_path / "many.zip"
    for states in (None, 20_000):
        file.write_bytes(bare_entries(20_000, b"photographs of a long walk/IMG_0001.txt", states))
        with pytest.raises(PlaygroundError, match="no photograph among these"):
            collect_photos([file], tmp_path)


def test_files_without_a_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(PlaygroundError, match="no photograph among"):
        collect_photos([tmp_path / "notes.txt"], tmp_path)


def test_everybodys_photographs_share_one_room_which_comes_free_with_their_folders(tmp_path: Path) -> None:
    """Ten people with a zip each, none too large alone."""
    space, bomb = uploads.PhotoSpace(5), tmp_path / "many.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(60):
            archive.writestr(f"{number}.png", bytes(50_000))
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    assert collect_photos([bomb], folders[0], space) == 60
    with pytest.raises(PlaygroundError, match="no room for more photographs"):
        collect_photos([bomb], folders[1], space)
    assert sum(path.stat().st_size for folder in folders for path in folder.iterdir()) <= 5 * 2**20
    for folder in folders:
        shutil.rmtree(folder)
    folders[1].mkdir()
    assert collect_photos([bomb], folders[1], space) == 60


def test_a_full_disk_is_left_some_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=uploads.SPARE_MB * 2**20))
    with pytest.raises(PlaygroundError, match="no room for more photographs"):
        collect_photos([png(tmp_path / "one.png")], tmp_path, uploads.PhotoSpace(1000))


def test_a_zip_of_bombs_is_read_one_at_a_time_and_leaves_the_others_their_room(tmp_path: Path) -> None:
    """Entries of 48 megapixels each in 6 kB."""
    from playground.images import load as loading

    packed = io.BytesIO()
    Image.new("1", (6900, 6900)).save(packed, "PNG")
    with zipfile.ZipFile(tmp_path / "bombs.zip", "w") as archive:
        for number in range(6):
            archive.writestr(f"{number}.png", packed.getvalue())
    photos = tmp_path / "photos"
    photos.mkdir()
    collect_photos([tmp_path / "bombs.zip"], photos)
    assert len(Photos(photos)) == 6
    assert loading.DECODING.taken_megabytes == 0
