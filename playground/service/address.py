"""Where a server can be reached: its own address, the one for the class, as a QR code, and what to know about it.

Called when the page opens. It opens no connection.
"""

from __future__ import annotations

import io
import ipaddress
import socket

import segno

from playground.service.settings import Settings


def local_address() -> str | None:
    """This machine's address on its network; None where it has none beside itself. Sends nothing."""
    for family, far_away in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):  # reserved for examples
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far_away, 9))  # only asks the routing table
                address = probe.getsockname()[0]
        except OSError:
            continue
        if not ipaddress.ip_address(address).is_loopback:
            return f"[{address}]" if family == socket.AF_INET6 else address
    return None


def shared_address(settings: Settings, opened: str) -> str:
    """The address for others, given the one that the server said it opened: a name they can reach in place of ours."""
    if settings.host not in ("0.0.0.0", "::", "[::]"):
        return opened
    scheme, _, rest = opened.partition("://")
    port = rest.rstrip("/").rpartition(":")[2]
    return f"{scheme}://{local_address() or socket.gethostname()}:{port}/"


def qr_code(address: str) -> str:
    """The address as a QR code of half-block characters, to be pointed at with a phone."""
    drawn = io.StringIO()
    segno.make(address, micro=False).terminal(drawn, compact=True)
    return drawn.getvalue().rstrip("\n")


def advice(settings: Settings) -> list[str]:
    """What whoever starts the server should know about how it is reached."""
    if settings.on_loopback or settings.on_space:
        return []
    said = ["Over plain HTTP browsers offer no webcam, no pasting by button and no installation as an app."]
    if settings.login is None:
        said.append(
            "Anybody on this network can open the page. Where not everybody is trusted, ask for a login: "
            "set PLAYGROUND_LOGIN=user:password and start again."
        )
    return said
