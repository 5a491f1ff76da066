"""app.py as people start it: a process that answers, says where, ends on request, and complains in one sentence."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client
from PIL import Image

from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.settings import read_settings
from playground.web import serve
from playground.web.app_server import Server
from tests.helpers.serving import APP, ROOT, SERVE, free_port, serving, start
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, playwright
from tests.helpers.waiting import until


@pytest.fixture(scope="module")
def app(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The app on a port that the environment names, with its temporary files in a folder of the test."""
    temporary, port = tmp_path_factory.mktemp("temporary"), free_port()
    with serving(GRADIO_SERVER_PORT=str(port), TMPDIR=str(temporary)) as (process, address):
        yield {"process": process, "address": address, "port": port, "temporary": temporary}


def test_it_answers_where_it_said(app: dict[str, Any]) -> None:
    assert app["address"] == f"http://127.0.0.1:{app['port']}/"
    page = httpx.get(app["address"])
    assert page.status_code == 200
    assert "Style Playground" in page.text


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's list of open ports")
def test_it_listens_on_this_machine_only(app: dict[str, Any]) -> None:
    hexadecimal = f"{app['port']:04X}"
    listening = [
        line.split()[1].split(":")[0]
        for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]
        if line.split()[1].endswith(f":{hexadecimal}") and line.split()[3] == "0A"
    ]
    assert listening == ["0100007F"]


def test_it_can_be_installed_with_its_own_icon(app: dict[str, Any]) -> None:
    manifest = httpx.get(f"{app['address']}manifest.json").json()
    assert manifest["name"] == "Style Playground"
    icon = httpx.get(f"{app['address'].rstrip('/')}{manifest['icons'][0]['src']}")
    assert icon.text == (ROOT / "playground" / "web" / "assets" / "icon.svg").read_text("utf-8")


def test_gradio_collects_and_remembers_nothing(app: dict[str, Any]) -> None:
    config = httpx.get(f"{app['address']}config").json()
    assert config["analytics_enabled"] is False
    assert "runs" not in config["footer_links"]


def test_only_the_endpoint_is_public(app: dict[str, Any]) -> None:
    described = httpx.get(f"{app['address']}gradio_api/info").json()
    assert list(described["named_endpoints"]) == ["/stylize", "/stylize_several", "/instant"]
    assert not described["unnamed_endpoints"]


