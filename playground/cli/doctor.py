"""`doctor`: what this machine has, what it lacks, and the command that mends it. Called by app.py.

Nothing here raises: whatever cannot be looked at becomes a line of the report, also where torch itself cannot be
imported. Nothing is downloaded.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playground.cli.options import AsJson

CHECKOUT = Path(__file__).resolve().parents[2]  # or, where the package is installed, the folder of all packages
DISTRIBUTION = "style-playground"
IMPORTED = ("torch", "torchvision", "gradio")  # large, with parts outside Python that can fail to load


def doctor(as_json: AsJson = False) -> None:
    """Say what is here, what is missing, and the command that mends it."""
    found = examine()
    print(json.dumps(found, allow_nan=False) if as_json else in_words(found))


def examine() -> dict[str, Any]:
    """Everything that `doctor` says, as plain data; `problems` is a list of {problem, mend}, empty where all is well."""
    problems: list[dict[str, str]] = []
    found = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "packages": _packages(problems),
        "devices": _devices(),
        "threads": _threads(),
        "arithmetic": _arithmetic(problems),
        "processors": os.cpu_count(),
        "memory_mb": _memory(),
        "home": _home(problems),
        "weights": _weights(problems),
        "server": _server(problems),
    }
    return {**found, "problems": problems}


def in_words(found: dict[str, Any]) -> str:
    """The report of `examine` for a person, one fact a line, problems last."""
    memory, home, server = found["memory_mb"], found["home"], found["server"]
    lines = [
        f"{'Python':<14} {found['python']} ({found['executable']}), {found['system']}",
        *(f"{name:<14} {about['version'] or 'missing'}" for name, about in found["packages"].items()),
        *(f"{'device':<14} {name}: {words}" for name, words in found["devices"].items()),
        f"{'threads':<14} {found['threads'] or 'unknown'} of {found['processors']} processors",
        *_arithmetic_in_words(found["arithmetic"]),
        f"{'memory':<14} {_number(memory['available'])} of {_number(memory['total'])} MB available",
        f"{'home':<14} {home['path']}, {_number(home['free_mb'])} MB free",
        *(f"{one['name']:<14} {one['path'] or 'not here: ' + one['mend']}" for one in found["weights"]),
        *(
            [f"{'server':<14} profile {server['profile']} on {server['host']} (every setting: --json)"]
            if server
            else []
        ),
        "",
        *(f"! {one['problem']}\n  {one['mend']}" for one in found["problems"]),
    ]
    return "\n".join([*lines, "" if found["problems"] else "All is well."]).rstrip()


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


def _packages(problems: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    """Every package that is needed: its version, the versions that will do, and why it cannot be used, if so."""
    packages = {}
    for name, needed in _requirements():
        install = "-r requirements.txt" if _from_checkout() else f'"{name}{needed}"'
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = None
        trouble = _import_trouble(name) if name in IMPORTED else None
        if trouble is None and version is None:
            trouble = "it is not installed"
        if trouble is None and not _fits(version or "", needed):
            trouble = f"version {version} is installed and {needed} is needed"
        packages[name] = {"version": version, "needed": needed, "usable": trouble is None}
        if trouble:
            problems.append(
                {"problem": f"{name} cannot be used: {trouble}", "mend": f"python -m pip install {install}"}
            )
    return packages


def _from_checkout() -> bool:
    return (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "requirements.txt").is_file()


def _requirements() -> list[tuple[str, str]]:
    """Names and version limits: of requirements.txt in a checkout, else of what was installed, without the extras."""
    if _from_checkout():
        lines = (CHECKOUT / "requirements.txt").read_text("utf-8").splitlines()
    else:
        try:
            lines = importlib.metadata.requires(DISTRIBUTION) or []
        except importlib.metadata.PackageNotFoundError:  # copied without either: there is nothing to compare with
            lines = []
    matches = (
        re.match(r"([A-Za-z0-9_.-]+)\s*([^#;]*)", line)
        for line in lines
        if not line.startswith(("#", "-")) and "extra ==" not in line
    )
    return [(match[1], match[2].strip()) for match in matches if match]


def _fits(version: str, needed: str) -> bool:
    try:
        from packaging.specifiers import SpecifierSet

        return SpecifierSet(needed).contains(version, prereleases=True)
    except Exception:  # without packaging, or with an odd version, the limits cannot be judged
        return True


def _import_trouble(name: str) -> str | None:
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken library raises anything
        return " ".join(f"{error}".split())[:200] or type(error).__name__
    return None


def _devices() -> dict[str, str]:
    """Devices to paint on, in words; the one that `auto` takes first."""
    try:
        import torch

        from playground.system.device import describe_device, pick_device, processor_name

        names = dict.fromkeys([pick_device("auto"), "cpu"])
        words = {name: describe_device(name) for name in names}
        words["cpu"] += f", {processor_name()}"
        if "cuda" in words:
            words["cuda"] += f", {torch.cuda.get_device_properties(0).total_memory / 2**20:.0f} MB"
        return words
    except Exception as error:
        return {"none": f"cannot be looked at ({type(error).__name__})"}


def _threads() -> int | None:
    try:
        import torch

        return torch.get_num_threads()
    except Exception:
        return None


def _arithmetic(problems: list[dict[str, str]]) -> dict[str, Any] | None:
    """How a CPU multiplies here: what is chosen and why, and seconds of a pass by each; measured now where it is not known."""
    try:
        from playground.errors import PlaygroundError
        from playground.networks import arithmetic_choice
    except Exception:  # torch is missing: the problem stands among the packages
        return None
    try:
        asked = arithmetic_choice.override()
        measured = arithmetic_choice.measure() if asked == "auto" else arithmetic_choice.kept()
        chosen = arithmetic_choice.choose("auto")
    except PlaygroundError as error:
        problems.append({"problem": str(error), "mend": f"set {arithmetic_choice.VARIABLE} to auto, or leave it out"})
        return None
    return {
        "chosen": chosen.arithmetic,
        "override": None if asked == "auto" else asked,
        "seconds": measured.seconds if measured else {},
        "certain": measured is None or measured.final,
        "machine": arithmetic_choice.machine(),
        "note": chosen.note,
    }


def _arithmetic_in_words(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    times = ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in found["seconds"].items())
    times += "" if found["certain"] else "; disturbed by other work, measured again next time"
    why = found["note"] or ("as PLAYGROUND_ARITHMETIC asks" if found["override"] else f"measured: {times}")
    return [f"{'arithmetic':<14} {found['chosen']} ({why})"]


def _memory() -> dict[str, float | None]:
    """Total and available memory in MiB; None where psutil is missing."""
    try:
        import psutil
    except ImportError:
        return {"total": None, "available": None}
    memory = psutil.virtual_memory()
    return {"total": memory.total / 2**20, "available": memory.available / 2**20}


def _home(problems: list[dict[str, str]]) -> dict[str, Any]:
    """The folder of downloads: whether it can be written, and its free space in MB (10^6 bytes)."""
    try:
        from playground.networks.catalogue import home

        path = home()
    except Exception:  # torch is missing: the problem stands among the packages
        return {"path": os.environ.get("PLAYGROUND_HOME"), "writable": None, "free_mb": None}
    place = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            writable = True
    except OSError:
        writable = False
        problems.append(
            {"problem": f"{path} cannot be written", "mend": "set PLAYGROUND_HOME to a folder that can be written"}
        )
    return {"path": str(path), "writable": writable, "free_mb": shutil.disk_usage(place).free / 1e6}


def _weights(problems: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Every named network; one that is here is read and verified. Only a missing default network is a problem."""
    try:
        from playground.networks import catalogue, read
        from playground.recipe.base import DEFAULT_NETWORK

        statuses = catalogue.status()
    except Exception:
        return []
    report = []
    for status in statuses:
        digest, hint, damaged = None, status.hint, False
        if status.present:
            try:
                digest = read.load(status.name).sha256
            except Exception as error:
                hint, damaged = str(error), True
        how = " --fetch" if catalogue.NETWORKS[status.name].fetched else ""
        mend = f"python -m playground weights {status.name}{how}" if hint else ""
        if damaged or (hint and status.name == DEFAULT_NETWORK):
            problems.append({"problem": hint.partition(": ")[0], "mend": mend})
        path = str(status.path) if status.path else None
        report.append(
            {"name": status.name, "present": status.present and not damaged, "path": path, "sha256": digest,
             "megabytes": status.megabytes, "hint": hint, "mend": mend}
        )  # fmt: skip
    return report


def _server(problems: list[dict[str, str]]) -> dict[str, Any] | None:
    """The settings that app.py would start with here, secrets as stars; None where they cannot be used."""
    try:
        from playground.errors import PlaygroundError
        from playground.service.settings import read_settings
    except Exception:  # a package is missing, and stands among the packages
        return None
    try:
        return read_settings().flat()
    except PlaygroundError as error:
        problems.append({"problem": str(error), "mend": "docs/server.md lists the settings of a server"})
        return None
