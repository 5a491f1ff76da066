"""An experiment as one picture: cells in a grid with their labels, both originals above them; of several photos each before
its own cells.

Called by the command line and the page. Knows no run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from playground.experiments.experiment import Experiment

MARGIN = 14
CELL = 224  # pixels, the long side of a cell's picture
SMALL = 120  # of the originals
LINE = 20
TITLE = 26
ACROSS = 4  # pictures in a row at the least, where several photos have few cells each
COLUMNS = (1, 2, 3, 4, 5, 3, 4, 4, 5, 5, 4, 4)  # for 1 to 12 cells of an experiment with one axis


def draw_sheet(
    experiment: Experiment,
    pictures: Mapping[int, Image.Image],
    pair: tuple[Image.Image, Image.Image],
    title: str = "",
    notes: Mapping[int, str] | None = None,
    columns: int | None = None,
    photos: Sequence[tuple[str, Image.Image]] = (),
) -> Image.Image:
    """The sheet; cells without a picture stay empty.

    Args:
        pictures, notes: by the cell's place; a note is one short line beneath the label.
        columns: pictures in a row, where the experiment has one axis only.
        photos: by name, each with as many of the cells, in order; none where all are painted from the one of `pair`.
    """
    if photos:
        return _photo_by_photo(experiment, pictures, pair, title, notes or {}, photos)
    cells = experiment.cells
    if experiment.rows > 1:
        columns = experiment.columns
    columns = columns or (COLUMNS[len(cells) - 1] if len(cells) <= len(COLUMNS) else COLUMNS[-1])
    labels = [cell.labels for cell in cells]
    originals = list(zip(("photo", "painting"), pair, strict=True))
    return _drawn(labels, pictures, notes or {}, columns, title, originals)


def _photo_by_photo(
    experiment: Experiment,
    pictures: Mapping[int, Image.Image],
    pair: tuple[Image.Image, Image.Image],
    title: str,
    notes: Mapping[int, str],
    photos: Sequence[tuple[str, Image.Image]],
) -> Image.Image:
    """A photo, then its cells; those of one photo never broken over two rows."""
    each = len(experiment.cells) // len(photos)
    labels: list[Sequence[str]] = []
    shown, said = dict[int, Image.Image](), dict[int, str]()
    for number, (name, photo) in enumerate(photos):
        shown[len(labels)] = photo
        labels.append((name, "photo"))
        for index in range(number * each, (number + 1) * each):
            if index in pictures:
                shown[len(labels)] = pictures[index]
            said[len(labels)] = notes.get(index, "")
            own = experiment.cells[index].labels[1:]  # without the photo's name, unless it is all there is
            labels.append(own or experiment.cells[index].labels)
    columns = (1 + each) * max(1, min(len(photos), ACROSS // (1 + each)))
    return _drawn(labels, shown, said, columns, title, [("painting", pair[1])])


def _drawn(
    labels: Sequence[Sequence[str]],
    pictures: Mapping[int, Image.Image],
    notes: Mapping[int, str],
    columns: int,
    title: str,
    originals: Sequence[tuple[str, Image.Image]],
) -> Image.Image:
    """Labelled pictures in rows under a heading and what they were painted from."""
    font, large = ImageFont.load_default(size=14), ImageFont.load_default(size=19)
    width, height = _cell_size(pictures, originals[0][1])
    texts = [_lines(own, notes.get(index, ""), font, width) for index, own in enumerate(labels)]
    rows = [range(start, min(len(labels), start + columns)) for start in range(0, len(labels), columns)]
    depths = [max(len(texts[index]) for index in row) * LINE + 8 for row in rows]
    across = max(MARGIN + columns * (width + MARGIN), 2 * (MARGIN + 2 * SMALL))
    heading = _lines([title], "", large, across - 2 * MARGIN)
    top = MARGIN + len(heading) * TITLE + 8 + SMALL + MARGIN
    whole = across, top + sum(height + MARGIN + depth for depth in depths)
    sheet = Image.new("RGB", whole, "white")
    draw = ImageDraw.Draw(sheet)
    y = MARGIN
    for line in heading:
        draw.text((MARGIN, y), line, fill="black", font=large)
        y += TITLE
    x, y = MARGIN, y + 8
    for name, picture in originals:
        small = picture.copy()
        small.thumbnail((2 * SMALL, SMALL), Image.Resampling.LANCZOS)
        sheet.paste(small, (x, y))
        draw.text((x + 4, y + 4), name, fill="white", font=font, stroke_width=2, stroke_fill="black")
        x += small.width + MARGIN
    y = top
    for row, depth in zip(rows, depths, strict=True):
        for place, index in enumerate(row):
            x = MARGIN + place * (width + MARGIN)
            _paste(sheet, draw, pictures.get(index), (x, y, width, height))
            for number, line in enumerate(texts[index]):
                draw.text((x, y + height + 5 + number * LINE), line, fill="black" if number == 0 else "#444", font=font)
        y += height + depth + MARGIN
    return sheet


def _cell_size(pictures: Mapping[int, Image.Image], content: Image.Image) -> tuple[int, int]:
    shape = next(iter(pictures.values()), content).size
    scale = CELL / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _paste(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, picture: Image.Image | None, box: tuple[int, int, int, int]
) -> None:
    x, y, width, height = box
    if picture is None:
        draw.rectangle((x, y, x + width - 1, y + height - 1), outline="#bbb")
        return
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), (x, y))


def _lines(
    labels: Sequence[str], note: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[str]:
    """Labels and a note, broken at words to a cell's width."""
    lines: list[str] = []
    for text in (*labels, note):
        line = ""
        for word in text.replace("×", "x").split():  # which pillow's own font cannot draw
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines += [line] if line else []
    return lines
