"""The page: everything that imports gradio. `page.py` puts it together; app.py launches it."""
