"""Networks trained once per style: model file, photographs, training, applying to pictures and films, export.

Called by measure/, service/, the command line and the page. It must never know a server or whose training it is.
"""
