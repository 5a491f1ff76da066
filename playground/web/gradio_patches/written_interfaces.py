"""A server writes no interface files.

Whenever gradio 6.31 is imported it reads the source of each of its components, works out which methods its events add and
writes a `.pyi` beside it for editors: 1.6 of the 4.1 seconds of processor time that the import takes, every time. Called before
gradio is imported, by environment.py; must not import gradio itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

MODULE, WRITES = "gradio.component_meta", "create_or_modify_pyi"


class _WithoutWriting(MetaPathFinder):
    """Finds the one module that writes, and takes its writing from it once it is read."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == MODULE else None
        if spec is None or spec.loader is None:
            return None
        read = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            read(module)
            setattr(module, WRITES, lambda *_: None)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def leave_interfaces_unwritten() -> None:
    """Let an import of gradio that comes later write nothing."""
    if not any(isinstance(finder, _WithoutWriting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutWriting())
