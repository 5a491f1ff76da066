"""Pictures in and pictures out: loading, saving, tensors, colour.

Called by the engine, the command line and the page. It must never know a network.
"""
