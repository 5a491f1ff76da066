"""The networks that look at pictures or make them: where they come from, their graphs, their arithmetic.

Called by engine/, feedforward/ and measure/. They must never know a loss.
"""
