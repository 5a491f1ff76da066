"""The tab in which a class tries things out.

Laid out by page.py. It must never know how a lens calculates.
"""
