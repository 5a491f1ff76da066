"""app.py as people start it: a process that answers, says where, ends on request, and complains in one sentence."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from playground import weights

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    settings = {key: value for key, value in os.environ.items() if not key.startswith("GRADIO_")}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        env=settings | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address, once it has said it."""
    with start(*arguments, **environment) as process:
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


def test_a_space_may_frame_it(app: dict[str, Any]) -> None:
    headers = httpx.get(app["address"]).headers
    assert "x-frame-options" not in headers
    assert "frame-ancestors" not in headers.get("content-security-policy", "")


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


def test_a_taken_port_is_said_in_one_sentence(app: dict[str, Any]) -> None:
    with start("--port", str(app["port"])) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith(f"error: port {app['port']} is taken")
    assert "Traceback" not in errors


def test_sigterm_stops_a_run_and_leaves_nothing(app: dict[str, Any], pictures: dict[str, Any], tmp_path: Path) -> None:
    """Last of the tests that share the process."""
    client = Client(app["address"], verbose=False, download_files=tmp_path)
    overrides = json.dumps({"size": 64, "iterations": 100_000})
    call = client.submit(**pictures, overrides=overrides, api_name="/stylize")
    deadline = time.monotonic() + 60
    while not any(status["state"] == "running" for _, status, _ in call.outputs()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app["process"].send_signal(signal.SIGTERM)
    assert app["process"].wait(60) == 0
    assert "Traceback" not in app["process"].stderr.read()
    assert not list(app["temporary"].glob("playground-*"))


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--device", "tpu"], {}, "there is no device called 'tpu'"),
        (["--port", "99999"], {}, "there is no port 99999"),
        (["--seats", "0"], {}, "at least one seat"),
        (["--share"], {}, "unrecognized arguments: --share"),
        ([], {"GRADIO_SERVER_PORT": "eighty"}, "GRADIO_SERVER_PORT is 'eighty'"),
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
