"""The command line: one file a command, put together in app.py, with what they share in common.py.

`playground/__main__.py` and the tests call it; it calls the library below as anybody's program could. It must never
know the page (web) or gradio, and what needs torch is imported inside the commands, so that the others answer at once.
"""
