"""Films are read as what their first bytes promise, lead nowhere, and cost no more than is granted."""

from __future__ import annotations

import socket
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from playground.feedforward import video
from playground.feedforward.video import check_film
from playground.images import film as reading
from playground.images.film import copy_sound, film_frames, open_film
from playground.images.load import PictureError
from tests.helpers.films import ffmpeg, first_picture, make_film


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody else's film on the same machine."""
    return make_film(tmp_path_factory.mktemp("somebody-else") / "secret.mp4", sound=True)


# ---- what leads to other files --------------------------------------------------------------------------------------

DASH = (
    '<!--ftypjp2 --><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period duration="PT1S"><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1000" width="64" height="48"><BaseURL>{}</BaseURL>'
    '<SegmentBase indexRange="0-10"/></Representation></AdaptationSet></Period></MPD>'
)
HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile '{}'\n"
RTP = "v=0\nftyp=x\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 26\n# {}\n"
IMF = '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">{}</CompositionPlaylist>'


@pytest.mark.parametrize("name", ["holiday.mp4", "holiday.mov", "holiday.mkv", "holiday.avi"])
@pytest.mark.parametrize("reference", ["{}", "file:{}", "file://{}", "concat:{}", "subfile,,start,0,end,0,,:{}"])
@pytest.mark.parametrize("text", [DASH, HLS, CONCAT, RTP, IMF], ids=["dash", "hls", "concat", "rtp", "imf"])
def test_a_list_of_other_files_is_no_film(text: str, reference: str, name: str, secret: Path, tmp_path: Path) -> None:
    source = tmp_path / name
    source.write_text(text.format(reference.format(secret)))
    for reader in (check_film, open_film):
        with pytest.raises(PictureError, match="holiday") as refusal:
            reader(source)
        assert str(secret.parent) not in str(refusal.value)
        assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize("demuxer", ["mov", "matroska", "avi"])
