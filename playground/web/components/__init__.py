"""Pieces of the page that know no tab: charts, controls, layout, pictures, words for numbers.

Called by the tabs. They must never start or steer a run.
"""
