"""`doctor` says what is here and mends nothing; whatever is broken, it answers."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from playground.cli.app import main
from playground.networks import arithmetic_choice, arithmetic_timing, catalogue
from playground.networks.arithmetic import available
from playground.networks.arithmetic_choice import choose
from tests.helpers.cli import process


@pytest.mark.usefixtures("hed")
def test_doctor_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["torch"] == {"version": torch.__version__.split("+")[0], "usable": True} | {
        "needed": found["packages"]["torch"]["needed"]
    }
    assert {"torchvision", "gradio", "pillow", "pydantic", "typer"} <= found["packages"].keys()
    assert "cpu" in found["devices"]
    assert found["threads"] == torch.get_num_threads()
    assert found["arithmetic"].items() >= {"chosen": "direct", "override": "direct", "note": None}.items()
    assert found["home"]["path"] == str(catalogue.home())
    assert found["home"]["writable"] is True
    assert found["home"]["free_mb"] > 0
    network = {one["name"]: one for one in found["weights"]}["vgg16-hed"]
    assert network["present"]
    assert network["path"] == str(catalogue.find("vgg16-hed"))
    assert network["sha256"] == "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
    assert all(problem.keys() == {"problem", "mend"} for problem in found["problems"])
    assert not any("vgg16-hed" in problem["problem"] for problem in found["problems"])


def test_doctor_measures_the_arithmetic_where_it_is_not_known(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "auto")
    monkeypatch.setattr(arithmetic_timing, "SIDE", 32)
    monkeypatch.setattr(arithmetic_timing, "ROUNDS", 1)
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["arithmetic"]
    assert found["seconds"].keys() == set(available())
    assert found["chosen"] in available()
    assert not found["certain"]  # after a single round
    arithmetic_choice.keep_measured(replace(arithmetic_choice.kept() or pytest.fail("nothing is kept"), agreed=True))
    assert main(["doctor"]) == 0
    written = capsys.readouterr().out
    assert f"arithmetic     {choose('auto').arithmetic} (measured: direct " in written
    assert "measured again" not in written
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "nonsense")
    assert main(["doctor"]) == 0
    assert "! PLAYGROUND_ARITHMETIC is 'nonsense'" in capsys.readouterr().out


def test_doctor_names_damage_and_the_command_that_mends_it(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "home"
    home.mkdir()
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    assert main(["doctor"]) == 0
    assert "! The network vgg16-hed is not on this machine\n  python -m playground weights vgg16-hed --fetch" in (
        capsys.readouterr().out
    )
    (home / "vgg19-dcbb9e9d.pth").write_bytes(b"half a download")
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (damaged,) = [problem for problem in found["problems"] if "vgg19" in problem["problem"]]
    assert "is damaged" in damaged["problem"]
    assert damaged["mend"] == "python -m playground weights vgg19-imagenet --fetch"
    assert not {one["name"]: one for one in found["weights"]}["vgg19-imagenet"]["present"]


def test_doctor_works_on_a_home_that_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "photo.png" / "home"))
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["home"]["writable"] is False
    assert any("PLAYGROUND_HOME" in problem["mend"] for problem in found["problems"])


def test_doctor_works_where_torch_and_gradio_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libtorch_cpu.so: cannot open shared object file')\n")
    (tmp_path / "gradio.py").write_text("raise ImportError('no gradio here')\n")
    for options in ([], ["--json"]):
        run = process("doctor", *options, env={"PYTHONPATH": str(tmp_path)})
        out, err = run.communicate(timeout=60)
        assert (run.returncode, err) == (0, "")
    found = json.loads(out)
    problems = {problem["problem"]: problem["mend"] for problem in found["problems"]}
    assert problems["torch cannot be used: libtorch_cpu.so: cannot open shared object file"] == (
        "python -m pip install -r requirements.txt"
    )
    assert "gradio cannot be used: no gradio here" in problems
    assert found["packages"]["torch"]["usable"] is False
    assert found["threads"] is None


def test_doctor_of_an_installed_package_reads_what_it_was_installed_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def requires(name: str) -> list[str]:
        asked.append(name)
        return ["numpy<3,>=1.26", "pillow>=99", 'pytest>=8; extra == "dev"', "mypy<3; extra == 'dev'"]

    monkeypatch.setattr("playground.cli.doctor.CHECKOUT", tmp_path)
    monkeypatch.setattr("importlib.metadata.requires", requires)
    (tmp_path / "requirements.txt").write_text("left-by-another-package\n")
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert asked == ["style-playground"]
    assert found["packages"].keys() == {"numpy", "pillow"}
    (old,) = [problem for problem in found["problems"] if "pillow" in problem["problem"]]
    assert old["mend"] == 'python -m pip install "pillow>=99"'
