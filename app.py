"""Opens the playground's page: `python app.py`, or as the app of a Hugging Face Space, which looks for `demo`.

Everything here is about serving: address, port, limits, clean-up. The page itself is built in playground/ui.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import NoReturn

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
# Uploads lie where nobody else on this machine can look, and go when the server ends.
uploads = tempfile.TemporaryDirectory(prefix="playground-uploads-", ignore_cleanup_errors=True)
os.environ.setdefault("GRADIO_TEMP_DIR", uploads.name)

try:
    import spaces  # only on Hugging Face; before torch, whose CUDA it replaces
except ImportError:
    spaces = None

LENT_SECONDS = 60.0  # of ZeroGPU a run; more than that waits longer for its turn and costs the visitor's quota
LISTENERS = 200  # open pages and API calls; each only looks at its job, so this costs next to nothing
ICON = Path(__file__).parent / "playground" / "ui" / "icon.svg"


def arguments(given: list[str]) -> argparse.Namespace:
    """What was asked for on the command line; a wrong argument ends with one `error: ...` line and status 2."""
    parser = argparse.ArgumentParser(prog="app.py", description="Open the Style Playground in a browser.")
    parser.error = fail  # type: ignore[method-assign, assignment]
    parser.add_argument("--open", action="store_true", help="open the page in the browser when it is up")
    parser.add_argument("--host", help="the address to listen on; GRADIO_SERVER_NAME, else this machine only")
    parser.add_argument("--port", type=int, help="the port; GRADIO_SERVER_PORT, else the first free one from 7860")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--seats", type=int, default=4, help="how many runs are painted at once (4); others wait")
    parser.add_argument(
        "--network", action="append", default=[], metavar="FILE", help="a file of VGG weights that may be chosen too"
    )
    asked = parser.parse_args(given)
    port = os.environ.get("GRADIO_SERVER_PORT")
    if asked.port is None and port:
        if not port.isdecimal():
            fail(f"GRADIO_SERVER_PORT is {port!r}; set it to a number, or unset it")
        asked.port = int(port)
    if asked.port is not None and not 1 <= asked.port <= 65535:
        fail(f"there is no port {asked.port}; choose one from 1 to 65535")
    if asked.seats < 1:
        fail("at least one seat is needed")
    asked.host = asked.host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    return asked


def fail(sentence: str) -> NoReturn:
    """End with status 2 and one line that says what is wrong."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


asked = arguments(sys.argv[1:] if __name__ == "__main__" else [])

# Slow to import, so only once it is known that the page will be opened.
from playground.errors import PlaygroundError  # noqa: E402
from playground.job import Download  # noqa: E402
from playground.jobs import Jobs  # noqa: E402
from playground.lent import paint_elsewhere  # noqa: E402
from playground.recipe import DEFAULT_NETWORK  # noqa: E402
from playground.ui.page import LAUNCH, build_page  # noqa: E402

lent_gpu = None
if spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"):
    # ZeroGPU runs this in another process, for as long as its last argument says.
    lent_gpu = spaces.GPU(duration=lambda *inputs: inputs[-1])(paint_elsewhere)

try:
    jobs = Jobs(asked.device, seats=asked.seats, networks=asked.network, lent_gpu=lent_gpu, lent_seconds=LENT_SECONDS)
except PlaygroundError as error:
    fail(str(error))

demo = build_page(jobs).queue(max_size=LISTENERS, default_concurrency_limit=LISTENERS)


def launch() -> str:
    """Start serving in the background and return the page's address."""
    _, address, _ = demo.launch(
        server_name=asked.host,
        server_port=asked.port,
        inbrowser=asked.open,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        max_threads=LISTENERS,
        allowed_paths=[],
        show_error=True,
        ssr_mode=False,
        pwa=True,
        favicon_path=ICON,
        **LAUNCH,
    )
    return address


def tell(download: Download) -> None:
    """Show on the terminal how far the default network is on its way to this machine."""
    from playground.cli import progress_on_stderr

    with progress_on_stderr() as report:
        while not download.over.wait(0.2):
            report(download.sentence, download.fraction)
    if download.error:
        print(download.error, file=sys.stderr)


def main() -> None:
    """Serve until Ctrl-C or SIGTERM, then stop every run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            address = launch()
        except OSError:
            where = f"port {asked.port} is taken" if asked.port else "no port from 7860 is free"
            fail(f"{where}, or {asked.host} is no address of this machine; choose another with --port or --host")
        print(f"The Style Playground is open at {address} (Ctrl-C closes it)", flush=True)
        tell(jobs.fetch(DEFAULT_NETWORK))
        threading.Event().wait()
    except KeyboardInterrupt:
        print("Closing", flush=True)
    finally:
        jobs.close()
        demo.close(verbose=False)
        uploads.cleanup()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # an ordinary exit aborts when a thread is still inside torch, such as one that reads a network
