"""Contact sheets, pair by pair: content image, style image, and what each method made of them. Called by __main__.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from PIL import Image, ImageDraw, ImageFont

from benchmarks.painting import judge, paint, single_scale, stranger
from benchmarks.pictures import photograph, style_picture
from playground import load_preset
from playground.measure.distances import photorealism
from playground.measure.judge import judged
from playground.recipe.model import Recipe

MARGIN, CAPTION = 8, 54  # pixels


Methods = dict[str, tuple[Recipe, float]]
"""Recipe and seconds at most of each method, by name."""


def brush_methods(size: int, seconds: float, reference_seconds: float) -> Methods:
    """`default` beside single-scale L-BFGS."""
    return {
        "default": (load_preset("default").changed({"size": size}), seconds),
        "single-scale L-BFGS": (single_scale().changed({"size": size}), reference_seconds),
    }


def photorealistic_methods(size: int, seconds: float) -> Methods:
    """The photorealistic network alone."""
    return {"hrnet-photorealistic": (load_preset("hrnet-photorealistic").changed({"size": size}), seconds)}


def contact_sheet(pairs: Sequence[tuple[str, str]], methods: Methods, tile: int, folder: Path | None) -> Image.Image:
    """Paint all pairs with all methods and lay them out, a row a pair.

    Args:
        pairs: names of photographs and style pictures, or paths.
        tile: side in pixels of the square that each picture is fitted into.
        folder: where every painted picture is kept at its full size; None for nowhere.
    """
    rows = []
    for number, (content_name, style_name) in enumerate(pairs, 1):
        content, style = photograph(content_name), style_picture(style_name)
        row = [(content, Path(content_name).stem), (style, Path(style_name).stem)]
        for method, (recipe, budget) in methods.items():
            print(f"{number} of {len(pairs)}: {method} on {content_name} and {style_name}", file=sys.stderr, flush=True)
            result, _ = paint(content, style, recipe, budget, [])
            words = _in_words(content, style, result.picture, recipe)
            row.append((result.picture, f"{method}, {result.seconds:.0f} s\n{words}"))
            if folder:
                result.picture.save(folder / f"{number}-{method.split()[0]}.png")
        rows.append(row)
    return lay_out(rows, tile)


def _in_words(content: Image.Image, style: Image.Image, picture: Image.Image, recipe: Recipe) -> str:
    """What the method is after, measured: the content image's drawing for the photorealistic network, else both distances."""
    if recipe.canvas == "hrnet":
        kept = photorealism(content, picture)
        return f"structure {kept['structure']:.2f}, edges {kept['edges']:.2f}"
    scores = judge(content, style, picture, recipe.size)
    found = {name: fmean(values) for name, values in scores.items()}
    other = fmean(judge(content, style, picture, recipe.size, stranger())["style"])
    words = f"style {found['style']:.2f} (random VGG {other:.3f}), content {found['content']:.2f}"
    asked = judged(content, style, picture)
    return f"{words}\njudge: style {asked['gain']:.2f}, photo {asked['kept']:.2f}" if asked else words


def lay_out(rows: list[list[tuple[Image.Image, str]]], size: int) -> Image.Image:
    """Rows of pictures with a caption under each, every picture fitted into a square of `size`."""
    tall, wide = size + CAPTION + MARGIN, size + MARGIN
    sheet = Image.new("RGB", (len(rows[0]) * wide + MARGIN, len(rows) * tall + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for down, row in enumerate(rows):
        for across, (picture, caption) in enumerate(row):
            scale = size / max(picture.size)
            shown = picture.resize(
                (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
            )
            x, y = MARGIN + across * wide, MARGIN + down * tall
            sheet.paste(shown, (x + (size - shown.width) // 2, y + (size - shown.height) // 2))
            draw.text((x, y + size + 3), caption, fill="#333", font=font)
    return sheet
