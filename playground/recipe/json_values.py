"""How much JSON text states, told from the text alone: a few megabytes of it make a million objects if anybody reads it.

Asked by parse.py of recipes and by the guard of every request's body (playground/web/security.py).
"""

from __future__ import annotations

MARKS = (b",", b"[", b"{")  # each stands before one more value


def values_in(text: str | bytes, most: int) -> int:
    """How many values JSON text states, or more than `most` where there are more; never fewer than a reader would make.

    Takes a time and a memory that grow with the text's length alone, about a hundredth of what reading it takes.

    Args:
        text: whatever it is; bytes that hold a zero are none of UTF-8's JSON, and count as too many.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if b"\0" in data:
        return most + 1
    if (count := _count(data)) <= most:  # as nearly always, whatever its words are made of
        return count
    # What stands inside of words states nothing. Pairs of backslashes go first: the second of two escapes no quote.
    words = 2 * most + 2  # of an object's entries each has two
    outside = data.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"', 2 * words)
    return most + 1 if len(outside) > 2 * words else 1 + sum(_count(piece) - 1 for piece in outside[::2])


def _count(data: bytes) -> int:
    return 1 + sum(map(data.count, MARKS))
