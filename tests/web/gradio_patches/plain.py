"""Which troubles plain gradio has: asked in a process of its own, where no patch was called yet but that of written_interfaces.

Every function returns whether gradio still does what the patch of the same name mends.
"""

from __future__ import annotations

import asyncio
import importlib.abc
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
from gradio import processing_utils, utils
from gradio.queueing import Event
from gradio.route_utils import GradioMultiPartParser
from gradio.server_messages import ProcessStartsMessage
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import MatplotlibBackendMananger
from PIL import Image
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.testclient import TestClient

from playground.web.gradio_patches.served_scripts import texts
from playground.web.gradio_patches.written_interfaces import MODULE


def left_sessions() -> bool:
    """A page that was closed half an hour ago is still held."""
    with gr.Blocks() as page:
        gr.Textbox()
    holder = StateHolder()
    holder.set_blocks(page)
    holder["closed"].is_closed = True
    holder.time_last_used["closed"] = datetime.now() - timedelta(minutes=30)
    holder.delete_all_expired_state()
    time.sleep(0.01)
    holder.delete_all_expired_state()
    return "closed" in holder


def light_sessions() -> bool:
    """A session begins with a description of every component."""
    with gr.Blocks() as page:
        gr.Textbox()
    return len(SessionState(page).config_values) >= 1


def foreign_sessions() -> bool:
    """One session's state is given to whoever names it, whatever cookie comes along."""
    with gr.Blocks() as page:
        state, button = gr.State(list), gr.Button()
        button.click(lambda state: state.append(1) or str(len(state)), state, gr.Textbox(), queue=False)
    app = gr.routes.App.create_app(page)
    said = []
    for cookie in ("a=1", "a=2"):
        body = {"data": [None], "fn_index": 0, "session_hash": "one"}
        said.append(TestClient(app).post("/gradio_api/run/predict", json=body, headers={"cookie": cookie}).json())
    return [answer["data"] for answer in said] == [["1"], ["2"]]


def written_interfaces() -> bool:
    """Defining a component reads and writes files for editors: of one whose source has no such class, that fails."""
    spec = PathFinder.find_spec(MODULE, gr.__path__)
    assert spec is not None
    assert spec.loader is not None
    plain = module_from_spec(spec)
    spec.loader.exec_module(plain)
    try:
        plain.ComponentMeta("Unheard", (), {"__module__": __name__, "EVENTS": ["change"]})
    except (ValueError, OSError):
        return True
    return False


def unreadable_requests() -> bool:
    """A selection without an index, and a value of another kind, end in a fault instead of a refusal."""
    with gr.Blocks() as page:
        files, button = gr.File(), gr.Button()
        button.click(lambda file: None, files)
    faults = 0
    try:
        gr.SelectData(None, {})
    except Exception as error:
        faults += not isinstance(error, gr.Error)
    try:
        asyncio.run(page.preprocess_data(page.default_config.fns[0], [{"path": 1}], None))
    except Exception as error:
        faults += not isinstance(error, gr.Error)
    return faults == 2


def foreign_files() -> bool:
    """A path that a request does not mark as a file is not looked at."""
    try:
        asyncio.run(
            processing_utils.async_move_files_to_cache({"path": __file__}, gr.Image(), check_in_upload_folder=True)
        )
    except Exception:
        return False
    return True


def long_fields() -> bool:
    """A field of a megabyte is gathered in memory."""
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + bytes(10**6) + b"\r\n--x--\r\n"

    async def stream() -> AsyncIterator[bytes]:
        yield body

    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    parser = GradioMultiPartParser(headers, stream(), max_file_size=10**7)  # type: ignore[arg-type]
    try:
        asyncio.run(parser.parse())
    except Exception:
        return False
    return True


