"""Uploaded photographs: numbered files in one folder, whatever a zip calls them or unpacks to."""

from __future__ import annotations

import zipfile
from pathlib import Path

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


def test_files_without_a_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(PlaygroundError, match="no photograph among"):
        collect_photos([tmp_path / "notes.txt"], tmp_path)
