"""Where a server is found: its address for others, as text and as a QR code, and what to know about it."""

from __future__ import annotations

import socket

import pytest
import segno

from playground.service.address import local_address, qr_code, shared_address
from playground.service.settings import Settings, advice, read_settings


def test_a_server_that_others_reach_without_a_login_is_told_so() -> None:
    assert advice(Settings()) == []
    assert advice(read_settings({"host": "localhost"}, environment={})) == []
    assert advice(read_settings(environment={"SPACE_ID": "someone/playground"})) == []
    openly = " ".join(advice(read_settings({"host": "192.0.2.7"}, environment={})))
    assert "webcam" in openly
    assert "PLAYGROUND_LOGIN" in openly
    with_login = " ".join(advice(read_settings({"profile": "classroom", "login": "class:x"}, environment={})))
    assert "webcam" in with_login
    assert "PLAYGROUND_LOGIN" not in with_login


def test_the_address_for_others_is_one_of_this_machine() -> None:
    address = local_address()
    if address is None:
        pytest.skip("this machine has no network")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as listener:
        listener.bind((address.strip("[]"), 0))
    everywhere = read_settings({"host": "0.0.0.0"}, environment={})
    assert shared_address(everywhere.host, "http://localhost:7860/") == f"http://{address}:7860/"
    assert shared_address(Settings().host, "http://127.0.0.1:7860/") == "http://127.0.0.1:7860/"


def test_the_qr_code_on_the_terminal_is_the_addresss() -> None:
    """Read back from the half blocks: a space is two dark modules on a dark terminal, a full block two light ones."""
    address = "http://192.0.2.7:7860/"
    rows: list[list[int]] = []
    for line in qr_code(address).splitlines():
        rows.append([int(character in " ▄") for character in line])
        rows.append([int(character in " ▀") for character in line])
    matrix = [list(row) for row in segno.make(address, micro=False).matrix_iter(border=4)]
    assert rows[: len(matrix)] == matrix