def half_written_pictures() -> bool:
    """A picture that is there already is written into."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [processing_utils.save_pil_to_cache(Image.new("RGB", (8, 8)), folder) for _ in range(2)]
        before = Path(paths[0]).stat()
        processing_utils.save_pil_to_cache(Image.new("RGB", (8, 8)), folder)
        after = Path(paths[0]).stat()
    return before.st_ino == after.st_ino and before.st_mtime_ns != after.st_mtime_ns


def opened_uploads() -> bool:
    """A file that is no picture fails in the box, before any handler."""
    box = gr.Image(type="filepath", image_mode=None)
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(b"no picture")
        file.flush()
        try:
            path = box.preprocess(box.data_model(path=file.name, orig_name="a.png"))
        except Exception:
            return True
        return path != file.name


def missing_matplotlib() -> bool:
    """Every event looks for matplotlib once more where it is missing."""
    asked = []

    class Listener(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            asked.append(name)
            if name == "matplotlib":
                raise ImportError("as on a machine without it")

    sys.modules.pop("matplotlib", None)
    sys.meta_path.insert(0, Listener())
    for _ in range(2):
        with MatplotlibBackendMananger():  # as around every event
            pass
    return asked.count("matplotlib") >= 2


def spoken_config() -> bool:
    """A sentence that is to be translated goes to the browser as a mark, so that each carries every language."""
    translate = gr.I18n(en={"go": "Go"}, de={"go": "Los"})
    with gr.Blocks() as page:
        gr.Button(translate("go"))
    said = json.dumps(page.config, default=str)
    return "__i18n__" in said and "Go" not in said


def fair_queue() -> bool:
    """Who sends many events has all the seats."""
    with gr.Blocks() as page:
        gr.Button().click(lambda: None)
    queue = page.queue(default_concurrency_limit=None)._queue
    fn = page.default_config.fns[0]
    queue.create_event_queue_for_fn(fn)
    queue.active_jobs = [None] * 4
    for cookie in ("a", "a", "a", "a", "b"):
        event = Event(None, fn, Request({"type": "http", "headers": [(b"cookie", cookie.encode())]}), None)
        queue.event_queue_per_concurrency_id[fn.concurrency_id].queue.append(event)
    found = [queue.get_events() for _ in range(4)]
    return all(events and events[0][0].request.headers["cookie"] == "a" for events in found)


def plain_values() -> bool:
    """A number is made ready in a thread of its own."""
    where = []

    def noting(payload: float | None) -> float | None:
        where.append(threading.current_thread())
        return payload

    with gr.Blocks() as page:
        number = gr.Number()
        gr.Button().click(lambda value: None, number)
    number.preprocess = noting  # type: ignore[method-assign]
    asyncio.run(page.preprocess_data(page.default_config.fns[0], [3], None))
    return where[0] is not threading.main_thread()


def hidden_progress() -> bool:
    """The page's script walks through all parts that ever had a status, at every status of every event."""
    everybody = "Promise.all(Object.entries(this.loading_stati.current).map("
    return any(everybody in script for script in texts("Blocks-*.js").values())


def long_lookups() -> bool:
    """The page's script asks every event about every part, and walks through the page to find one."""
    of_all = "t.filter(t=>t.targets.find(([t])=>t===e.id))", "if(e.children)for(let n of e.children){let e=Z(n,t);"
    return any(all(said in script for said in of_all) for script in texts("core-*.js").values())


def refused_from_another_thread(kind: Callable[[], asyncio.Event]) -> bool:
    """Whether setting such an event from another thread is what a loop that looks after itself refuses."""
    refused: list[RuntimeError] = []

    async def listen() -> None:
        event = kind()
        waiting = asyncio.create_task(event.wait())
        await asyncio.sleep(0)

        def end() -> None:
            try:
                event.set()
            except RuntimeError as error:
                refused.append(error)

        await asyncio.to_thread(end)
        if not refused:
            await waiting

    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    loop.run_until_complete(listen())  # not by asyncio.run, which would wait for a listener that nobody wakes
    loop.close()
    return bool(refused)


def woken_listeners() -> bool:
    """What ends a server is no event for threads, and is set from another one."""
    return refused_from_another_thread(utils.safe_get_stop_event)


def unheard_messages() -> bool:
    """Telling a page that has hung up that its event begins is a KeyError."""
    with gr.Blocks() as page:
        gr.Button().click(lambda: None)
    event = Event("gone", page.default_config.fns[0], Request({"type": "http", "headers": []}), None)
    try:
        page.queue()._queue.send_message(event, ProcessStartsMessage(eta=None))
    except KeyError:
        return True
    return False


def troubles() -> dict[str, bool]:
    """By patch whether this gradio needs it."""
    probes = (
        left_sessions, light_sessions, foreign_sessions, unreadable_requests, foreign_files, long_fields, half_written_pictures,
        opened_uploads, missing_matplotlib, spoken_config, fair_queue, plain_values, hidden_progress, long_lookups,
        written_interfaces, woken_listeners, unheard_messages,
    )  # fmt: skip
    return {probe.__name__: probe() for probe in probes}
