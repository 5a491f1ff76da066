"""Files mutated from valid ones of every format: each is loaded, or refused in one sentence, and nothing else happens.

`pytest -m slow tests/fuzz` tries new ones. What fails goes into corpus/, under the name that its loader has in loaders.py with
something in front ("nested-model.safetensors"), and is tried each time from then on.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.errors import PlaygroundError
from tests.fuzz.loaders import LOADERS, spoilt, valid

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
FILMS = ("mp4", "mov", "mkv", "webm", "avi")


def tried(name: str, data: bytes, folder: Path) -> None:
    """Load it; a refusal is one sentence without this machine's paths."""
    path = folder / name
    path.write_bytes(data)
    try:
        LOADERS[name](path)
    except PlaygroundError as error:
        said = str(error)
        assert said.strip()
        assert "\n" not in said
        assert str(folder) not in said
        assert len(said) < 500


@pytest.mark.parametrize("name", [name for name in LOADERS if not name.startswith("weights")])
def test_the_valid_file_is_loaded(name: str, tmp_path: Path) -> None:
    """Else the mutations would only try the first check of all. (Whole weights would be 58 MB: only their readers are tried.)"""
    (tmp_path / name).write_bytes(valid(name, tmp_path))
    LOADERS[name](tmp_path / name)


@pytest.mark.parametrize("found", CORPUS, ids=lambda path: path.name)
def test_what_was_once_found(found: Path, tmp_path: Path) -> None:
    tried(found.name.split("-")[-1], found.read_bytes(), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LOADERS)
def test_a_spoilt_file_is_loaded_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    data = valid(name, tmp_path)

    @settings(
        max_examples=40 if name.endswith(FILMS) else 250, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def each(draw: st.DataObject) -> None:
        tried(name, draw.draw(spoilt(data)), tmp_path)

    each()
