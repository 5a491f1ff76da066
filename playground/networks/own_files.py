"""A server's own network files, by names that say nothing of where they lie: recipes are read by strangers.

Named by service/downloads.py and found by catalogue.py. Opens no file.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

_by_name: dict[str, Path] = {}


def name_files(files: Iterable[str | Path], taken: Container[str]) -> tuple[str, ...]:
    """Names under which this process finds files from now on.

    It is the file's name, with as many folders before it as tell it from the others.

    Args:
        taken: names that mean another network.
    """
    paths = [Path(file).expanduser().absolute() for file in files]
    named = {}
    for path in dict.fromkeys(paths):
        tails = ["/".join(path.parts[-count:]) for count in range(1, len(path.parts))]
        others = [other.as_posix() for other in {*paths} - {path}]
        alone = (
            tail for tail in tails if tail not in taken and not any(other.endswith(f"/{tail}") for other in others)
        )
        named[next(alone, str(path))] = path
    _by_name.update(named)
    return tuple(named)


def own_file(name: str) -> Path | None:
    """The file that goes by a name; None for any other name."""
    return _by_name.get(name)
