"""Every override of gradio and every reach into what it keeps private, one file a trouble: what plain gradio does, in which
version that was seen, and what is done about it.

The page, its components and the server call these once while they are built; each has a test that fails when gradio has
mended the trouble itself, so that the file can go. Nothing here may know a run, a recipe, or what stands on the page.
"""
