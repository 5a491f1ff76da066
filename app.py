"""Opens the playground's page: `python app.py`, or as the app of a Hugging Face Space, which looks for `demo`.

What it does stands in playground/web/serve.py; `python -m playground serve` is the same.
"""

from __future__ import annotations

import sys

from playground.web.environment import prepare

prepare()  # environment variables and Hugging Face's `spaces`, before anything imports gradio or torch

from playground.web.serve import arguments, make_server, serve  # noqa: E402

asked = arguments(sys.argv[1:] if __name__ == "__main__" else [])
server = make_server(asked)
demo = server.demo

if __name__ == "__main__":
    serve(server, in_browser=asked.open)
