"""What decoding costs: strips, scaling at once, and so many pictures at a time as there is room for."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from playground.images import clean as cleaning
from playground.images import load as loading
from playground.images.clean import decoding_megabytes, kept_megabytes
from playground.images.load import PictureError, load_picture, room_for
from playground.system.memory_room import Room
from tests.helpers.images import encoded
from tests.helpers.waiting import until


def colourful(width: int, height: int) -> Image.Image:
    """Smooth colours with a little noise, for which no two rows are alike."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    noise = np.random.default_rng(0).integers(0, 20, (height, width, 3))
    planes = np.stack([200 * x, 200 * y, 100 * x + 100 * (1 - y)], 2)
    return Image.fromarray((planes + noise).astype(np.uint8))


def every_mode() -> dict[str, bytes]:
    """A picture of 61×47 in whatever way a file may hold it."""
    picture = colourful(61, 47)
    grey = np.asarray(picture.convert("L"))
    alpha = Image.fromarray((grey // 2 + 100).astype(np.uint8))
    clear = picture.copy()
    clear.putalpha(alpha)
    hazy = picture.convert("L").convert("LA")
    hazy.putalpha(alpha)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "rgb": encoded(picture, "PNG"),
        "rgba": encoded(clear, "PNG"),
        "la": encoded(hazy, "PNG"),
        "palette": encoded(picture.convert("P"), "PNG"),
        "palette with a clear colour": encoded(picture.convert("P"), "PNG", transparency=3),
        "grey with a clear level": encoded(picture.convert("L"), "PNG", transparency=100),
        "two levels": encoded(picture.convert("1"), "PNG"),
        "16 bits": encoded(Image.fromarray(grey.astype(np.uint16) * 200), "PNG"),
        "32 bits, stretched": encoded(Image.fromarray(grey.astype(np.int32) * 9000 - 40_000), "TIFF"),
        "floats, stretched": encoded(Image.fromarray(grey.astype(np.float32) / 100), "TIFF"),
        "cmyk": encoded(picture.convert("CMYK"), "JPEG"),
        "jpeg": encoded(picture, "JPEG"),
        "webp": encoded(clear, "WEBP"),
        "gif": encoded(picture, "GIF"),
        "on its side": encoded(picture, "JPEG", exif=turned),
        "with a profile of another kind": encoded(picture, "PNG", icc_profile=profile),
    }


FILES = every_mode()


@pytest.mark.parametrize("name", FILES)
def test_strips_change_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_picture(FILES[name])
    assert whole.size == ((47, 61) if name == "on its side" else (61, 47))
    monkeypatch.setattr(cleaning, "_STRIP", 5 * 61)
    assert load_picture(FILES[name]).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", FILES)
def test_a_picture_scaled_in_strips_is_the_whole_one_scaled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_picture(FILES[name])
    size = (34, 26) if whole.width > whole.height else (26, 34)
    expected = np.asarray(whole.resize(size, Image.Resampling.LANCZOS)).astype(float)
    monkeypatch.setattr(cleaning, "_STRIP", 9 * 61)
    scaled = load_picture(FILES[name], most=900)
    assert scaled.size == size
    assert np.abs(np.asarray(scaled).astype(float) - expected).max() <= 2  # rounding, once a pass


def test_a_picture_within_the_bound_is_left_as_it_is() -> None:
    assert load_picture(FILES["rgb"], most=61 * 47).tobytes() == load_picture(FILES["rgb"]).tobytes()


def test_a_jpeg_is_scaled_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = colourful(640, 480)
    data, seen = encoded(picture, "JPEG", quality=95), list[tuple[int, int]]()
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda self: (seen.append(self.size), load(self))[1])
    scaled = load_picture(data, most=70_000)
    assert scaled.size == (305, 229)
    assert (320, 240) in seen
    assert (640, 480) not in seen
    expected = np.asarray(picture.resize((305, 229), Image.Resampling.LANCZOS)).astype(float)
    assert np.abs(np.asarray(scaled).astype(float) - expected).mean() < 4


# ---- one budget -----------------------------------------------------------------------------------------------------

