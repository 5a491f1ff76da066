"""The tab in which a picture is painted and steered: settings, run, curves, results, time machine.

Laid out by page.py. It must never know how a run calculates, only its frames and its control.
"""
