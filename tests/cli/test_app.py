"""The command line as a whole: what the parser refuses, what help says, and how a process ends."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from playground.cli.app import main
from tests.helpers.cli import ROOT, process, refusal


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], "Missing command"),
        (["paint"], "No such command 'paint'"),
        (["--colour"], "No such option"),
        (["stylize"], "Missing argument 'CONTENT'"),
        (["stylize", "photo.png"], "Missing argument 'STYLE'"),
        (["stylize", "a.png", "b.png", "c.png"], "unexpected extra argument"),
        (["stylize", "a.png", "b.png", "--colour"], "No such option"),
        (["stylize", "a.png", "b.png", "--size"], "requires an argument"),
        (["stylize", "a.png", "b.png", "--size", "large"], "--size large is neither a number of pixels"),
        (["stylize", "a.png", "b.png", "--seed", "1.5"], "Invalid value for '--seed'"),
        (["stylize", "a.png", "b.png", "--seconds", "soon"], "Invalid value for '--seconds'"),
        (["stylize", "a.png", "b.png", "--json=yes"], "--json"),
        (["presets", "default"], "unexpected extra argument"),
        (["doctor", "--fix"], "No such option"),
        (["weights", "a", "b"], "unexpected extra argument"),
    ],
)
def test_the_parsers_complaints_are_one_line(args: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refusal(capsys, *args)


@pytest.mark.parametrize(
    "args", [["--help"], ["stylize", "--help"], ["presets", "-h"], ["weights", "-h"], ["doctor", "-h"]]
)
def test_help_is_no_error(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: python -m playground")
    assert err == ""


def test_the_page_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "python -m playground serve" in capsys.readouterr().out


def test_a_process_ends_with_the_status_and_one_line(pair: list[str]) -> None:
    run = process("stylize", *pair, "--set", "style_weight=NaN")
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (2, "")
    assert re.fullmatch(r"error: style_weight: [^\n]+\n", err)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with process("presets", "--json") as run:
        assert run.stdout is not None
        run.stdout.close()
        assert run.stderr is not None
        assert (run.wait(60), run.stderr.read()) == (0, "")


def test_presets_and_refused_settings_do_not_wait_for_torch(pair: list[str]) -> None:
    program = (
        "import sys; from playground.cli.app import main; "
        f"assert main(['presets']) == 0; assert main(['stylize', *{pair!r}, '--size', '1']) == 2; "
        "sys.exit('torch' in sys.modules or 'gradio' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
