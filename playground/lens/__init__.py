"""What a network sees, as pure functions on features.

Called by the command line and the page. It must never touch a run that goes on, nor hold any state.
"""
