"""Settings from file, environment and command line, in this order of strength."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from playground.cli.doctor import examine, in_words
from playground.errors import PlaygroundError
from playground.service.limits import PROFILES, Limits
from playground.service.settings import (
    Settings,
    read_settings,
    setting_names,
)

ROOT = Path(__file__).resolve().parents[2]


def test_without_anything_said_it_is_a_laptop_on_loopback() -> None:
    settings = read_settings(environment={})
    assert (settings.profile, settings.host, settings.login, settings.admin_password) == (
        "laptop",
        "127.0.0.1",
        None,
        None,
    )
    assert settings.limits == PROFILES["laptop"]
    assert settings.on_loopback


def test_a_space_is_noticed_unless_another_profile_is_asked_for() -> None:
    assert read_settings(environment={"SPACE_ID": "someone/playground"}).limits == PROFILES["space"]
    assert read_settings({"profile": "laptop"}, environment={"SPACE_ID": "someone/playground"}).profile == "laptop"


def test_command_line_over_environment_over_file_over_profile(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"profile": "classroom", "max_runs": 5, "max_size": 384, "max_waiting": 7}), "utf-8")
    environment = {"PLAYGROUND_SETTINGS": str(file), "PLAYGROUND_MAX_RUNS": "6", "PLAYGROUND_MAX_SIZE": "320"}
    settings = read_settings({"max_size": "256", "host": None}, environment=environment)
    limits = settings.limits
    assert (limits.max_size, limits.max_runs, limits.max_waiting) == (256, 6, 7)
    assert limits.max_iterations == PROFILES["classroom"].max_iterations
    assert settings.host == "0.0.0.0"


def test_what_gradio_calls_host_and_port_counts_and_ours_is_stronger() -> None:
    gradio = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "7001"}
    settings = read_settings(environment=gradio)
    assert (settings.host, settings.port) == ("0.0.0.0", 7001)
    assert read_settings(environment={**gradio, "PLAYGROUND_PORT": "7002"}).port == 7002


def test_the_old_name_of_a_setting_still_works_and_the_new_one_is_stronger(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"moments_mb": 70}', "utf-8")
    old = {"PLAYGROUND_MOMENTS_MB": "80"}
    assert read_settings(file=file, environment={}).limits.checkpoints_mb == 70
    assert read_settings(file=file, environment=old).limits.checkpoints_mb == 80
    assert read_settings({"moments_mb": "90"}, file, old).limits.checkpoints_mb == 90
    for both in ({"checkpoints_mb": "1", "moments_mb": "2"}, {"moments_mb": "2", "checkpoints_mb": "1"}):
        assert read_settings(both, environment={}).limits.checkpoints_mb == 1
    with pytest.raises(PlaygroundError, match="PLAYGROUND_MOMENTS_MB cannot be 'many'"):
        read_settings(environment={"PLAYGROUND_MOMENTS_MB": "many"})


def test_an_empty_variable_is_unset() -> None:
    assert read_settings(environment={"PLAYGROUND_LOGIN": "", "PLAYGROUND_MAX_RUNS": ""}) == Settings()


@pytest.mark.parametrize(
    ("given", "environment", "sentence"),
    [
        ({}, {"PLAYGROUND_MAX_RUN": "3"}, "PLAYGROUND_MAX_RUN is no setting of the server: did you mean max_runs?"),
        ({}, {"PLAYGROUND_MAX_RUNS": "many"}, "PLAYGROUND_MAX_RUNS cannot be 'many': "),
        ({}, {"PLAYGROUND_MAX_RUNS": "0"}, "PLAYGROUND_MAX_RUNS cannot be '0': input should be greater than or equal"),
        ({}, {"PLAYGROUND_DISK_MB": "nan"}, "PLAYGROUND_DISK_MB cannot be 'nan': "),
        ({"host": ""}, {}, "host on the command line cannot be '': write an address of this machine, such as 127.0.0.1"),
        ({"host": " "}, {}, "host on the command line cannot be ' ': write an address of this machine"),
        ({"port": "99999"}, {}, "port on the command line cannot be '99999': "),
        ({"profile": "school"}, {}, "profile on the command line cannot be 'school': choose one of laptop, classroom"),
        ({}, {"PLAYGROUND_LOGIN": "secretword"}, "PLAYGROUND_LOGIN cannot be used: write it as user:password."),
        ({}, {"PLAYGROUND_ADMIN_PASSWORD": "short"}, "PLAYGROUND_ADMIN_PASSWORD cannot be used: at least 8"),
        ({}, {"PLAYGROUND_SETTINGS": "/nowhere/settings.json"}, "cannot be read: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_with_its_place(
    given: dict[str, str], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(PlaygroundError) as refused:
        read_settings(given, environment=environment)
    assert sentence in str(refused.value)
    assert "secretword" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("profile", ["school", ["laptop"], {"laptop": 1}, 1])
def test_a_profile_that_does_not_exist_is_refused(tmp_path: Path, profile: object) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"profile": profile}), "utf-8")
    with pytest.raises(PlaygroundError) as refused:
        read_settings(file=file, environment={})
    assert str(refused.value) == (f"profile in {file} cannot be {profile!r}: choose one of laptop, classroom, space.")


def test_settings_by_themselves_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_MAX_RUNS", "9")
    assert Settings().max_runs == PROFILES["laptop"].max_runs
    assert read_settings().max_runs == 9


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 50_000, '{"max_runs": "' + "x" * 200_000 + '"}', '{"max_rums": 3}'])
def test_a_file_that_holds_no_settings_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text, "utf-8")
    with pytest.raises(PlaygroundError, match=r"settings\.json"):
        read_settings(file=file, environment={})


def test_secrets_are_neither_shown_nor_listed() -> None:
    words = {"login": "class:open sesame", "admin_password": "correct horse", "teacher_key": "battery staple"}
    settings = read_settings(words, environment={})
    shown = repr(settings) + json.dumps(settings.flat())
    assert not any(word in shown for word in ("sesame", "horse", "staple"))
    assert settings.auth == ("class", "open sesame")


def test_only_the_teachers_key_is_the_teachers_key() -> None:
    settings = read_settings({"teacher_key": "battery staple"}, environment={})
    assert settings.is_teacher("battery staple")
    assert not any(map(settings.is_teacher, ["battery stapl", "", None, 7, "ключ", ["battery staple"], "\ud800"]))
    assert not any(map(Settings().is_teacher, ["", None, "None"]))
    assert settings.teacher_link("http://192.0.2.7:7860/") == "http://192.0.2.7:7860/?key=battery%20staple"
    assert Settings().teacher_link("http://192.0.2.7:7860/") is None


def settings_table() -> str:
    """The table of all settings for docs/server.md: name, what it does, and each profile's default."""
    rows = ["| setting | what it does | laptop | classroom | Space |", "|---|---|---|---|---|"]
    profiles = [read_settings({"profile": profile}, environment={}).flat() for profile in PROFILES]
    for name in setting_names():
        field = Settings.model_fields.get(name) or Limits.model_fields[name]
        defaults = ["" if flat[name] is None else in_short(flat[name]) for flat in profiles]
        rows.append(f"| `{name}` | {field.description} | {' | '.join(defaults)} |")
    return "\n".join(rows)


def in_short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_readme_documents_every_setting_with_its_defaults() -> None:
    table = settings_table()
    assert all(f"| `{name}` |" in table for name in setting_names())
    assert table in (ROOT / "docs" / "server.md").read_text("utf-8"), (
        "put what settings_table() returns into docs/server.md"
    )


def test_doctor_reports_the_settings_as_they_would_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_PROFILE", "classroom")
    monkeypatch.setenv("PLAYGROUND_MAX_RUNS", "9")
    monkeypatch.setenv("PLAYGROUND_LOGIN", "class:open sesame")
    found = examine()
    assert (found["server"]["max_runs"], found["server"]["max_size"]) == (9, PROFILES["classroom"].max_size)
    assert "sesame" not in json.dumps(found)
    assert re.search("server +profile classroom on 0.0.0.0", in_words(found))
    monkeypatch.setenv("PLAYGROUND_MAX_RUNS", "none")
    found = examine()
    assert found["server"] is None
    assert "PLAYGROUND_MAX_RUNS cannot be 'none'" in in_words(found)
