"""CONTRIBUTING's example of a new loss: its lines stand where it says, and what they add is a loss that works."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch

from playground.engine import losses
from playground.engine.losses import Loss, style_loss
from playground.engine.statistics import style_statistic
from tests.helpers.cli import ROOT


def sections() -> Iterator[tuple[str, list[str]]]:
    """Each file of the example with its lines, marked by a blank, + or -."""
    (diff,) = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), flags=re.DOTALL)
    for part in diff.split("--- a/")[1:]:
        name, *lines = part.splitlines()
        yield name, lines


def test_its_lines_stand_where_it_says() -> None:
    for name, lines in sections():
        standing = (ROOT / name).read_text("utf-8").splitlines()
        for line in lines:
            assert line[0] in " +-"
            assert line[0] == "+" or line[1:] in standing, (name, line)


def test_what_it_adds_is_a_loss_that_grows_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    added = {name: "\n".join(line[1:] for line in lines if line[0] == "+") for name, lines in sections()}
    new = eval(f"{{{added['playground/engine/losses.py']}}}", {"Loss": Loss})
    ((name, loss),) = new.items()
    powers = eval(f"{{{added['playground/recipe/adapted_numbers.py']}}}")
    assert f'"{name}"' in added["playground/recipe/base.py"]
    monkeypatch.setitem(losses.STYLE_LOSSES, name, loss)
    chance = torch.Generator().manual_seed(0)
    ours, target = (torch.rand(1, 6, 8, 8, generator=chance, dtype=torch.float64) for _ in range(2))
    small, large = (
        style_loss(style_statistic(scale * ours), style_statistic(scale * target), name) for scale in (1.0, 3.0)
    )
    assert small > 0
    assert (large / small).item() == pytest.approx(9 ** powers[name])
    assert style_loss(style_statistic(ours), style_statistic(ours), name) == 0