def test_a_list_that_passes_for_a_film_is_still_not_followed(
    demuxer: str, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the first bytes can be made to say, the process may open nothing."""
    source = tmp_path / "holiday.mp4"
    source.write_text(DASH.format(secret))
    monkeypatch.setattr(reading, "_demuxer", lambda path: demuxer)
    with pytest.raises(PictureError):
        open_film(source)


def test_even_the_demuxer_of_playlists_can_open_nothing(
    secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocols alone hold as well, were a demuxer that follows references ever let in."""
    source = tmp_path / "holiday.mp4"
    source.write_text(DASH.format(secret))
    assert b"rawvideo" in ffmpeg(
        "-f", "dash", "-i", str(source), "-frames:v", "1", "-c:v", "rawvideo", "-f", "framecrc", "-"
    )
    monkeypatch.setattr(reading, "_demuxer", lambda path: "dash")
    with pytest.raises(PictureError):
        open_film(source)


def test_an_mp4_whose_pictures_lie_in_another_file_shows_none_of_them(secret: Path, tmp_path: Path) -> None:
    """A data reference (dref) that names a path: its sample tables would be read out of that file."""
    data = secret.read_bytes()
    own, name = b"\0\0\0\x0curl \0\0\0\x01", str(secret).encode() + b"\0"
    assert own in data
    start = data.index(b"mdat") + 4
    moved = data[:start] + bytes(len(data) - start) if start > data.index(b"moov") else bytearray(data)
    if isinstance(moved, bytearray):  # the pictures come first: black them out, and keep the tables behind them
        end = start - 8 + int.from_bytes(data[start - 8 : start - 4], "big")
        moved[start:end] = bytes(end - start)
    reference = (12 + len(name)).to_bytes(4, "big") + b"url \0\0\0\0" + name
    source = tmp_path / "holiday.mp4"
    source.write_bytes(_longer(bytes(moved), own, reference))
    with pytest.raises(PictureError):
        list(film_frames(open_film(source)))


def _longer(data: bytes, old: bytes, new: bytes) -> bytes:
    """An MP4 with a box inside exchanged for a longer one: the sizes of all boxes around it grow."""
    at = data.index(old)
    out = bytearray(data[:at] + new + data[at + len(old) :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        place = data.rindex(kind, 0, at) - 4
        size = int.from_bytes(data[place : place + 4], "big") + len(new) - len(old)
        out[place : place + 4] = size.to_bytes(4, "big")
    return bytes(out)


@pytest.mark.parametrize("name", ["concat:secret.mp4", "%03d.mp4", "file:secret.mp4", "-i.mp4", "pipe:0.mp4"])
def test_a_films_name_leads_nowhere(name: str, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.mp4").write_bytes(secret.read_bytes())
    (tmp_path / "001.mp4").write_bytes(secret.read_bytes())
    with pytest.raises(PictureError, match="cannot be opened"):
        open_film(Path(name))
    (tmp_path / name).write_bytes(make_film(tmp_path / "own.mp4", "color=red:s=32x32:r=5:d=1").read_bytes())
    assert open_film(Path(name)).size == (32, 32)


def test_a_codec_that_is_not_on_the_list_does_not_run(tmp_path: Path) -> None:
    source = make_film(tmp_path / "film.avi", "testsrc=s=64x48:r=10:d=1", "-c:v", "zmbv")
    assert ffmpeg("-i", str(source), "-f", "framecrc", "-")
    with pytest.raises(PictureError, match="of a kind that is not read"):
        open_film(source)


def test_no_network_is_touched(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.5)
        source = tmp_path / "holiday.mp4"
        source.write_text(DASH.format(f"http://127.0.0.1:{listener.getsockname()[1]}/film.mp4"))
        with pytest.raises(PictureError):
            open_film(source)
        with pytest.raises(TimeoutError):
            listener.accept()


# ---- what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_process_is_limited_holds_the_film_alone_and_ends_with_its_reader(secret: Path) -> None:
    frames = film_frames(open_film(make_film(secret.with_name("long.mp4"), "testsrc=s=640x480:r=25:d=8")))
    others = psutil.Process().children(recursive=True)  # what earlier tests keep, such as a tracker of shared memory
    next(frames)
    (child,) = [process for process in psutil.Process().children(recursive=True) if process not in others]
    limits = {
        line[:25].strip(): line[25:].split()[0] for line in Path(f"/proc/{child.pid}/limits").read_text().splitlines()
    }
    assert int(limits["Max address space"]) < 2 * 2**30
    assert int(limits["Max cpu time"]) < 500
    assert limits["Max file size"] == limits["Max core file size"] == "0"
    files = {file.path for file in child.open_files()}
    assert {path for path in files if not path.startswith("/dev/")} == {str(secret.with_name("long.mp4"))}
    assert isinstance(frames, Generator)
    frames.close()
    assert not child.is_running()


def test_a_process_that_takes_more_memory_than_is_granted_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_film(
        tmp_path / "film.mp4", "testsrc2=s=2048x1536:r=10:d=1", "-preset", "ultrafast", "-pix_fmt", "yuv420p"
    )
    film = open_film(source)
    assert len(list(film_frames(film))) == 10
    monkeypatch.setattr(reading, "_LIMITED", reading._LIMITED.replace('-v "$3"', "-v 150000"))
    with pytest.raises(PictureError, match="cannot be decoded"):
        list(film_frames(film))


def test_a_process_that_stalls_is_ended(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = open_film(secret)
    monkeypatch.setattr(reading, "_LIMITED", "exec sleep 60")
    monkeypatch.setattr(reading, "STALL_SECONDS", 0.1)
    with pytest.raises(PictureError, match="cannot be decoded"):
        list(film_frames(film))


@pytest.mark.parametrize("said", [None, (64, 48)], ids=["said", "lied-about"])
def test_frames_of_too_many_pixels_are_refused(said: tuple[int, int] | None, tmp_path: Path) -> None:
    source = make_film(
        tmp_path / "film.mp4", "color=red:s=4096x4096:r=1:d=1", "-preset", "ultrafast", "-pix_fmt", "yuv420p"
    )
    if said:
        data = bytearray(source.read_bytes())
        entry = data.index(b"avc1", data.index(b"stsd")) + 28
        assert data[entry : entry + 4] == (4096).to_bytes(2, "big") * 2
        data[entry : entry + 4] = said[0].to_bytes(2, "big") + said[1].to_bytes(2, "big")
        source.write_bytes(bytes(data))
    with pytest.raises(PictureError, match=r"4096×4096|cannot be decoded"):
        open_film(source)


def test_a_film_too_long_for_the_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = make_film(tmp_path / "slow.mkv", "color=red:s=16x16:r=1:d=2", "-vf", "setpts=PTS*20000", "-fps_mode", "vfr")
    with pytest.raises(PictureError, match=r"frames in 20,001 seconds: at most 9,000 in 600 are painted"):
        check_film(slow)
    quick = make_film(
        tmp_path / "quick.mp4", "color=red:s=16x16:r=50:d=2", "-preset", "ultrafast", "-pix_fmt", "yuv420p"
    )
    check_film(quick)
    monkeypatch.setattr(video, "FILM_FRAMES", 99)  # so many of them take seconds to be counted
    with pytest.raises(PictureError, match="100 frames in 2 seconds: at most 99 in 600"):
        check_film(quick)


@pytest.mark.parametrize("name", ["film.mp4", "film.avi"])
def test_many_streams_are_refused(name: str, tmp_path: Path) -> None:
    """A Matroska's are cut off instead: its demuxer looks at the first sixteen alone."""
    source = tmp_path / name
    for streams in (16, 17):
        ffmpeg(
            "-f", "lavfi", "-i", "color=red:s=16x16:r=1:d=1", *["-map", "0:v"] * streams, "-c:v", "mjpeg", str(source)
        )
        if streams == 16:
            assert open_film(source).frames == 1
    with pytest.raises(PictureError):
        open_film(source)


# ---- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("film.mp4", ("-pix_fmt", "yuv420p", "-c:a", "aac")),
        ("film.mov", ("-c:v", "prores_ks", "-c:a", "pcm_s16be")),
        ("film.mkv", ("-c:v", "ffv1", "-c:a", "flac")),
        ("film.webm", ("-c:v", "libvpx", "-c:a", "libvorbis")),
        ("film.avi", ("-c:v", "mjpeg", "-c:a", "libmp3lame")),
    ],
)
def test_every_container_is_read_with_its_sound(name: str, more: tuple[str, ...], tmp_path: Path) -> None:
    source = make_film(tmp_path / name, "testsrc=s=64x48:r=10:d=1", *more, sound=True)
    film = open_film(source)
    late = int(name == "film.avi")  # an AVI has no other way to let the sound begin first than a frame's rest
    assert (film.size, film.rate, film.frames) == ((64, 48), 10, 10 + late)
    frames = list(film_frames(film))
    assert len(frames) == film.frames
    assert np.abs(frames[0].astype(float) - first_picture(source)).mean() < 1
    copy_sound(film, alone := tmp_path / "sound.mka")
    played = [
        np.frombuffer(ffmpeg("-i", str(path), "-map", "0:a", "-f", "s16le", "-"), "<i2") for path in (source, alone)
    ]
    assert len(played[1]) == pytest.approx(44100, rel=0.1)
    assert played[1].astype(float).std() == pytest.approx(played[0].astype(float).std(), rel=0.05)


def test_a_film_of_uneven_pace_comes_evenly_and_at_its_own_length(tmp_path: Path) -> None:
    """As a browser records: a clock of 1000 ticks a second, and a frame now and then."""
    source = make_film(
        tmp_path / "film.webm", "testsrc=s=64x48:r=12:d=2", "-vf", "setpts='(PTS*1000*TB+7*mod(N,3))/1000/TB'",
        "-c:v", "libvpx", "-fps_mode", "vfr", "-enc_time_base", "1/1000",
    )  # fmt: skip
    film = open_film(source)
    assert 10 <= film.rate <= 14
    assert len(list(film_frames(film))) == pytest.approx(24, abs=2)
    assert film.seconds == pytest.approx(2, abs=0.2)


def test_a_film_that_stands_on_its_side_comes_upright(tmp_path: Path) -> None:
    flat = make_film(tmp_path / "flat.mp4")
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", str(flat), "-c", "copy", str(turned))
    assert open_film(turned).size == (48, 64)
    assert next(film_frames(open_film(turned))).shape == (64, 48, 3)


def test_a_film_cut_short_gives_what_it_has_or_a_sentence(tmp_path: Path) -> None:
    source = make_film(tmp_path / "film.mkv", sound=True)
    whole, came = source.read_bytes(), []
    for share in (0.02, 0.3, 0.6, 0.9):
        source.write_bytes(whole[: int(len(whole) * share)])
        with suppress(PictureError):
            came.append(len(list(film_frames(open_film(source)))))
    assert came
    assert came == sorted(came)
    assert 1 <= came[-1] <= 10
