"""Reads the package's dependencies from requirements.txt, and the extra `dev` from requirements-dev.txt.

Called by hatchling when a wheel or an sdist is built, so that dependencies are said once: a Space and the README's first
command read requirements.txt as it stands. Must import nothing of the playground, which is not installed yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Requirements(MetadataHookInterface):
    """Fills in `dependencies` and `optional-dependencies`; the extras in pyproject.toml are kept as they stand."""

    def update(self, metadata: dict[str, Any]) -> None:
        extras = {name: needed for name, needed in self.config.items() if isinstance(needed, list)}
        metadata["dependencies"] = self._read("requirements.txt")
        metadata["optional-dependencies"] = {**extras, "dev": self._read("requirements-dev.txt")}

    def _read(self, name: str) -> list[str]:
        """The requirements of a file, without comments and without `-r`."""
        lines = (line.partition("#")[0].strip() for line in Path(self.root, name).read_text("utf-8").splitlines())
        return [line for line in lines if line and not line.startswith("-")]
