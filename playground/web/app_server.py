"""The server of one page: its runs, the page itself, gradio's app with our routes and our guard around it.

serve.py opens one for a command line, and the browser tests open them as it does. Knows no command line and no terminal.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import Route

from playground.errors import PlaygroundError
from playground.images.load import DECODING
from playground.networks import catalogue
from playground.service.jobs import Jobs
from playground.service.settings import Settings
from playground.service.store import Store
from playground.web.admin import admin_routes
from playground.web.classroom.routes import class_routes
from playground.web.classroom.teacher import ClassDesk
from playground.web.compressed import CompressedPage
from playground.web.gradio_patches import hidden_progress, long_lookups
from playground.web.gradio_patches.fair_queue import take_turns_in_the_queue
from playground.web.gradio_patches.foreign_sessions import keep_sessions_apart
from playground.web.gradio_patches.left_sessions import forget_who_left
from playground.web.gradio_patches.long_fields import bound_fields
from playground.web.gradio_patches.private_names import kept_files
from playground.web.gradio_patches.unheard_messages import drop_unheard_messages
from playground.web.gradio_patches.woken_listeners import wake_listeners_in_their_loop
from playground.web.health import health
from playground.web.loop_time import LoopTime, charged_event
from playground.web.page import ASSETS, LAUNCH, build_page, head
from playground.web.pagefiles import PageFiles
from playground.web.people import MAX_EVENTS, Cookies, People, caller, claim_session, cookie_key, person_of
from playground.web.security import Guard, login
from playground.web.threads import end_idle_soon

IN_LINE = 2000  # events that may wait, of many people; each has a bound of its own
LISTENERS = 200  # open pages and API calls; each only looks at its job, so this costs next to nothing
LENT_SECONDS = 60.0  # of ZeroGPU a run; more than that waits longer for its turn and costs the visitor's quota

logger = logging.getLogger(__name__)


def make_jobs(
    settings: Settings, device: str = "auto", networks: Sequence[str] = (), lent_gpu: Callable[..., Any] | None = None
) -> Jobs:
    """The runs of a server with these settings.

    Raises:
        PlaygroundError: there is no such device, or a network's file cannot be read.
    """
    return Jobs(
        device,
        settings.limits,
        networks=networks,
        lent_gpu=lent_gpu,
        lent_seconds=LENT_SECONDS,
        store=_open_store(settings),
    )


def _open_store(settings: Settings) -> Store | None:
    """Where runs are kept over a restart; a folder that cannot be used is said, and only that is lost."""
    try:
        return Store(settings.runs_folder or catalogue.home() / "runs", settings.limits.disk_mb)
    except PlaygroundError as error:
        logger.warning("%s", error)
        return None


def app_options(
    jobs: Jobs, settings: Settings, files: PageFiles, people: People, desk: ClassDesk | None = None
) -> dict[str, Any]:
    """What `launch(app_kwargs=...)` needs so that gradio's app has our routes and our guard."""
    bound_fields()
    wake_listeners_in_their_loop()
    drop_unheard_messages()
    keep_sessions_apart(claim_session)
    take_turns_in_the_queue(person_of, MAX_EVENTS, charged_event)
    routes = [Route("/health", health(jobs)), *class_routes(desk or ClassDesk(jobs), settings)]
    routes += [*hidden_progress.scripts(), *long_lookups.scripts()]
    if settings.admin_password is not None:
        routes += admin_routes(jobs, settings.admin_password.get_secret_value())
    loop_time = LoopTime(people.is_here)
    guard = Middleware(Guard, settings=settings, files=files, people=people, loop_time=loop_time)
    return {"routes": routes, "middleware": [guard, Middleware(CompressedPage, loop_time=loop_time)]}


class Server:
    """A page and what serves it.

    Args:
        jobs: its runs; they outlive the page, and are closed by whoever made them.
        folder: where gradio puts uploads and pictures.

    Attributes:
        demo: the page as gradio's Blocks.
        files: the watch over `folder`.
        people: who has it open.
    """

    def __init__(self, jobs: Jobs, settings: Settings, folder: Path) -> None:
        self.jobs, self.settings = jobs, settings
        self.desk = ClassDesk(jobs)
        page = build_page(jobs, settings.is_teacher, self.desk.wall)
        self.demo = page.queue(max_size=IN_LINE, default_concurrency_limit=LISTENERS)
        cookies = Cookies(cookie_key(jobs.store.root if jobs.store else None), framed=settings.on_space)
        self.people = People(cookies, settings.limits.grace_seconds)
        self.files = PageFiles(folder, settings.files_mb, kept_files(self.demo), self.people.is_here)
        DECODING.account = lambda: caller().person
        # Which forgets what has ended long ago, where nobody comes any more whose asking would.
        forget_who_left(self.demo, self.people, partial(end_idle_soon, jobs.overview))

    def launch(self, *, in_browser: bool = False) -> str:
        """Start serving in the background and return the page's address.

        Raises:
            OSError: the port is taken, or the host is no address of this machine.
        """
        os.environ["FORWARDED_ALLOW_IPS"] = self.settings.proxies  # read by uvicorn; else anybody here could be many
        _, address, _ = self.demo.launch(
            server_name=self.settings.host,
            server_port=self.settings.port,
            inbrowser=in_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            max_threads=LISTENERS,
            allowed_paths=[],
            show_error=True,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=True,
            favicon_path=ASSETS / "icon.svg",
            auth=login(self.settings),
            app_kwargs=app_options(self.jobs, self.settings, self.files, self.people, self.desk),
            **{
                **LAUNCH,
                "head": head(self.jobs.limits.most()),
                "max_file_size": f"{self.settings.upload_mb}mb",
            },
        )
        self.files.start()
        return address

    def close(self) -> None:
        """Stop serving."""
        self.files.close()
        self.demo.close(verbose=False)
