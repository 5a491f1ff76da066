"""Gradio's own addresses, bodies that are none: nothing is shown, and nothing stumbles."""

from __future__ import annotations

import json

import pytest

from tests.web.hostile.target import (
    API,
    CANARY,
    JSON,
    Target,
    deep,
)

GETS = [
    f"{API}/file=/etc/passwd", f"{API}/file={{elsewhere}}/secret.png", f"{API}/file={{uploads}}/../../elsewhere/secret.png",
    f"{API}/file=http://127.0.0.1:9/", f"{API}/file=https://example.invalid/x", f"{API}/file=%2Fetc%2Fpasswd", f"{API}/file=",
    f"{API}/file=app.py", f"{API}/file=.git/config", f"{API}/file={{uploads}}", f"{API}/file/etc/passwd", f"{API}/file=\u202e",
    f"{API}/proxy=http://127.0.0.1:9/", f"{API}/deep_link?session_hash=a", f"{API}/vibe-code", f"{API}/dev/reload",
    f"{API}/stream/a/b/0/playlist.m3u8", f"{API}/stream/a/b/0/x.ts", f"{API}/stream/a/b/0/playlist-file", f"{API}/runs",
    f"{API}/run-history/records", f"{API}/custom_component/x/client/y/../../z.js", f"{API}/call/stylize/forged",
    f"{API}/upload_progress?upload_id=forged", f"{API}/profiling/traces", "/monitoring",
    "/monitoring/summary", "/static/../../app.py",
    "/static/..%2f..%2fapp.py", "/assets/..%2f..%2f..%2fapp.py", "/svelte/..%2f..%2fapp.py", "/pwa_icon/0", "/admin", "/logout",
]  # fmt: skip


@pytest.mark.parametrize("path", GETS)
def test_addresses_that_give_nothing(target: Target, path: str) -> None:
    (uploads,) = (target.folder / "temporary").glob("playground-uploads-*")
    path = path.format(elsewhere=target.folder / "elsewhere", uploads=uploads)
    with target.http.stream("GET", path) as stream:
        text = next(stream.iter_text(), "")
    assert CANARY not in text
    assert "root:" not in text
    assert "Traceback" not in text
    assert "import " not in text
    if stream.status_code == 200 and path.startswith(f"{API}/call"):
        assert text == "" or "event: error" in text
    else:
        assert 400 <= stream.status_code < 500, (stream.status_code, text[:200])


BODIES: list[bytes] = [
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", deep(10_000).encode(), b"{}", b'{"data": null}', b'{"data": {}}',
    b'{"data": [], "fn_index": -1, "session_hash": "a"}', b'{"data": [], "fn_index": 99999, "session_hash": "a"}',
    b'{"data": [], "fn_index": 1e400, "session_hash": "a"}', b'{"data": [], "fn_index": "0", "session_hash": "a"}',
    b'{"data": [], "fn_index": 0, "session_hash": null}', b'{"data": [], "fn_index": 0, "session_hash": {"a": 1}}',
    b'{"data": [NaN], "fn_index": 0, "session_hash": "../../etc"}',
    b'{"data": [], "fn_index": 0, "trigger_id": 99999, "session_hash": "a"}',
]  # fmt: skip


@pytest.mark.parametrize("where", ["queue/join", "run/predict", "call/stylize", "call/v2/stylize"])
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_bodies_that_are_none(target: Target, where: str, number: int) -> None:
    answer = target.http.post(f"{API}/{where}", content=BODIES[number], headers=JSON)
    text = answer.text
    if answer.status_code == 200:  # it was let into the queue, and is refused there
        id, session = answer.json().get("event_id"), json.loads(BODIES[number]).get("session_hash")
        follow = f"call/stylize/{id}" if where.startswith("call") else f"queue/data?session_hash={session}"
        text = target.listen(follow)
    assert "Traceback" not in text
    assert 'File "' not in text
    assert answer.status_code < 500 or '"error"' in text, (answer.status_code, text[:300])


POSTS = [
    "cancel",
    "reset",
    "component_server",
    "vibe-edit",
    "stream/forged",
    "stream/forged/close",
    "process_recording",
    "upload",
]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"event_id": "forged", "session_hash": "forged", "fn_index": 0}'])
@pytest.mark.parametrize("where", POSTS)
def test_gradios_other_doors(target: Target, where: str, body: bytes) -> None:
    answer = target.http.post(f"{API}/{where}", content=body, headers=JSON)
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text
