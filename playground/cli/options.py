"""Options and arguments that several commands have, each declared once; a command's own stand above it.

Called by the files of the commands and by nobody else. Must not know what becomes of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ContentImage = Annotated[str, typer.Argument(metavar="CONTENT", help="The photo.", show_default=False)]
StyleImage = Annotated[str, typer.Argument(metavar="STYLE", help="The painting.", show_default=False)]
LearntStyle = Annotated[str, typer.Argument(metavar="STYLE", help="The painting to learn.", show_default=False)]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A trained model, or a shipped style's name.")]
PhotosFolder = Annotated[
    str, typer.Option(metavar="DIR", help="A folder of photographs, or scikit-image for those it carries.")
]

PresetName = Annotated[str | None, typer.Option(help="Where to start from; `presets` lists them.")]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE", help="Settings from a JSON file or from a picture painted here."),
]
SettingTexts = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as style_weight=2.")
]
SheetPath = Annotated[Path | None, typer.Option("-o", "--output", help="The sheet; else beside CONTENT.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
