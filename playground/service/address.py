"""Where a server is found: its address on the network, as text and as a QR code.

web/serve.py says it when it starts; settings.py and web/security.py ask what is this machine itself. Opens no connection.
"""

from __future__ import annotations

import io
import ipaddress
import socket

import segno


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


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


def shared_address(host: str, opened: str) -> str:
    """The address for others, given the one that the server said it opened: a name they can reach in place of ours.

    Args:
        host: that the server listens on.
    """
    if host not in ("0.0.0.0", "::", "[::]"):  # nosec B104: read, not listened on
        return opened
    scheme, _, rest = opened.partition("://")
    port = rest.rstrip("/").rpartition(":")[2]
    return f"{scheme}://{local_address() or socket.gethostname()}:{port}/"


def qr_code(address: str) -> str:
    """The address as a QR code of half-block characters, to be pointed at with a phone."""
    drawn = io.StringIO()
    segno.make(address, micro=False).terminal(drawn, compact=True)
    return drawn.getvalue().rstrip("\n")
