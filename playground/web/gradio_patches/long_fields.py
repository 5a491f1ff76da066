"""An upload whose plain fields are long is refused.

Gradio 6.31 bounds the files of an upload but gathers its fields in memory, however long they are. Called once by whoever
makes gradio's app.
"""

from __future__ import annotations

from functools import cache

from gradio.route_utils import GradioMultiPartParser, MultiPartException

MAX_FIELD = 64_000  # bytes of what is no file in an upload


@cache
def bound_fields() -> None:
    """Make gradio refuse uploads with a field of more than `MAX_FIELD` bytes."""
    gather = GradioMultiPartParser.on_part_data

    def bounded(self: GradioMultiPartParser, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > MAX_FIELD:
            raise MultiPartException(f"A field may hold {MAX_FIELD // 1000} kB.")
        gather(self, data, start, end)

    GradioMultiPartParser.on_part_data = bounded  # type: ignore[method-assign]
