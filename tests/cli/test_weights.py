"""`weights`: what is here, how to get the rest, and what a file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.cli.app import main
from playground.networks import catalogue
from tests.helpers.cli import refusal


@pytest.mark.usefixtures("hed")
def test_weights_lists_what_is_here_and_how_to_get_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["weights"]) == 0
    here = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in here] == [*catalogue.NETWORKS, *catalogue.HELPERS]
    assert here[0].split(maxsplit=1)[1] == str(catalogue.find("vgg16-hed"))
    assert main(["weights", "vgg16-hed", "--fetch"]) == 0  # it is here, so nothing is downloaded
    assert str(catalogue.find("vgg16-hed")) in capsys.readouterr().out
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    assert main(["weights", "vgg16-hed"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "python -m playground weights vgg16-hed --fetch" in line


@pytest.mark.usefixtures("hed")
def test_weights_describes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = catalogue.find("vgg16-hed")
    assert main(["weights", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: vgg16, caffe convention, 59 MB\n"


def test_weights_refuses_what_it_does_not_know(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "neither a file nor one of" in refusal(capsys, "weights", "vgg99")
    assert "can be fetched" in refusal(capsys, "weights", "vgg99", "--fetch")
    assert "photo.png" in refusal(capsys, "weights", pair[0])
