"""The page and what stands before it: server, guard, health, API, and one folder for every tab.

Called by app.py and `python -m playground serve`. It alone knows gradio, and must never know cli/.
"""
