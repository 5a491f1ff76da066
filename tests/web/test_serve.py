"""app.py as people start it: a process that answers, says where, ends on request, and complains in one sentence."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from playground.networks import weights
from playground.service.settings import local_address
from tests.helpers.visitor import Visitor, playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RUNS, NUMBERS = tempfile.TemporaryDirectory(prefix="runs-of-tests-"), itertools.count()
looks = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(*arguments: str, stderr: IO[str] | int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    runs = {"PLAYGROUND_RUNS_FOLDER": str(Path(RUNS.name, str(next(NUMBERS))))}  # nobody picks up another test's
    mine = ("GRADIO_", "PLAYGROUND_MAX", "PLAYGROUND_PROFILE", "PLAYGROUND_SETTINGS", "SPACE_")
    settings = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        env=settings | runs | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


@contextlib.contextmanager
def serving(
    *arguments: str, stderr: IO[str] | int = subprocess.PIPE, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address, once it has said it."""
    with start(*arguments, stderr=stderr, **environment) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if found := re.search(r"open at (http://\S+)", line):
                    break
            else:
                raise AssertionError(f"it ended: {said}{process.stderr and process.stderr.read()}")
            yield process, found[1]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def app(hed: weights.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The app on a port that the environment names, with its temporary files in a folder of the test."""
    temporary, port = tmp_path_factory.mktemp("temporary"), free_port()
    with serving(GRADIO_SERVER_PORT=str(port), TMPDIR=str(temporary)) as (process, address):
        yield {"process": process, "address": address, "port": port, "temporary": temporary}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        playwright.expect.set_options(timeout=30_000)
        # One test has a public website frame this machine, which Chromium refuses before it asks for our headers.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-features=LocalNetworkAccessChecks"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    for name in ("content", "style"):
        Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return {name: handle_file(tmp_path / f"{name}.png") for name in ("content", "style")}


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
    assert icon.text == (ROOT / "playground" / "ui" / "icon.svg").read_text("utf-8")


def test_gradio_collects_and_remembers_nothing(app: dict[str, Any]) -> None:
    config = httpx.get(f"{app['address']}config").json()
    assert config["analytics_enabled"] is False
    assert "runs" not in config["footer_links"]


def test_only_the_endpoint_is_public(app: dict[str, Any]) -> None:
    described = httpx.get(f"{app['address']}gradio_api/info").json()
    assert list(described["named_endpoints"]) == ["/stylize"]
    assert not described["unnamed_endpoints"]


def test_it_paints_and_keeps_uploads_private(app: dict[str, Any], pictures: dict[str, Any], tmp_path: Path) -> None:
    client = Client(app["address"], verbose=False, download_files=tmp_path)
    overrides = json.dumps({"size": 64, "iterations": 3})
    assert client.predict(**pictures, overrides=overrides, api_name="/stylize")[1]["ended"] == "done"
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


@looks
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
    assert Image.open(visitor.download("#save-png", tmp_path)).size == (51, 64)
    visitor.page.get_by_role("button", name="Copy link").click()
    playwright.expect(visitor.page.locator("#link textarea")).to_have_value(re.compile("^" + re.escape(app["address"])))
    for tab in ("Instant styles", "Train a style", "Side by side"):
        visitor.page.get_by_role("tab", name=tab).click()
        playwright.expect(visitor.page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    visitor.left_clean()
    # The page itself hangs up on the stream of events when it has what it wants.
    assert [one for one in failed if "/queue/data" not in one] == []
    visitor.context.close()


def test_a_taken_port_is_said_in_one_sentence(app: dict[str, Any]) -> None:
    with start("--port", str(app["port"])) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith(f"error: port {app['port']} is taken")
    assert "Traceback" not in errors


def test_sigterm_leaves_no_file_and_no_traceback(app: dict[str, Any], pictures: dict[str, Any], tmp_path: Path) -> None:
    """Last of the tests that share the process."""
    with_a_run(app["address"], pictures, tmp_path)
    app["process"].send_signal(signal.SIGTERM)
    assert app["process"].wait(60) == 0
    assert "Traceback" not in app["process"].stderr.read()
    assert not list(app["temporary"].glob("playground-*"))


def with_a_run(address: str, pictures: dict[str, Any], folder: Path) -> None:
    """Let the server paint for somebody, without an end."""
    client = Client(address, verbose=False, download_files=folder / "downloads")
    overrides = json.dumps({"size": 64, "iterations": 100_000})
    call = client.submit(**pictures, overrides=overrides, api_name="/stylize")
    deadline = time.monotonic() + 60
    while not any(status["step"] > 5 for _, status, _ in call.outputs()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_outlives_sigterm_and_sigkill(hed: weights.Weights, pictures: dict[str, Any], tmp_path: Path) -> None:
    ends = [signal.SIGTERM, signal.SIGKILL, signal.SIGTERM]
    for number, end in enumerate(ends):
        arguments = ["--port", str(free_port()), "--set", "save_every=0.2"]
        with serving(*arguments, PLAYGROUND_RUNS_FOLDER=str(tmp_path / "runs")) as (process, address):
            if number == 0:
                assert httpx.get(f"{address}health").json()["runs"] == 0
                with_a_run(address, pictures, tmp_path)
            deadline = time.monotonic() + 60
            while httpx.get(f"{address}health").json()["runs"] != 1:
                assert time.monotonic() < deadline, f"no run after {ends[number - 1].name}"
                time.sleep(0.1)
            time.sleep(1.0)  # some moments are saved
            process.send_signal(end)
            assert process.wait(60) == (0 if end == signal.SIGTERM else -signal.SIGKILL)


def test_without_a_folder_for_runs_it_paints_all_the_same(
    hed: weights.Weights, pictures: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be", "utf-8")
    with serving("--port", str(free_port()), PLAYGROUND_RUNS_FOLDER=str(tmp_path / "runs")) as (process, address):
        client = Client(address, verbose=False, download_files=tmp_path / "downloads")
        overrides = json.dumps({"size": 64, "iterations": 3})
        assert client.predict(**pictures, overrides=overrides, api_name="/stylize")[1]["ended"] == "done"
        process.kill()
        assert process.stderr is not None
        assert "cannot keep runs" in process.stderr.read()


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
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    with start(*arguments, **environment) as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert output == ""
    (line,) = errors.splitlines()
    assert line.startswith("error: ")
    assert sentence in line


def test_without_network_and_weights_the_page_opens_and_says_what_to_do(tmp_path: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    port = str(free_port())
    with serving("--port", port, PLAYGROUND_HOME=str(tmp_path / "home"), **nowhere) as (process, address):
        assert httpx.get(address).status_code == 200
        assert process.stderr is not None
        for line in process.stderr:
            if "vgg16-hed" in line and "--fetch" in line:
                break
        else:
            raise AssertionError("it never said what to do")


# ---------------------------------------------------------------- a classroom, a login, a Space

LOGIN, ADMIN = "class:open sesame", "correct horse"


@pytest.fixture(scope="module")
def classroom(hed: weights.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A class's server with everything turned on, and what it said when it opened."""
    folder = tmp_path_factory.mktemp("classroom")
    (folder / "settings.json").write_text(json.dumps({"login": LOGIN, "upload_mb": 1, "max_size": 128}), "utf-8")
    log, arguments = folder / "log", ["--classroom", "--port", str(free_port()), "--log-json"]
    with (
        log.open("w", encoding="utf-8") as stderr,
        serving(
            *arguments,
            stderr=stderr,
            PLAYGROUND_SETTINGS=str(folder / "settings.json"),
            PLAYGROUND_ADMIN_PASSWORD=ADMIN,
            PLAYGROUND_RUNS_FOLDER=str(folder / "runs"),
        ) as (process, address),
    ):
        assert process.stdout is not None
        said = [address]
        while "webcam" not in said[-1]:
            said.append(process.stdout.readline())
        yield {"process": process, "address": address, "said": "".join(said), "log": log}


@contextlib.contextmanager
def logged_in(address: str) -> Iterator[httpx.Client]:
    user, _, password = LOGIN.partition(":")
    with httpx.Client(base_url=address) as client:
        assert client.post("/login", data={"username": user, "password": password}).status_code == 200
        yield client


@pytest.fixture
def class_address(classroom: dict[str, Any]) -> str:
    """The address that it gave to the class."""
    (address,) = re.findall(r"For the class: (http://\S+/)\n", classroom["said"])
    return address


def test_a_classroom_says_where_it_is_for_whom_and_what_it_lacks(classroom: dict[str, Any], class_address: str) -> None:
    assert class_address == classroom["address"].replace("localhost", local_address() or socket.gethostname())
    assert classroom["said"].count("█") > 100  # the QR code, which tests/test_server.py reads back
    (key,) = re.findall(rf"teacher.*{re.escape(class_address)}\?key=(\S+)", classroom["said"])
    assert len(key) >= 12
    assert "no webcam" in classroom["said"]
    assert "PLAYGROUND_LOGIN" not in classroom["said"]  # there is one
    assert httpx.get(f"{class_address}health").json()["status"] == "ok"


def test_who_is_not_logged_in_gets_nothing_but_the_form(classroom: dict[str, Any]) -> None:
    address = classroom["address"]
    with httpx.Client(base_url=address) as stranger:
        for path in (
            "config",
            "gradio_api/info",
            "gradio_api/queue/data?session_hash=a",
            "gradio_api/file=/etc/passwd",
        ):
            assert stranger.get(path).status_code == 401, path
        for path in ("gradio_api/queue/join", "gradio_api/run/predict", "gradio_api/call/stylize"):
            assert stranger.post(path, json={"data": [], "fn_index": 0, "session_hash": "a"}).status_code == 401, path
        assert stranger.post("gradio_api/upload", files={"files": b"x"}).status_code == 401
        assert stranger.post("login", data={"username": "class", "password": "guess"}).status_code == 400
    with logged_in(address) as friend:
        assert friend.get("config").status_code == 200
        assert friend.get("logout").status_code == 404  # it would end the login of all who share it
        assert friend.get("config").status_code == 200


def test_an_upload_beyond_the_limit_is_refused(classroom: dict[str, Any]) -> None:
    with logged_in(classroom["address"]) as friend:
        assert friend.post("gradio_api/upload", files={"files": bytes(900_000)}).status_code == 200
        assert friend.post("gradio_api/upload", files={"files": bytes(1_200_000)}).status_code == 413
        field = friend.post("gradio_api/upload", data={"files": "x" * 200_000}, files={"files": b"small"})
        assert (field.status_code, field.text) == (400, "A field may hold 64 kB.")


def test_another_website_cannot_use_a_login(classroom: dict[str, Any], class_address: str) -> None:
    """Gradio alone would answer any origin here, with its cookies."""
    with logged_in(class_address) as friend:
        assert friend.get("config", headers={"origin": "https://evil.example"}).status_code == 403
        assert friend.get("config", headers={"origin": class_address.rstrip("/")}).status_code == 200


def test_the_admin_view_of_a_served_page(classroom: dict[str, Any]) -> None:
    address = classroom["address"]
    assert httpx.get(f"{address}admin").status_code == 401
    view = httpx.get(f"{address}admin", auth=("teacher", ADMIN))
    assert view.status_code == 200
    assert "frame-ancestors 'self'" in view.headers["content-security-policy"]


@looks
def test_a_pupil_logs_in_paints_and_sees_no_button_that_cannot_work(class_address: str, browser: Any) -> None:
    if "//127." in class_address:
        pytest.skip("this machine has no network")
    visitor = Visitor(browser, class_address)
    visitor.page.goto(class_address)
    user, _, password = LOGIN.partition(":")
    visitor.page.get_by_label("username").fill(user)
    visitor.page.get_by_label("password").fill(password)
    visitor.page.get_by_role("button", name="Login").click()
    playwright.expect(visitor.page.locator("#run")).to_be_enabled()
    visitor.complaints.clear()  # the browser notes the 401 that led to the form
    visitor.open(size=64, iterations=5)
    content = visitor.page.locator("#content")
    playwright.expect(content.get_by_label("Upload file")).to_be_visible()
    for label in ("Capture from camera", "Paste from clipboard"):
        playwright.expect(content.get_by_label(label)).to_be_hidden()
    visitor.run()
    visitor.finish()
    visitor.left_clean()
    visitor.context.close()


def test_every_line_of_the_log_is_an_object_without_secrets(classroom: dict[str, Any]) -> None:
    """Last of the tests that share the class."""
    text = classroom["log"].read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    (opened,) = [line for line in lines if line["message"] == "open"]
    assert (opened["profile"], opened["level"]) == ("classroom", "info")
    (key,) = re.findall(r"\?key=(\S+)", classroom["said"])
    assert not any(secret in text for secret in (key, ADMIN, "open sesame"))


@looks
def test_a_space_can_be_framed_by_hugging_face_and_by_nobody_else(browser: Any, tmp_path: Path) -> None:
    space = {"SPACE_ID": "someone/playground", "PLAYGROUND_RUNS_FOLDER": str(tmp_path / "runs")}
    with serving("--port", str(free_port()), "--host", "127.0.0.1", **space) as (_, address):
        headers = httpx.get(address).headers
        assert "x-frame-options" not in headers
        framing = f'<iframe src="{address}" width="1000" height="800"></iframe>'

        def framed(site: str) -> tuple[Any, list[str]]:
            page, refusals = browser.new_context().new_page(), []
            page.route(f"{site}**", lambda route: route.fulfill(body=framing, content_type="text/html"))
            page.on("console", lambda said: refusals.append(said.text) if "frame-ancestors" in said.text else None)
            page.goto(site)
            return page, refusals

        page, refusals = framed("https://huggingface.co/")
        playwright.expect(page.frame_locator("iframe").locator("#run")).to_be_visible()
        assert not refusals
        page.context.close()
        page, refusals = framed("https://evil.example/")
        page.wait_for_timeout(500)
        assert len(refusals) == 1
        assert page.frame_locator("iframe").locator("#run").count() == 0
        page.context.close()


SPACES = '''
"""Stands in for Hugging Face's package: the decorated generator runs in a forked process, values are pickled."""
import multiprocessing, pickle

asked = []


def GPU(duration):
    def decorate(task):
        def handler(*inputs):
            seconds = duration(*inputs)
            context = multiprocessing.get_context("fork")
            values = context.SimpleQueue()
            process = context.Process(target=work, args=(task, pickle.dumps(inputs), values), daemon=True)
            process.start()
            print(f"lent for {seconds:.0f} s", flush=True)
            while (value := values.get()) is not None:
                yield value
            print("given back", flush=True)
        return handler
    return decorate


def work(task, inputs, values):
    import torch
    torch.set_num_threads(1)  # the parent's other threads are not in a fork
    for value in task(*pickle.loads(inputs)):
        values.put(value)
    values.put(None)
'''


def test_on_zerogpu_a_run_is_painted_in_the_lent_process(
    hed: weights.Weights, pictures: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "spaces.py").write_text(textwrap.dedent(SPACES), encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path), "SPACES_ZERO_GPU": "true"}
    with serving("--port", str(free_port()), "--device", "cpu", **environment) as (process, address):
        client = Client(address, verbose=False, download_files=tmp_path / "downloads")
        call = client.submit(**pictures, overrides='{"size": 64, "iterations": 4}', api_name="/stylize")
        outputs = list(call)
        assert outputs[-1][1]["ended"] == "done"
        assert len({preview for preview, _, _ in outputs if preview}) >= 2
        assert process.stdout is not None
        assert process.stdout.readline() == "lent for 60 s\n"
        assert process.stdout.readline() == "given back\n"
        endless = client.submit(**pictures, overrides='{"size": 64, "iterations": 100000}', api_name="/stylize")
        while not any(status["state"] == "running" for _, status, _ in endless.outputs()):
            time.sleep(0.05)
        assert process.stdout.readline().startswith("lent for")
        endless.cancel()
        assert process.stdout.readline() == "given back\n"
