"""The measurements as rich tables and as the figure's panels. Called by __main__.py."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from rich.table import Table

from benchmarks.figure import bars, figure, lines

Results = Mapping[str, Any]


def _table(title: str, headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def tables(results: Results) -> list[Table]:
    """A table for every part that was measured."""
    found = []
    if "step" in results:
        rows = [
            [f"{row['size']} px", f"{row['reference']:.3g}", f"{row['engine']:.3g}", f"{row['ratio']:.2f}",
             f"{row['rate']:.0f}", f"{row['product_rate']:.0f}", f"{row['share']:.2f}", row.get("arithmetic") or "",
             ", ".join(f"{name} {ratio:.2f}" for name, ratio in row.get("others", {}).items())]
            for row in results["step"]
        ]  # fmt: skip
        headings = [
            "size",
            "reference s",
            "engine s",
            "ratio",
            "GFLOP/s",
            "matrix product",
            "share",
            "arithmetic",
            "others' ratios",
        ]
        processor = results["machine"]["processor"]
        found.append(_table(f"A step on {processor}; rates in operations of direct convolution", headings, rows))
    if "quality" in results:
        rows = [
            [method, f"{seconds:.1f}", *(f"{value:.3f}" for value in style), f"{fmean(content):.3f}"]
            for method, seconds, style, content in _ends(results["quality"])
        ]
        headings = ["method", "seconds", "style", "at half", "at a quarter", "content"]
        found.append(_table("Distances at the end, means over the pairs", headings, rows))
    if "memory" in results:
        rows = [
            [row["kind"], f"{row['width']}×{row['height']}", f"{row['megabytes']:.0f}"] for row in results["memory"]
        ]
        found.append(_table("Peak memory", ["what", "size", "MiB"], rows))
    if "cost" in results:
        rows = [
            [f"{row['size']} px", f"{row['seconds']:.3g}", f"{row['seconds'] / row['size'] ** 2 * 1e6:.2f}"]
            for row in results["cost"]["by_size"]
        ]
        found.append(_table("Cost of a step by size", ["size", "seconds", "a megapixel"], rows))
        rows = [
            [str(row["steps"]), f"{row['seconds']:.1f}", f"{row['megabytes'] or 0:.0f}"]
            for row in results["cost"]["by_steps"]
        ]
        title = f"Cost of steps at {results['cost']['step_size']} px"
        found.append(_table(title, ["steps", "seconds", "MiB resident"], rows))
    if "foresight" in results:
        rows = [
            [row["case"], f"{row['estimated']:.2f}", f"{row['measured']:.2f}",
             f"{row['estimated'] / row['measured']:.2f}"]
            for row in results["foresight"]
        ]  # fmt: skip
        found.append(_table("Estimate after one run", ["run", "estimated s", "measured s", "ratio"], rows))
    if "page" in results:
        row = results["page"]
        cells = [f"{row['size']} px", f"{row['bare']:.4f}", f"{row['watched']:.4f}", f"{100 * row['overhead']:+.1f} %"]
        found.append(_table("A step watched from the page", ["size", "bare s", "watched s", "overhead"], [cells]))
    return found


def _ends(quality: Results) -> list[tuple[str, float, list[float], list[float]]]:
    """Method, seconds, style and content distances at each scale, of the last picture, averaged over the pairs."""
    found = []
    for method, curves in quality["curves"].items():
        last = [curve[-1] for curve in curves]
        style = [fmean(values) for values in zip(*(one["style"] for one in last), strict=True)]
        content = [fmean(values) for values in zip(*(one["content"] for one in last), strict=True)]
        found.append((method, fmean(one["seconds"] for one in last), style, content))
    return found


def _curves(quality: Results, term: str) -> dict[str, list[tuple[float, float]]]:
    """Mean distance over scales and pairs against seconds; moments that not every pair reached are left out."""
    found = {}
    for method, curves in quality["curves"].items():
        # The end of each pair's run, the last point, is at a second of its own.
        shared = [list(points) for points in zip(*(curve[:-1] for curve in curves), strict=False)]
        shared.append([curve[-1] for curve in curves])
        found[method] = [
            (fmean(one["seconds"] for one in points), fmean(fmean(one[term]) for one in points)) for points in shared
        ]
    return found


def draw(results: Results) -> str:
    """The figure of what was measured, as SVG."""
    panels = []
    if "step" in results:
        rows = results["step"]
        groups = [f"{row['size']} px" for row in rows]
        times = {name: [row[name] / row["reference"] for row in rows] for name in ("reference", "engine")}
        panels.append(bars("Time of a step over the reference loop's", groups, times, "ratio"))
        rates = {"engine": [row["rate"] for row in rows], "matrix product": [row["product_rate"] for row in rows]}
        panels.append(bars("Rate in operations of direct convolution", groups, rates, "GFLOP/s"))
    if "quality" in results:
        for term in ("style", "content"):
            curves = _curves(results["quality"], term)
            title = f"{term.capitalize()} distance, mean of three sizes"
            panels.append(lines(title, curves, "seconds", "relative distance", log_y=term == "style"))
    if "memory" in results:
        sizes = list(dict.fromkeys(f"{row['width']}×{row['height']}" for row in results["memory"]))
        kinds = list(dict.fromkeys(row["kind"] for row in results["memory"]))
        cells = {(row["kind"], f"{row['width']}×{row['height']}"): row["megabytes"] for row in results["memory"]}
        peaks = {kind: [cells.get((kind, size)) for size in sizes] for kind in kinds}
        panels.append(bars("Peak memory of the process", sizes, peaks, "MiB"))
    if "cost" in results:
        points = [(row["size"] ** 2 / 1e6, row["seconds"]) for row in results["cost"]["by_size"]]
        panels.append(lines("Cost of a step", {"engine": points}, "megapixels", "seconds"))
    if not panels:
        return ""
    machine = results["machine"]
    return figure(panels, f"{machine['processor']}, {machine['device']}, torch {machine['torch']}")