def test_it_paints_and_keeps_uploads_private(app: dict[str, Any], uploads: dict[str, Any], tmp_path: Path) -> None:
    client = Client(app["address"], verbose=False, download_files=tmp_path)
    overrides = json.dumps({"size": 64, "iterations": 3})
    assert client.predict(**uploads, overrides=overrides, api_name="/stylize")[1]["ended"] == "done"
    (folder,) = app["temporary"].glob("playground-uploads-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.rglob("content.png"))


def test_a_file_of_the_server_is_not_served(app: dict[str, Any]) -> None:
    for path in (ROOT / "README.md", ROOT / "app.py", "/etc/passwd"):
        assert httpx.get(f"{app['address']}gradio_api/file={path}").status_code in (403, 404)


def test_gradios_dashboards_are_closed(app: dict[str, Any]) -> None:
    for path in (
        "monitoring",
        "monitoring/summary",
        "gradio_api/deep_link?session_hash=a",
        "gradio_api/proxy=http://a",
    ):
        assert httpx.get(f"{app['address']}{path}").status_code in (403, 404)


def test_health_answers_programs(app: dict[str, Any]) -> None:
    found = httpx.get(f"{app['address']}health").json()
    assert (found["status"], found["device"]) == ("ok", "cpu")


@NEEDS_CHROMIUM
def test_the_page_works_under_its_policy(app: dict[str, Any], browser: Any, tmp_path: Path) -> None:
    """Upload, run, download, link, every tab: the browser complains of nothing, and nothing is blocked."""
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 64, 3), dtype=np.uint8)).save(photo)
    visitor = Visitor(browser, app["address"])
    failed: list[str] = []
    visitor.page.on("requestfailed", lambda asked: failed.append(f"{asked.url} {asked.failure}"))
    visitor.open(size=64, iterations=5)
    visitor.page.locator("#content").get_by_label("Remove Image").click()
    visitor.page.locator("#content input[type=file]").set_input_files(photo)
    playwright.expect(visitor.page.locator("#content img")).to_be_visible()
    visitor.run()
    visitor.finish()
    with Image.open(visitor.download("#save-png", tmp_path)) as saved:
        assert saved.size == (51, 64)
    visitor.page.get_by_role("button", name="Copy link").click()
    playwright.expect(visitor.page.locator("#link textarea")).to_have_value(re.compile("^" + re.escape(app["address"])))
    for tab in ("Instant styles", "Train a style", "Side by side"):
        visitor.page.get_by_role("tab", name=tab).click()
        playwright.expect(visitor.page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    visitor.left_clean()
    # The page itself hangs up on a stream, of events or of an upload's progress, when it has what it wants.
    hung_up = re.compile(r"/upload_progress\?\S* net::ERR_ABORTED$")
    assert [one for one in failed if "/queue/data" not in one and not hung_up.search(one)] == []
    visitor.context.close()


def test_sigterm_leaves_no_file_and_no_traceback(app: dict[str, Any], uploads: dict[str, Any], tmp_path: Path) -> None:
    """Last of the tests that share the process."""
    with_a_run(app["address"], uploads, tmp_path)
    app["process"].send_signal(signal.SIGTERM)
    assert app["process"].wait(60) == 0
    assert "Traceback" not in app["process"].stderr.read()
    assert not list(app["temporary"].glob("playground-*"))


def with_a_run(address: str, uploads: dict[str, Any], folder: Path) -> None:
    """Let the server paint for somebody, without an end."""
    client = Client(address, verbose=False, download_files=folder / "downloads")
    overrides = json.dumps({"size": 64, "iterations": 100_000})
    call = client.submit(**uploads, overrides=overrides, api_name="/stylize")
    until(lambda: any(status["step"] > 5 for _, status, _ in call.outputs()), every=0.05)


def moments(folder: Path) -> set[Path]:
    """Snapshots of runs that lie there."""
    return set(folder.rglob("*.moment"))


@pytest.mark.slow  # of the store and the jobs the same is tested without a page, tests/service
def test_a_run_outlives_sigterm_and_sigkill(hed: read.Weights, uploads: dict[str, Any], tmp_path: Path) -> None:
    ends = [signal.SIGTERM, signal.SIGKILL, signal.SIGTERM]
    for number, end in enumerate(ends):
        arguments = ["--port", str(free_port()), "--set", "save_every=0.2"]
        with serving(*arguments, PLAYGROUND_RUNS_FOLDER=str(tmp_path / "runs")) as (process, address):
            if number == 0:
                assert httpx.get(f"{address}health").json()["runs"] == 0
                with_a_run(address, uploads, tmp_path)
            until(lambda address=address: httpx.get(f"{address}health").json()["runs"] == 1, every=0.1)  # type: ignore[misc]
            known = moments(tmp_path)
            until(lambda known=known: moments(tmp_path) - known, every=0.1)  # type: ignore[misc]
            process.send_signal(end)
            assert process.wait(60) == (0 if end == signal.SIGTERM else -signal.SIGKILL)


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--device", "tpu"], {}, "there is no device called 'tpu'"),
        (["--port", "99999"], {}, "port on the command line cannot be '99999'"),
        (["--set", "max_runs=0"], {}, "max_runs on the command line cannot be '0'"),
        (["--set", "max_runs"], {}, "--set max_runs has no value"),
        (["--profile", "school"], {}, "choose one of laptop, classroom, space"),
        (["--settings", "nowhere.json"], {}, "nowhere.json cannot be read"),
        (["--share"], {}, "unrecognized arguments: --share"),
        ([], {"GRADIO_SERVER_PORT": "eighty"}, "GRADIO_SERVER_PORT cannot be 'eighty'"),
        ([], {"PLAYGROUND_MAX_RUN": "3"}, "did you mean max_runs?"),
    ],
)
def test_wrong_arguments_end_with_one_sentence(
    arguments: list[str],
    environment: dict[str, str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # What a process sets up for itself alone is left as it is in this one.
    monkeypatch.setattr(serve, "prepare", lambda: None)
    monkeypatch.setattr(serve, "start_log", lambda form, debug: None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        serve.make_server(serve.arguments(arguments))
    assert ended.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    (line,) = errors.splitlines()
    assert line.startswith("error: ")
    assert sentence in line


@pytest.mark.parametrize("program", [APP, SERVE], ids=["app.py", "playground serve"])
def test_either_way_to_start_it_ends_with_that_sentence_alone(program: tuple[str, ...]) -> None:
    with start("--set", "max_runs=0", program=program) as process:
        output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (2, "")
    assert errors.startswith("error: max_runs on the command line cannot be '0'")
    assert errors.count("\n") == 1


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # gradio's, which found the port taken
def test_a_taken_port_is_said_in_one_sentence(
    hed: read.Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed: list[str] = []
    scratch = SimpleNamespace(close=lambda: closed.append("scratch"))
    monkeypatch.setattr(serve, "prepare", lambda: SimpleNamespace(scratch=scratch))
    monkeypatch.setattr(serve, "interrupt_the_server", lambda: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = read_settings({"port": taken.getsockname()[1]}, environment={})
        with pytest.raises(SystemExit) as ended:
            serve.serve(Server(Jobs("cpu"), settings, tmp_path))
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: port {settings.port} is taken")
    assert closed == ["scratch"]
    del ended
    gc.collect()


def test_serve_is_the_same_page_and_wants_no_folder_for_runs(
    hed: read.Weights, uploads: dict[str, Any], tmp_path: Path
) -> None:
    """And what must be set before gradio is imported is set on this way too."""
    port, runs, temporary = free_port(), tmp_path / "runs", tmp_path / "temporary"
    runs.write_text("a file where a folder should be", "utf-8")
    temporary.mkdir()
    environment: dict[str, Any] = {"TMPDIR": str(temporary), "PLAYGROUND_RUNS_FOLDER": str(runs)}
    with serving("--port", str(port), program=SERVE, **environment) as (process, address):
        assert address == f"http://127.0.0.1:{port}/"
        assert httpx.get(f"{address}config", timeout=60).json()["analytics_enabled"] is False
        assert [path.stat().st_mode & 0o077 for path in temporary.glob("playground-uploads-*")] == [0]
        client = Client(address, verbose=False, download_files=tmp_path / "downloads")
        overrides = json.dumps({"size": 64, "iterations": 3})
        assert client.predict(**uploads, overrides=overrides, api_name="/stylize")[1]["ended"] == "done"
        with_a_run(address, uploads, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr is not None
        said = process.stderr.read()
        assert "cannot keep runs" in said
        assert "Traceback" not in said
    assert not list(temporary.glob("playground-*"))


AS_A_SPACE = """
import sys
sys.argv = ["space", "--no-such-option"]  # of whatever imports it
import app, gradio
assert isinstance(app.demo, gradio.Blocks)
assert gradio.component_meta.create_or_modify_pyi.__module__.startswith("playground."), "prepare() came too late"
app.serve(app.server)
"""


@pytest.fixture(scope="module")
def unfetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The app, imported as a Space does it, where nothing has been fetched and nothing can be."""
    folders = {
        "PLAYGROUND_HOME": tmp_path_factory.mktemp("nothing") / "home",
        "TMPDIR": tmp_path_factory.mktemp("temporary"),
    }
    environment: dict[str, Any] = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "GRADIO_SERVER_PORT": str(free_port()),
    }
    environment |= {name: str(folder) for name, folder in folders.items()}
    with serving(program=("-c", AS_A_SPACE), **environment) as (process, address):
        yield {"process": process, "address": address, "temporary": folders["TMPDIR"]}


def test_imported_as_a_space_without_network_and_weights_it_opens_and_says_what_to_do(
    unfetched: dict[str, Any],
) -> None:
    assert httpx.get(unfetched["address"]).status_code == 200
    for line in unfetched["process"].stderr:
        if "vgg16-hed" in line and "--fetch" in line:
            break
    else:
        raise AssertionError("it never said what to do")


@pytest.mark.slow  # tests/system/test_scratch.py has the same without a server
def test_what_a_killed_server_left_of_uploads_goes_when_the_next_one_starts(unfetched: dict[str, Any]) -> None:
    """And is readable by nobody else while it is there. Last of those that share the process."""
    files = {"files": ("private.png", b"private", "image/png")}
    (upload,) = httpx.post(f"{unfetched['address']}gradio_api/upload", files=files).json()
    unfetched["process"].kill()
    unfetched["process"].wait()
    temporary = unfetched["temporary"]
    (left,) = temporary.glob("playground-uploads-*")
    assert Path(upload).is_relative_to(left.resolve())
    assert {path.stat().st_mode & 0o077 for path in (left, *left.rglob("*"))} == {0}
    with serving(TMPDIR=str(temporary)) as (_, address):
        assert httpx.get(address).status_code == 200
        assert not left.exists()
        assert len(list(temporary.glob("playground-uploads-*"))) == 1
