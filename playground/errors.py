"""The one kind of error a user can mend.

Every room raises `PlaygroundError` with one clear sentence; the page shows it beside what caused it, and the
command line prints it as `error: ...` and exits with status 2.
"""


class PlaygroundError(Exception):
    """Something the user can mend; its text is one sentence that says what is wrong and what to do."""


class PictureError(PlaygroundError):
    """A picture or a film that cannot be read or written; its text says which one, why, and what to do."""
