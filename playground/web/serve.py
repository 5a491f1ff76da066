"""Opening the page from a command line: `python app.py [options]`, or `python -m playground serve [options]`.

Reads the options and the settings, says on the terminal where the page is, and serves until it is told to end. Imports
what brings torch and gradio only once it is known that the page will be opened.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import secrets
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pydantic import SecretStr

from playground.errors import PlaygroundError
from playground.recipe.base import DEFAULT_NETWORK
from playground.service.address import qr_code, shared_address
from playground.service.log import start_log
from playground.service.settings import Settings, advice, read_settings
from playground.system.progress import progress_in_log, progress_on_stderr
from playground.system.signals import end_the_server_at_once, interrupt_the_server
from playground.web.environment import prepare

if TYPE_CHECKING:
    from playground.service.downloads import Download
    from playground.web.app_server import Server

logger = logging.getLogger(__name__)


def arguments(given: Sequence[str], program: str = "app.py") -> argparse.Namespace:
    """What was asked for on the command line; a wrong argument ends with one `error: ...` line and status 2."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Open the Style Playground in a browser.",
        epilog="Every setting: docs/server.md, or `python -m playground doctor` for those that apply here.",
    )
    parser.error = fail  # type: ignore[method-assign, assignment]
    parser.add_argument("--open", action="store_true", help="open the page in the browser when it is up")
    parser.add_argument(
        "--classroom", dest="profile", action="store_const", const="classroom",
        help="open it to the local network, with a QR code, limits for a class, and a link for the teacher",
    )  # fmt: skip
    parser.add_argument("--profile", help="the settings to start from: laptop, classroom or space")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="a JSON file of settings; PLAYGROUND_SETTINGS")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, such as max_runs=8; repeatable"
    )
    parser.add_argument("--host", help="the address to listen on; by default this machine only")
    parser.add_argument("--port", help="the port; by default the first free one from 7860")
    parser.add_argument("--log-json", dest="log", action="store_const", const="json", help="log JSON objects")
    parser.add_argument("--debug", action="store_const", const="true", help="log tracebacks of faults")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--network", action="append", default=[], metavar="FILE", help="a file of VGG weights that may be chosen too"
    )
    return parser.parse_args(given)


def chosen(asked: argparse.Namespace) -> Settings:
    """The settings that apply.

    Raises:
        PlaygroundError: one cannot be used.
    """
    given = {name: getattr(asked, name) for name in ("profile", "host", "port", "log", "debug")}
    for setting in asked.set:
        name, equals, value = setting.partition("=")
        if not equals:
            raise PlaygroundError(f"--set {setting} has no value: write --set NAME=VALUE.")
        given[name.strip()] = value.strip()
    settings = read_settings(given, asked.settings)
    if settings.profile == "classroom" and settings.teacher_key is None:
        settings = settings.model_copy(update={"teacher_key": SecretStr(secrets.token_urlsafe(9))})
    return settings


def fail(sentence: str) -> NoReturn:
    """End with status 2 and one line that says what is wrong."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def make_server(asked: argparse.Namespace) -> Server:
    """The page and its runs as they were asked for, not serving yet; what cannot be used ends with status 2."""
    environment = prepare()
    try:
        settings = chosen(asked)
    except PlaygroundError as error:
        fail(str(error))
    start_log(settings.log, debug=settings.debug)

    from playground.system.device import pick_device

    try:
        device = pick_device(asked.device)  # a mistyped one is said before gradio is read
    except PlaygroundError as error:
        fail(str(error))

    from playground.service.zerogpu import paint_elsewhere
    from playground.web.app_server import Server, make_jobs

    lent_gpu = None
    if environment.spaces is not None:
        # ZeroGPU runs this in another process, for as long as its last argument says.
        lent_gpu = environment.spaces.GPU(duration=lambda *inputs: inputs[-1])(paint_elsewhere)
    try:
        jobs = make_jobs(settings, device, asked.network, lent_gpu)
    except PlaygroundError as error:
        fail(str(error))
    return Server(jobs, settings, Path(os.environ["GRADIO_TEMP_DIR"]))


def welcome(server: Server, address: str) -> None:
    """Say on the terminal where the page is, for whom, and what to know about it."""
    settings = server.settings
    print(f"The Style Playground is open at {address} (Ctrl-C closes it)", flush=True)
    shared = shared_address(settings.host, address)
    if settings.profile == "classroom":
        print(f"For the class: {shared}\n{qr_code(shared)}")
    if link := settings.teacher_link(shared):
        print(f"For the teacher alone, whose runs go first: {link}")
    for sentence in advice(settings):
        print(sentence)
    sys.stdout.flush()
    logger.info("open", extra={"address": address, "profile": settings.profile, "device": server.jobs.device})


def tell(download: Download, log: str) -> None:
    """Show how far the default network is on its way to this machine: on the terminal, or where the log is JSON, in it."""
    with progress_in_log(logger) if log == "json" else progress_on_stderr() as report:
        while not download.over.wait(0.2):
            report(download.sentence, download.fraction)
    if download.error:
        logger.error("%s", download.error)


def serve(server: Server, *, in_browser: bool = False) -> NoReturn:
    """Serve until Ctrl-C, SIGTERM, or the terminal goes; then keep every run for the next start, and end the process."""
    from playground.networks.catalogue import ANY_PAINTING  # brings torch, and so does the next
    from playground.service.measuring import measure_when_idle

    interrupt_the_server()
    settings, jobs = server.settings, server.jobs
    try:
        jobs.recover()
        try:
            address = server.launch(in_browser=in_browser)
        except OSError:
            where = f"port {settings.port} is taken" if settings.port else "no port from 7860 is free"
            fail(f"{where}, or {settings.host} is no address of this machine; choose another with --port or --host")
        start_log(
            settings.log, debug=settings.debug
        )  # once more: the server underneath has set up a log of its own meanwhile
        welcome(server, address)
        tell(jobs.downloads.fetch(DEFAULT_NETWORK), settings.log)
        jobs.downloads.fetch(ANY_PAINTING)  # small, and wanted by the first Run; without it nothing fails
        measure_when_idle(jobs)
        threading.Event().wait()
    except KeyboardInterrupt:
        end_the_server_at_once()
        with contextlib.suppress(OSError):  # the terminal may be gone
            print("Closing; asked once more, it ends at once", flush=True)
    finally:
        jobs.close(save=True)
        server.close()
        prepare().scratch.close()
    sys.stdout.flush()
    os._exit(0)  # an ordinary exit aborts when a thread is still inside torch, such as one that reads a network


def main(given: Sequence[str], program: str = "app.py") -> NoReturn:
    """Open the page as a command line asks, and serve it until it is told to end."""
    asked = arguments(given, program)
    serve(make_server(asked), in_browser=asked.open)
