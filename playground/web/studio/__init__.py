"""The tab in which a picture is painted and steered: settings, run, curves, results, time machine.

Laid out by page.py. It must never know how a run calculates, only its frames and its control. Three columns: sources (and
whatever makes them several), the easel with tabs under it (Curves first, then one for each other way to look at a run), and
settings; a brush lies over the easel. docs/architecture.md says where each thing goes.
"""
