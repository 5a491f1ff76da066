"""The class on the page: what the teacher's page shows and does, and what every page is told of it.

Plain requests outside gradio (routes.py), so that thirty pages cost next to nothing; the state is service/classroom.py's.
"""
