"""The contact sheet: photo, painting, `default` after a minute and single-scale L-BFGS after three, pair by pair."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks.painting import judge, paint, single_scale
from benchmarks.pictures import PAIRS, photograph, style_picture
from playground import load_preset

MARGIN, CAPTION = 8, 38  # pixels


def contact_sheet(
    pairs: list[tuple[str, str]], size: int, seconds: float, reference_seconds: float, folder: Path | None
) -> Image.Image:
    """Paint all pairs with both methods and lay them out, a row a pair.

    Args:
        pairs: names of photographs and style pictures, or paths.
        folder: where every painted picture is kept at its full size; None for nowhere.
    """
    recipes = {
        "default": (load_preset("default"), seconds),
        "single-scale L-BFGS": (single_scale(), reference_seconds),
    }
    rows = []
    for number, (photo_name, style_name) in enumerate(pairs, 1):
        photo, painting = photograph(photo_name), style_picture(style_name)
        row = [(photo, Path(photo_name).stem), (painting, Path(style_name).stem)]
        for method, (recipe, budget) in recipes.items():
            print(f"{number} of {len(pairs)}: {method} on {photo_name} and {style_name}", file=sys.stderr, flush=True)
            result, _ = paint(photo, painting, recipe.changed({"size": size}), budget, [])
            scores = judge(photo, painting, result.picture, size)
            style, content = (sum(scores[term]) / len(scores[term]) for term in ("style", "content"))
            row.append((result.picture, f"{method}, {result.seconds:.0f} s\nstyle {style:.2f}, content {content:.2f}"))
            if folder:
                result.picture.save(folder / f"{number}-{method.split()[0]}.png")
        rows.append(row)
    return lay_out(rows, size)


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


def default_pairs(count: int) -> list[tuple[str, str]]:
    return list(PAIRS[:count])
