"""Runs on behalf of people: who may start one, whose turn it is, what is kept on the disk, and a server's settings.

Called by web/, benchmarks/ and `doctor`. It must never know gradio or a page.
"""
