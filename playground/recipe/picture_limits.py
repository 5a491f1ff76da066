"""How large a picture may be: one that is given, what is kept of it, and one that is painted.

Read by images/load.py, which refuses what is larger, by a recipe's fields and by the commands. A server allows less, by its
profile: service/limits.py.
"""

from __future__ import annotations

import logging
import os

logger = logging.getLogger(__name__)


def _pixel_limit(setting: str | None, default: int = 50_000_000) -> int:
    """The limit that the environment asks for, or the default where it asks for nothing sensible."""
    if setting is None:
        return default
    if setting.strip().isdecimal() and int(setting) > 0:
        return int(setting)
    logger.warning("PLAYGROUND_MAX_PIXELS is not a positive whole number (%r): %d is used", setting, default)
    return default


MAX_PIXELS = _pixel_limit(os.environ.get("PLAYGROUND_MAX_PIXELS"))
"""Width × height above which a given picture is refused, read from its header before anything is decoded.

50 megapixels hold any camera's picture; `PLAYGROUND_MAX_PIXELS` overrides it.
"""
KEPT_PIXELS = 24_000_000
"""What a server keeps of a picture that is given to it: more than it can paint, however large it paints."""
MAX_FILE_BYTES = 256 * 2**20
"""Largest file that is opened: a picture of `MAX_PIXELS` fits even when it is stored without compression."""
MAX_ASPECT = 16
"""Long side over short side above which a picture is a strip that a network's deep layers cannot see."""
MIN_SIDE = 8
"""Shortest side, in pixels, of a picture that is read and of one that is painted."""
MAX_SIZE = 16_384
"""Longest side, in pixels, of one that is painted; beyond 4096 it is painted on in tiles, for print."""
CM_PER_INCH = 2.54
DPI = 300
"""Dots per inch that files say they have, and for which a size on paper is given, where nothing else was asked for."""
