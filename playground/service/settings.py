"""How a server is set up: its settings from a file, the environment and the command line, and what is wrong with them.

web/serve.py reads them when it starts, `doctor` reports what would apply. Knows nothing of the page.
"""

from __future__ import annotations

import difflib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from playground.errors import PlaygroundError
from playground.recipe.complaints import own_words
from playground.service.address import is_loopback
from playground.service.limits import PROFILES, Limits

PREFIX = "PLAYGROUND_"
NO_SETTINGS = {
    "PLAYGROUND_ARITHMETIC",
    "PLAYGROUND_HOME",
    "PLAYGROUND_MAX_PIXELS",
    "PLAYGROUND_SETTINGS",
}  # read elsewhere
RENAMED = {"moments_mb": "checkpoints_mb"}  # names of earlier versions, which still work
OTHER_NAMES = {
    "host": "GRADIO_SERVER_NAME",  # what a Space and other tools set
    "port": "GRADIO_SERVER_PORT",
    **{new: PREFIX + old.upper() for old, new in RENAMED.items()},
}
SECRETS = {"login", "admin_password", "teacher_key"}
MAX_SETTINGS_BYTES = 100_000

Profile = Literal["laptop", "classroom", "space"]


class Settings(Limits, BaseSettings):
    """All that can be set about a server, its limits among it. Made by `read_settings`; by itself it reads nothing."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, env_prefix=PREFIX)

    profile: Profile = Field("laptop", description="Where the defaults of all other settings come from.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 is every network of this machine.")
    port: int | None = Field(None, ge=1, le=65535, description="Port; empty: the first free one from 7860.")
    hosts: str = Field(
        "", description="Other names of the server, separated by commas, such as that of a proxy in front of it."
    )
    proxies: str = Field(
        "",
        description="Addresses or networks of proxies in front, separated by commas, whose `X-Forwarded-For` is believed; "
        "people who keep no cookie are told apart by it.",
    )
    login: SecretStr | None = Field(None, description="A user:password that everybody must give before the page opens.")
    teacher_key: SecretStr | None = Field(
        None, description="Opens the page as the teacher; empty: a classroom makes one up at each start and prints it."
    )
    admin_password: SecretStr | None = Field(
        None, description="Turns on `/admin`, which asks for it (with any user name): runs, memory, stop buttons."
    )
    log: Literal["text", "json"] = Field(
        "text", description="The log on stderr: `text` for people, `json` for an object a line."
    )
    debug: bool = Field(False, description="Tracebacks of faults in the log, for a developer; else a line each.")
    upload_mb: int = Field(64, ge=1, description="MB of the largest file that may be uploaded.")
    files_mb: int = Field(
        4000,
        ge=100,
        description="MB on disk of uploads and of pictures on open pages together; the oldest previews go first.",
    )
    runs_folder: Path | None = Field(
        None, description="Where runs are kept over a restart; empty: `runs` beside the downloaded networks."
    )

    @field_validator("host")
    @classmethod
    def _an_address(cls, host: str) -> str:
        if not host.strip():  # which a socket takes for every network of this machine
            raise ValueError("write an address of this machine, such as 127.0.0.1, or 0.0.0.0 for every network")
        return host.strip()

    @field_validator("login")
    @classmethod
    def _user_and_password(cls, login: SecretStr | None) -> SecretStr | None:
        if login is not None and not all(part.strip() for part in login.get_secret_value().partition(":")):
            raise ValueError("write it as user:password")
        return login

    @field_validator("admin_password", "teacher_key")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 8:
            raise ValueError("at least 8 characters are needed, since anybody may guess")
        return secret

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **more: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @property
    def limits(self) -> Limits:
        """What a run may take."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})

    @property
    def auth(self) -> tuple[str, str] | None:
        """User name and password of the login, if there is one."""
        if self.login is None:
            return None
        user, _, password = self.login.get_secret_value().partition(":")
        return user.strip(), password

    @property
    def names(self) -> set[str]:
        """`hosts` as a set of names in lower case."""
        return {name.strip().lower() for name in self.hosts.split(",") if name.strip()}

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine itself can reach the server."""
        return is_loopback(self.host)

    @property
    def on_space(self) -> bool:
        """Whether a public service stands in front: it brings HTTPS, and frames the page."""
        return self.profile == "space"

    def is_teacher(self, key: object) -> bool:
        """Whether this is the teacher's key; takes as long for a wrong one."""
        if self.teacher_key is None or not isinstance(key, str):
            return False
        return same_secret(key, self.teacher_key.get_secret_value())

    def teacher_link(self, address: str) -> str | None:
        """The page's address for the teacher, if there is a key."""
        if self.teacher_key is None:
            return None
        return f"{address}?key={quote(self.teacher_key.get_secret_value(), safe='')}"

    def flat(self) -> dict[str, Any]:
        """Every setting as plain JSON data, secrets as stars."""
        values = self.model_dump(mode="json")
        return {name: values[name] for name in setting_names()}


EVERYWHERE = "0.0.0.0"  # nosec B104: a class and a Space are opened to others, which is asked for by name