PEAK = """
import os, re, sys
from pathlib import Path
from PIL import Image
from playground.images.clean import decoding_megabytes, kept_megabytes
from playground.images.load import load_picture

def megabytes(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def measure(name, most):
    with Image.open(name) as picture:
        expected = decoding_megabytes(picture, most)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = megabytes("VmRSS")
    load_picture(name, most=most)
    print(expected, megabytes("VmHWM") - before, flush=True)

load_picture(sys.argv[1])  # for what is loaded once
for name in sys.argv[2:]:
    for most in (None, 5_000_000):
        child = os.fork()  # for each a heap that holds nothing of the last one's
        if child == 0:
            measure(name, most)
            os._exit(0)
        os.waitpid(child, 0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads a process's own peak from /proc")
def test_a_picture_takes_what_it_is_expected_to(tmp_path: Path) -> None:
    """In processes of their own, so that nothing else is counted: never more than room was kept for, and not room for nothing."""
    picture = Image.new("RGB", (3600, 2800), "teal")
    files = {
        "small.png": encoded(picture.resize((64, 48)), "PNG"),
        "alpha.png": encoded(Image.new("RGBA", picture.size, (0, 90, 90, 120)), "PNG", compress_level=1),
        "palette.png": encoded(picture.convert("P"), "PNG", compress_level=1),
        "deep.png": encoded(Image.new("I;16", picture.size, 999), "PNG", compress_level=1),
        "progressive.jpg": encoded(picture, "JPEG", progressive=True, subsampling=0),
        "picture.webp": encoded(picture, "WEBP", method=0),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", PEAK, *(str(tmp_path / name) for name in files)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=200).stdout.splitlines()
    found = [tuple(map(float, line.split())) for line in said]
    assert len(found) == 2 * (len(files) - 1)
    for expected, peak in found:
        assert expected * 0.25 < peak < expected * 1.15 + 15  # how far below depends on the allocator and the libraries


def test_pictures_are_decoded_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(colourful(640, 480), "PNG")
    with Image.open(io.BytesIO(data)) as picture:
        each = decoding_megabytes(picture, None)
    monkeypatch.setattr(loading, "DECODING", Room(2.5 * each))
    inside, most_inside, gate, lock = 0, 0, threading.Event(), threading.Lock()
    clean = loading.clean

    def watched(*arguments: object) -> Image.Image:
        nonlocal inside, most_inside
        with lock:
            inside += 1
            most_inside = max(most_inside, inside)
        gate.wait(20)
        try:
            return clean(*arguments)  # type: ignore[arg-type]
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(loading, "clean", watched)
    with ThreadPoolExecutor(6) as pool:
        loads = [pool.submit(load_picture, data) for _ in range(6)]
        until(lambda: inside == 2)
        gate.set()
        assert {load.result(20).size for load in loads} == {(640, 480)}
    assert most_inside == 2
    assert loading.DECODING.taken_megabytes == 0


def test_a_picture_larger_than_the_room_is_decoded_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "DECODING", Room(0.001))
    assert load_picture(FILES["rgb"]).size == (61, 47)


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(0.1, seconds=0.05)
    monkeypatch.setattr(loading, "DECODING", room)
    with room.take(0.1), pytest.raises(PictureError, match=r"waits for others .*: try again in a minute\."):
        load_picture(FILES["rgb"])
    assert load_picture(FILES["rgb"]).size == (61, 47)


def test_a_picture_that_fails_gives_its_share_back() -> None:
    with pytest.raises(PictureError):
        load_picture(FILES["rgb"][:-200])
    assert loading.DECODING.taken_megabytes == 0


# ---- several pictures together --------------------------------------------------------------------------------------


def test_who_waits_for_room_holds_no_picture_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photo and painting are read in one turn: a first that is held while the second waits is counted by nobody."""
    picture = encoded(colourful(640, 480), "PNG")
    with Image.open(io.BytesIO(picture)) as opened:
        each, kept = decoding_megabytes(opened, None), kept_megabytes(opened, None)
    room, decoded = Room(1.05 * each / (7 / 8)), list[int]()
    monkeypatch.setattr(loading, "DECODING", room)
    clean = loading.clean
    monkeypatch.setattr(loading, "clean", lambda *given: (decoded.append(1), clean(*given))[1])

    def both() -> None:
        with room_for([picture, b"none", picture]):
            assert room.taken_megabytes == pytest.approx(each + kept)
            assert load_picture(picture).size == load_picture(picture).size == (640, 480)

    with room.take(each):
        reading = threading.Thread(target=both)
        reading.start()
        until(lambda: room.waiting == 1)
        assert not decoded
    reading.join(20)
    assert len(decoded) == 2
    assert room.taken_megabytes == 0
    with ThreadPoolExecutor(1) as pool, room.take(each):  # what is read afterwards takes its own part again
        late = pool.submit(load_picture, picture)
        until(lambda: room.waiting == 1)
    assert late.result(20).size == (640, 480)


def test_no_room_for_several_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(0.001, seconds=0.05)
    monkeypatch.setattr(loading, "DECODING", room)
    told = pytest.raises(PictureError, match=r"waits for others .*: try again in a minute\.")
    with room.take(100), told, room_for([FILES["rgb"]]):
        raise AssertionError


def test_only_a_picture_beyond_all_use_is_decoded_behind_others(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, clean = list[bool](), loading.clean

    def watched(picture: Image.Image, label: str, most: int | None) -> Image.Image:
        mine.append(threading.current_thread() is threading.main_thread())
        return clean(picture, label, most)

    monkeypatch.setattr(loading, "clean", watched)
    pictures = [load_picture(FILES["rgb"], most=most) for most in (None, 61 * 47, 1000)]
    assert mine == [True, True, False]
    assert [picture.width * picture.height <= 1000 for picture in pictures] == [False, False, True]
