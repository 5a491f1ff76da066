"""Opens the playground's page: `python app.py`, or as the app of a Hugging Face Space, which looks for `demo`.

Everything here is about serving: address, port, limits, clean-up. The page itself is built in playground/ui.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import logging
import os
import secrets
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pydantic import SecretStr

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
# Uploads lie where nobody else on this machine can look, and go when the server ends.
uploads = tempfile.TemporaryDirectory(prefix="playground-uploads-", ignore_cleanup_errors=True)
os.environ.setdefault("GRADIO_TEMP_DIR", os.path.realpath(uploads.name))

# Read when torch is: Intel's matrix products would keep buffers for every thread, 13 MB a run, and are no slower without.
os.environ.setdefault("MKL_DISABLE_FAST_MM", "1")
# Gradio looks for this at every event; where it is missing, that searches all folders of packages each time.
if importlib.util.find_spec("matplotlib") is None:
    sys.modules["matplotlib"] = None  # type: ignore[assignment]

try:
    import spaces  # only on Hugging Face; before torch, whose CUDA it replaces
except ImportError:
    spaces = None

from playground.errors import PlaygroundError  # noqa: E402
from playground.service.settings import Settings, advice, qr_code, read_settings, shared_address, start_log  # noqa: E402

LENT_SECONDS = 60.0  # of ZeroGPU a run; more than that waits longer for its turn and costs the visitor's quota
LISTENERS = 200  # open pages and API calls; each only looks at its job, so this costs next to nothing
logger = logging.getLogger("playground.app")
ICON = Path(__file__).parent / "playground" / "web" / "assets" / "icon.svg"


def arguments(given: list[str]) -> argparse.Namespace:
    """What was asked for on the command line; a wrong argument ends with one `error: ...` line and status 2."""
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Open the Style Playground in a browser.",
        epilog="Every setting: README.md, or `python -m playground doctor` for those that apply here.",
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
    given = {name: getattr(asked, name) for name in ("profile", "host", "port", "log")}
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


asked = arguments(sys.argv[1:] if __name__ == "__main__" else [])
try:
    settings = chosen(asked)
except PlaygroundError as error:
    fail(str(error))
start_log(settings.log)

# Slow to import, so only once it is known that the page will be opened.
from playground.networks import weights  # noqa: E402
from playground.recipe.model import DEFAULT_NETWORK  # noqa: E402
from playground.service.jobs import Download, Jobs  # noqa: E402
from playground.service.store import Store  # noqa: E402
from playground.service.zerogpu import paint_elsewhere  # noqa: E402
from playground.web.page import LAUNCH, build_page  # noqa: E402
from playground.web.pagefiles import PageFiles  # noqa: E402
from playground.web.security import app_options, login  # noqa: E402

lent_gpu = None
if spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"):
    # ZeroGPU runs this in another process, for as long as its last argument says.
    lent_gpu = spaces.GPU(duration=lambda *inputs: inputs[-1])(paint_elsewhere)


def open_store() -> Store | None:
    """Where runs are kept over a restart; a folder that cannot be used is said, and only that is lost."""
    try:
        return Store(settings.runs_folder or weights.home() / "runs", settings.limits.disk_mb)
    except PlaygroundError as error:
        logger.warning("%s", error)
        return None


try:
    jobs = Jobs(
        asked.device,
        settings.limits,
        networks=asked.network,
        lent_gpu=lent_gpu,
        lent_seconds=LENT_SECONDS,
        store=open_store(),
    )
except PlaygroundError as error:
    fail(str(error))

demo = build_page(jobs, settings.is_teacher).queue(max_size=LISTENERS, default_concurrency_limit=LISTENERS)
samples = {path for block in demo.blocks.values() for path in getattr(block, "keep_in_cache", ())}
files = PageFiles(Path(os.environ["GRADIO_TEMP_DIR"]), settings.files_mb, samples)


def launch() -> str:
    """Start serving in the background and return the page's address."""
    _, address, _ = demo.launch(
        server_name=settings.host,
        server_port=settings.port,
        inbrowser=asked.open,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        max_threads=LISTENERS,
        allowed_paths=[],
        show_error=True,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=True,
        favicon_path=ICON,
        auth=login(settings),
        app_kwargs=app_options(jobs, settings, files),
        **{**LAUNCH, "max_file_size": f"{settings.upload_mb}mb"},
    )
    start_log(settings.log)  # once more: the server underneath has set up a log of its own meanwhile
    return address


def welcome(address: str) -> None:
    """Say on the terminal where the page is, for whom, and what to know about it."""
    print(f"The Style Playground is open at {address} (Ctrl-C closes it)", flush=True)
    shared = shared_address(settings, address)
    if settings.profile == "classroom":
        print(f"For the class: {shared}\n{qr_code(shared)}")
    if link := settings.teacher_link(shared):
        print(f"For the teacher alone, whose runs go first: {link}")
    for sentence in advice(settings):
        print(sentence)
    sys.stdout.flush()
    logger.info("open", extra={"address": address, "profile": settings.profile, "device": jobs.device})


def tell(download: Download) -> None:
    """Show on the terminal how far the default network is on its way to this machine."""
    from playground.cli.common import progress_on_stderr

    with progress_on_stderr() as report:
        while not download.over.wait(0.2):
            report(download.sentence, download.fraction)
    if download.error:
        print(download.error, file=sys.stderr)


def main() -> None:
    """Serve until Ctrl-C, SIGTERM, or the terminal goes; then keep every run for the next start."""
    ends = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    for end in ends:
        signal.signal(end, signal.default_int_handler)
    try:
        jobs.recover()
        try:
            address = launch()
        except OSError:
            where = f"port {settings.port} is taken" if settings.port else "no port from 7860 is free"
            fail(f"{where}, or {settings.host} is no address of this machine; choose another with --port or --host")
        files.start()
        welcome(address)
        tell(jobs.fetch(DEFAULT_NETWORK))
        threading.Event().wait()
    except KeyboardInterrupt:
        for end in ends:
            signal.signal(end, end_at_once)
        with contextlib.suppress(OSError):  # the terminal may be gone
            print("Closing; asked once more, it ends at once", flush=True)
    finally:
        jobs.close(save=True)
        files.close()
        demo.close(verbose=False)
        uploads.cleanup()


def end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """Somebody is in a hurry; every run has its last snapshot."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # an ordinary exit aborts when a thread is still inside torch, such as one that reads a network
