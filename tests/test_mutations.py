"""Single lines of the package broken on purpose: the tests named beside each must notice.

Each is laid into a copy of the checkout, where the tests then run; a line that is not found once any more says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.serving import ROOT

SOURCES, RUN = "tests/engine/test_sources.py", "tests/engine/test_run.py"
# Of the files that take longest, the one test that is to notice.
HRNET, ADAM = f"{SOURCES}::test_hrnet_source_follows_its_source", f"{SOURCES}::test_tf_adam_tv_follows_its_source"
ROUNDS, CLIPPED = (f"{SOURCES}::test_vgg16_lbfgs_follows_its_source[{loudness}]" for loudness in (0.025, 160.0))
CUT_RUN, DECAY = f"{RUN}::test_a_cut_run_is_the_run_of_what_is_cut", f"{RUN}::test_decay_lowers_the_rate"
TRAININGS, CUT = "tests/feedforward/test_sources.py", "tests/images/test_convert.py"
LOSSES, EVIDENCE = "tests/engine/test_losses.py", "tests/networks/test_convention_evidence.py"

MUTATIONS: dict[str, tuple[str, str, str, str]] = {  # the file, what stands there, what stands there instead, the tests
    "nearest for bilinear": ("networks/hrnet.py", 'mode="bilinear", align_corners=False', 'mode="nearest"', HRNET),
    "a swapped concatenation": (
        "networks/hrnet.py", "[self.full3(full), _enlarge(half, 2)]", "[_enlarge(half, 2), self.full3(full)]", HRNET,
    ),
    "a miswired half branch": (
        "networks/hrnet.py", "[self.full_to_half3(full), self.half3(half)]",
        "[self.half3(half), self.half3(half)]", HRNET,
    ),
    "reflected borders": (
        "networks/hrnet.py", "stride=stride, padding=1)", 'stride=stride, padding=1, padding_mode="reflect")', HRNET,
    ),
    "reflected borders inside a block": (
        "networks/hrnet.py", "self.look = nn.Conv2d(outputs // 4, outputs // 4, 3, padding=1)",
        'self.look = nn.Conv2d(outputs // 4, outputs // 4, 3, padding=1, padding_mode="reflect")', HRNET,
    ),
    "reflected borders at the end": (
        "networks/hrnet.py", "nn.Conv2d(16, 3, 3, padding=1)", 'nn.Conv2d(16, 3, 3, padding=1, padding_mode="reflect")', HRNET,
    ),
    "the generator's photo is not normalised": (
        "networks/hrnet.py", "pad_to_multiple(convention.to(content))", "pad_to_multiple(content)", HRNET,
    ),
    "a photo padded with its edge": (
        "networks/hrnet.py", 'width % multiple, 0, -height % multiple), mode="reflect"',
        'width % multiple, 0, -height % multiple), mode="replicate"', HRNET,
    ),
    "zeros beyond a trained network's edge": (
        "networks/transformer.py", '[self.pad] * 4, mode="reflect"', "[self.pad] * 4", TRAININGS,
    ),
    "smooth enlarging": ("networks/transformer.py", 'mode="nearest"', 'mode="bilinear"', TRAININGS),
    "a ReLU after the sum": (
        "networks/transformer.py", "return x + self.second(self.first(x))", "return F.relu(x + self.second(self.first(x)))",
        TRAININGS,
    ),
    "a ReLU after the second convolution": (
        "networks/transformer.py", "Layer(channels, channels, 3, relu=False)", "Layer(channels, channels, 3)", TRAININGS,
    ),
    "a last norm": ("networks/transformer.py", "norm=False, relu=False)", "relu=False)", TRAININGS),
    "torch's Adam for TensorFlow's": (
        "engine/optimisers.py", 'recipe.adam_form == "tensorflow"', 'recipe.adam_form == "no such form"', ADAM,
    ),
    "cut from the corner": ("images/convert.py", "(width - kept_width) // 2, (height - kept_height) // 2", "0, 0", CUT),
    "the painting is not cut": (
        "recipe/model.py", 'return self.crop if self.style_size == "content" else "none"', 'return "none"', CUT_RUN,
    ),
    "clipped at 120": ("engine/canvas.py", "torch.full_like(self.scale, 127.0)", "torch.full_like(self.scale, 120.0)", CLIPPED),
    "not clipped": (
        "engine/canvas.py", "torch.clamp(self.parameters[0], self.space.low, self.space.high, out=self.parameters[0].data)",
        "pass", CLIPPED,
    ),
    "no restart a round": ("engine/lbfgs.py", "return recipe.lbfgs_restart", "return False", ROUNDS),
    "the style's size ignored": (
        "feedforward/learner.py", "style_long_side(recipe, self.style.size, recipe.image_size)", "recipe.image_size", TRAININGS,
    ),
    "training's pool ignored": (
        "feedforward/learner.py", "configured(recipe.pool, ", 'configured("max", ', TRAININGS,
    ),
    "Gatys' quarter": ("engine/losses.py", "_mean_difference(ours, target) / 4", "_mean_difference(ours, target) / 2", LOSSES),
    "no decay": ("engine/schedule.py", "recipe.decay_factor**decays", "recipe.decay_factor**0", DECAY),
    "blue taken for red": ("networks/convention_evidence.py", "if last > CLEARLY * first", "if first > CLEARLY * last", EVIDENCE),
    "a witness alone is believed": (
        "networks/convention_evidence.py", "told.pop() if len(told) == 1", "told.pop() if told", EVIDENCE,
    ),
    "grey's share on torch's scale": (
        "networks/convention_evidence.py", 'photographs(SIDE, "caffe"', 'photographs(SIDE, "torch"', EVIDENCE,
    ),
    "half the variation": ("engine/pointwise.py", "(loss.each(across).mean() + ", "(", LOSSES),
}  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all of them, so that Python reads each of its files for the first time once."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("playground", "presets", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def survives(folder: Path, *tests: str) -> bool:
    options = ("-q", "-x", "-p", "no:cacheprovider", "-m", "not slow and not cuda")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.slow
def test_unbroken_they_pass(checkout: Path) -> None:
    assert survives(checkout, *sorted({mutation[-1] for mutation in MUTATIONS.values()}))


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_it_is_noticed(checkout: Path, name: str) -> None:
    file, before, after, tests = MUTATIONS[name]
    path = checkout / "playground" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{name} is to be written anew: {before}"
    try:
        path.write_text(text.replace(before, after), encoding="utf-8")
        assert not survives(checkout, tests)
    finally:
        path.write_text(text, encoding="utf-8")
