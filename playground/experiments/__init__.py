"""Grids of recipes: planned, run, drawn as one sheet.

Called by the command line and the page. It must never know where its turn on the device comes from: the caller gives it.
"""
