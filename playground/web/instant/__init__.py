"""The tab in which a trained network repaints a photo in one pass.

Laid out by page.py. It must never know how such a network is trained.
"""
