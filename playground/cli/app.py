"""Puts the commands together and runs one of them; called by `python -m playground`, which is `style-playground` too.

A command is one function with typer's annotations in a file of its own, entered in the list below. It raises
PlaygroundError for whatever the user can mend; `main` turns that, and every complaint of the parser, into one
`error: ...` line and status 2. What a command does must not be known here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from playground.cli.apply import apply
from playground.cli.compare import compare
from playground.cli.doctor import doctor
from playground.cli.experiments import experiments
from playground.cli.export import export
from playground.cli.grid import grid, lessons
from playground.cli.lens import lens
from playground.cli.presets import list_presets
from playground.cli.print import print_result
from playground.cli.stylize import stylize
from playground.cli.train import train
from playground.cli.weights import list_weights
from playground.errors import PlaygroundError
from playground.recipe.complaints import own_words

USAGE_ERROR: Any = typer.BadParameter.__mro__[1]  # the parser's complaints, wherever this version of typer keeps them
COMMANDS: dict[str, Callable[..., None]] = {
    "stylize": stylize,
    "presets": list_presets,
    "weights": list_weights,
    "doctor": doctor,
    "train": train,
    "experiments": experiments,
    "apply": apply,
    "export": export,
    "compare": compare,
    "lens": lens,
    "print": print_result,
    "grid": grid,
    "lessons": lessons,
}  # in the order of --help

app = typer.Typer(
    name="python -m playground",
    help="Paint a photo in the style of a painting.",
    epilog="The page: `python -m playground serve --open`, with options of its own (`serve --help`).",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in COMMANDS.items():
    app.command(name)(command)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 after one `error: ...` line on stderr.

    Args:
        args: the command and its options; those of the process when None.
    """
    try:
        with typer.main.get_command(app).make_context(
            app.info.name, list(sys.argv[1:] if args is None else args)
        ) as context:
            context.command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as ended:  # --help
        return ended.exit_code
    except USAGE_ERROR as error:
        error.message = own_words(error.message)  # of a choice: typer asks pydantic and hands on what that says
        return _complain(error.format_message())
    except PlaygroundError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        # What is left in the buffer would fail again, with a traceback, while the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(text: str) -> int:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    return 2
