"""One photo and one painting on all tabs: a picture that is given in one of them stands in the others too.

Built by page.py, when every tab is laid out. The Studio's boxes are the ones that others follow, whatever fills them: a
file, a sample, a result, a link, a run that came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from playground.web.components.layout import LIGHT, Parts
from playground.web.components.messages import NOTHING, Updates
from playground.web.components.pictures import judged, sample_at

Box = tuple[Parts, str]
"""A picture box by its tab's parts and its name; "NAME-gallery" has its samples."""


def keep_same(kind: str, boxes: Sequence[Box]) -> None:
    """Keep boxes of a kind, "photos" or "styles", alike; the first is the Studio's."""
    found = [parts[name] for parts, name in boxes]
    galleries = [parts[f"{name}-gallery"] for parts, name in boxes]
    outputs = [*found, *galleries]
    for index, (box, (parts, name)) in enumerate(zip(found, boxes, strict=True)):
        follow = partial(alike, kind, found, galleries, index)
        if index == 0:
            box.change(follow, found, outputs, trigger_mode="multiple", **LIGHT)
        for given in parts[f"{name}-given"]:  # when a sample is in its box, or a file that was judged
            given.then(partial(follow, back=True), found, outputs, trigger_mode="multiple", **LIGHT)


def alike(
    kind: str, boxes: Sequence[Any], galleries: Sequence[Any], source: int, *paths: str | None, back: bool = False
) -> Updates:
    """What the other boxes show.

    Args:
        back: a file that is no picture gives way to the one before, which the other boxes still have; else it goes to none.
    """
    path = paths[source]
    if all(other == path for other in paths):
        return NOTHING
    if path and sample_at(kind, path) is None and judged("content", path):
        if not back:
            return NOTHING
        path = next(other for other in paths if other != path)
    updates: Updates = {box: path for box, other in zip(boxes, paths, strict=True) if other != path}
    chosen = sample_at(kind, path)
    return {**updates, **{gallery: gr.Gallery(selected_index=chosen) for gallery in galleries}}
