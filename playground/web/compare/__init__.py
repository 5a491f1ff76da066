"""The tab in which one pair goes through every method, side by side.

Laid out by page.py. It must never know how a method paints.
"""
