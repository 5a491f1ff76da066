"""Gradio is imported without its files for editors being worked out, and loses nothing by it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import inspect
from playground.web.environment import prepare
prepare()
asked = []
of = inspect.getfile
inspect.getfile = lambda thing: asked.append(thing) or of(thing)
import gradio as gr
from gradio.component_meta import ComponentMeta
assert not [thing for thing in asked if isinstance(thing, ComponentMeta)], asked
with gr.Blocks():
    assert callable(gr.Textbox().submit) and callable(gr.Image().clear)
"""


def test_no_source_of_a_component_is_looked_for() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