# What a profile sets beside its limits.
OWN_DEFAULTS: dict[str, dict[str, Any]] = {
    "laptop": {},
    "classroom": {"host": EVERYWHERE, "upload_mb": 32, "files_mb": 6000},
    "space": {
        "host": EVERYWHERE,
        "upload_mb": 32,
        "files_mb": 4000,
        "proxies": "127.0.0.1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",  # a Space is reached through its own network alone
    },
}


def same_secret(given: str, secret: str) -> bool:
    """Compare in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode("utf-8"))


def setting_names() -> list[str]:
    """Every setting, in the order in which they are documented."""
    return [name for name in Settings.model_fields if name not in Limits.model_fields] + list(Limits.model_fields)


class _Written(InitSettingsSource):
    """Settings that stand somewhere by name, under the names of today; an old name gives way to the new one beside it."""

    def __init__(self, settings: Mapping[str, Any], place: str) -> None:
        self.places = {}
        values = {}
        for name, value in settings.items():
            new = RENAMED.get(name, name)
            _check_name(new, f"{name}{place}")
            if value is not None and (new == name or new not in settings):
                values[new], self.places[new] = value, f"{name}{place}"
        super().__init__(Settings, values)


class _Variables(EnvSettingsSource):
    """PLAYGROUND_MAX_RUNS=8 and so on; an empty variable counts as unset, and one of no setting is refused."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {variable.lower(): value for variable, value in environment.items() if value}
        self.places = {name: PREFIX + name.upper() for name in setting_names()}
        for variable in environment:
            name = variable.removeprefix(PREFIX).lower()
            if variable.startswith(PREFIX) and variable not in NO_SETTINGS and environment[variable]:
                _check_name(RENAMED.get(name, name), variable)


class _OtherVariables(InitSettingsSource):
    """Variables with other names than `PLAYGROUND_` and a setting's."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.places = {name: variable for name, variable in OTHER_NAMES.items() if environment.get(variable)}
        super().__init__(Settings, {name: environment[variable] for name, variable in self.places.items()})


_Source = _Written | _Variables | _OtherVariables


def _found(name: str, written: Sequence[_Source]) -> tuple[Any, str] | None:
    """The value of a setting that counts, and where it stands; None where it is written nowhere."""
    return next(((source()[name], source.places[name]) for source in written if name in source()), None)


def read_settings(
    given: Mapping[str, Any] | None = None,
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings that apply: the command line's, over the environment's, over the file's, over the profile's.

    Args:
        given: what the command line says, by name.
        file: a JSON object of settings; PLAYGROUND_SETTINGS names one where this is None.

    Raises:
        PlaygroundError: no such setting or profile, or a value that cannot be used; the sentence says where it stands.
    """
    named = environment.get("PLAYGROUND_SETTINGS")
    path = file or (Path(named).expanduser() if named else None)
    in_file = _Written(_in_file(path) if path else {}, f" in {path}")
    variables = _Variables(environment), _OtherVariables(environment)
    written = (_Written(given or {}, " on the command line"), *variables, in_file)  # the strongest first
    profile, where = _found("profile", written) or ("space" if environment.get("SPACE_ID") else "laptop", "")
    if profile not in list(PROFILES):
        raise PlaygroundError(f"{where} cannot be {profile!r}: choose one of {', '.join(PROFILES)}.")
    usual = {**PROFILES[profile].model_dump(), **OWN_DEFAULTS[profile], "profile": profile}

    class Chosen(Settings):
        @classmethod
        def settings_customise_sources(cls, *_: Any, **__: Any) -> tuple[PydanticBaseSettingsSource, ...]:
            return (*written, InitSettingsSource(cls, usual))

    try:
        return Settings(**Chosen().model_dump())
    except ValidationError as error:
        raise PlaygroundError(_sentence(error, written)) from None


def _in_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_SETTINGS_BYTES + 1)
        values = json.loads(text) if len(text) <= MAX_SETTINGS_BYTES else None
    except OSError as error:
        raise PlaygroundError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise PlaygroundError(f"The settings file {path} is not valid JSON.") from None
    if not isinstance(values, dict):
        raise PlaygroundError(f'The settings file {path} must hold a JSON object such as {{"max_runs": 8}}.')
    return values


def _check_name(name: str, where: str) -> None:
    names = setting_names()
    if name in names:
        return
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"the settings are {', '.join(names)}."
    raise PlaygroundError(f"{where} is no setting of the server: {hint}")


def _sentence(error: ValidationError, written: Sequence[_Source]) -> str:
    """What is wrong with the first value that cannot be used, and where it stands; a secret is never repeated."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    value, where = _found(name, written) or (first["input"], name)
    shown = "used" if name in SECRETS else repr(value)
    complaint = own_words(first["msg"])
    return f"{where} cannot be {shown}: {complaint[:1].lower()}{complaint[1:]}."


def advice(settings: Settings) -> list[str]:
    """What whoever starts the server should know about how it is reached."""
    if settings.on_loopback or settings.on_space:
        return []
    said = ["Over plain HTTP browsers offer no webcam, no pasting by button and no installation as an app."]
    if settings.login is None:
        said.append(
            "Anybody on this network can open the page. Where not everybody is trusted, ask for a login: "
            "set PLAYGROUND_LOGIN=user:password and start again."
        )
    return said
