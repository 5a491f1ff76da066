"""The loop that paints, and its rooms: losses, canvases, optimisers, schedule, evaluator, snapshots, checkpoints, previews.

Called by the Python API, cli/, measure/, feedforward/ (the losses alone) and service/. It must never know whose run it is,
that there is a page, or where a run's folder lies.
"""
