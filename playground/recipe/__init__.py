"""Every setting of a run and of a training, the presets, and every reader of settings as text.

Called by everybody. It must never know torch, a picture's file or a server: it imports errors.py alone.
"""
