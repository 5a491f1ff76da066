"""The tab in which a network is taught a painting.

Laid out by page.py. It must never know how a training is calculated.
"""
