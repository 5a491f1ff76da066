"""What `stylize` writes while it paints: frames, the curve, and what L-BFGS says of its rounds."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest

from playground.cli.app import main
from playground.engine.canvas import PixelCanvas
from playground.engine.losses import TERMS
from tests.helpers.cli import LIGHT, having, names, opened, paint, refusal
from tests.helpers.disk import taking_no_more

PLAIN = having("canvas=pixels", "clip=true", "scales=1")
pytestmark = pytest.mark.usefixtures("hed")


def test_a_picture_after_every_iteration(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "64", "--iterations", "5", *LIGHT, *having("init=noise", "preview_rate=0.1")]
    about = paint(capsys, *pair, *options, "--frames", str(folder / "frames"), "-o", str(folder / "a.png"))
    assert names(folder / "frames") == {f"step-{step:06d}.png" for step in range(1, 6)}
    pictures = [np.asarray(opened(folder / "frames" / f"step-{step:06d}.png")) for step in range(1, 6)]
    assert all(picture.shape == (48, 64, 3) for picture in pictures)
    assert all((a != b).any() for a, b in itertools.pairwise(pictures))
    # The picture after four iterations is the one that the fifth looked at, which is the best so far.
    assert about["curve"][-1]["total"] == min(point["total"] for point in about["curve"])
    assert (np.asarray(opened(folder / "a.png")) == pictures[3]).all()
    other = folder / "pictures" / "every-second"  # made, and what it lies in
    paint(capsys, *pair, *options, "--frames", str(other), "--frames-every", "2", "-o", str(folder / "b.png"))
    assert names(other) == {"step-000002.png", "step-000004.png"}
    assert (np.asarray(opened(other / "step-000004.png")) == pictures[3]).all()


def test_the_last_picture_beside_the_best(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "frames").mkdir()
    best, last = folder / "best.png", folder / "last.png"
    # So large a rate that the picture gets worse.
    options = ["--size", "64", "--iterations", "4", *LIGHT, *PLAIN, *having("optimizer=adam", "learning_rate=0.5")]
    about = paint(capsys, *pair, *options, "-o", str(best), "--last", str(last), "--frames", str(folder / "frames"))
    totals = [point["total"] for point in about["curve"]]
    assert min(totals) == about["losses"]["total"] < totals[-1]
    assert (np.asarray(opened(last)) == np.asarray(opened(folder / "frames" / "step-000004.png"))).all()
    assert (np.asarray(opened(last)) != np.asarray(opened(best))).any()


def test_the_curve_has_a_row_an_evaluation(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "64", "--iterations", "4", *LIGHT]
    options += having("style_weight=3", "style_layers.conv2_1=0.5", "content_weight=2", "variation_weight=4")
    curve = folder / "curve.csv"
    about = paint(capsys, *pair, *options, "--curve", str(curve))
    with curve.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["evaluations"] for row in rows] == ["1", "2", "3", "4"]
    for row, point in zip(rows, about["curve"], strict=True):
        assert {key: float(row[key]) for key in point} == pytest.approx(point)
        layers = [value for key, value in row.items() if key.startswith(("content:", "style:", "neighbours:"))]
        assert sum(map(float, [*layers, row["variation"]])) == pytest.approx(point["total"], rel=1e-5)
        assert float(row["style:conv2_1"]) == pytest.approx(1.5 * float(row["unweighted style:conv2_1"]))
        assert float(row["content:conv2_1"]) == pytest.approx(2 * float(row["unweighted content:conv2_1"]))
        assert float(row["variation"]) == pytest.approx(4 * float(row["unweighted variation"]))
        assert row["size"] == "64"
    pulls = [float(pull) for term in TERMS if (pull := rows[0].get(f"pull {term}"))]
    assert len(pulls) >= 3
    assert sum(pulls) == pytest.approx(1)


def test_what_l_bfgs_says_of_its_rounds(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "64", "--iterations", "3", *LIGHT]
    options += having("optimizer=lbfgs", "learning_rate=1", "lbfgs_evaluations=4", "init=noise")
    (folder / "frames").mkdir()
    about = paint(capsys, *pair, *options, *having("lbfgs_search=wolfe"), "--frames", str(folder / "frames"))
    assert [said["number"] for said in about["rounds"]] == [1, 2, 3]
    assert sum(said["evaluations"] for said in about["rounds"]) == about["evaluations"]
    assert all(said["evaluations"] >= 5 for said in about["rounds"])
    assert all(said["ended"] == "enough evaluations" and said["step"] > 0 for said in about["rounds"])
    assert names(folder / "frames") == {f"step-{step:06d}.png" for step in (1, 2, 3)}
    assert [said["step"] for said in paint(capsys, *pair, *options)["rounds"]] == [None] * 3
    assert paint(capsys, *pair, "--size", "64", "--iterations", "2", *LIGHT)["rounds"] == []


def test_what_is_written_so_far_remains(pair: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, clipped = PixelCanvas.clip, list[None]()

    def fail_at_the_third(canvas: PixelCanvas) -> None:
        clipped.append(None)
        if len(clipped) == 3:
            raise RuntimeError("the machine is on fire")
        clip(canvas)

    monkeypatch.setattr(PixelCanvas, "clip", fail_at_the_third)
    (folder / "frames").mkdir()
    recorded = ["--frames", str(folder / "frames"), "--curve", str(folder / "c.csv")]
    with pytest.raises(RuntimeError, match="on fire"):
        main(["stylize", *pair, "--size", "64", "--iterations", "5", *LIGHT, *PLAIN, "--device", "cpu", *recorded])
    assert names(folder / "frames") == {"step-000001.png", "step-000002.png"}
    assert len((folder / "c.csv").read_text("utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--frames", "photo.png"], "is a file, and the frames go into a folder"),
        (["--frames", "photo.png/frames"], "is a file, and the frames go into a folder"),
        (["--curve", "nowhere/c.csv"], "create it first"),
        (["--curve", "c.txt"], "must end in .csv"),
        (["--last", "nowhere/last.png"], "create it first"),
        (["--frames-every", "0"], "frames-every"),
    ],
)
def test_what_cannot_be_written_is_said_before_any_work(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    options: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    assert says in refusal(capsys, "stylize", *pair, *options)
    assert names(folder) == {"photo.png", "painting.png"}


def test_two_runs_are_not_mixed_in_one_folder(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = folder / "frames"
    frames.mkdir()
    (frames / "notes.txt").write_text("mine")  # of no account
    options = ["--size", "64", "--iterations", "2", *LIGHT, "--frames", str(frames)]
    paint(capsys, *pair, *options, "-o", str(folder / "a.png"))
    before = names(folder), names(frames)
    said = refusal(capsys, "stylize", *pair, *options, "-o", str(folder / "b.png"))
    assert said == (
        f"the folder {str(frames)!r} has another run's pictures (step-000001.png), which these would mix with: "
        "choose another one, or empty it"
    )
    assert (names(folder), names(frames)) == before


@pytest.mark.parametrize("first", [1, 2, 4])
def test_a_disk_that_fills_up_ends_the_recording_and_not_the_picture(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], first: int
) -> None:
    (folder / "recorded").mkdir()
    options = ["--size", "64", "--iterations", "4", *LIGHT, "--frames", str(folder / "recorded")]
    options += ["--curve", str(folder / "recorded" / "curve.csv"), "-o", str(folder / "a.png")]
    with taking_no_more(folder / "recorded", first):
        status = main(["stylize", *pair, *options])
    said = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert said.startswith("error: the recording ends at evaluation ")
    assert "No space left on device" in said
    assert opened(folder / "a.png").size == (64, 48)
    assert not [name for name in names(folder / "recorded") if name.startswith(".")]
    for name in names(folder / "recorded") - {"curve.csv"}:
        assert opened(folder / "recorded" / name).size == (64, 48)
