"""Every setting, in one table. Docs, `system.info` and `victoryvault doctor` are made from it.

Values come from the environment, then from `.env` in the working directory, then from here.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "VICTORYVAULT_"
ENV_FILE = ".env"
LAST_PORT = 65535
PAIR = "[^@#&=]+=[^@#&]*"
HOST = r"(?:\[[0-9a-f:.]+\]|[^][@/?#:,]*)(?::\d+)?"
DSN = re.compile(
    r"(?:(?:[^][@/?#%]|%[0-9a-f]{2})*@)?"
    rf"(?P<hosts>{HOST}(?:,{HOST})*)"
    r"(?:/[^@/?#]*)?"
    rf"(?:\?(?:{PAIR}(?:&{PAIR})*)?)?",
    re.IGNORECASE,
)
"""What follows postgresql://. A password with such a character in it would be cut there, and its
rest be taken for a host or a name, which are shown."""

Count = Annotated[int, Field(ge=0)]
"""A limit; 0 means none."""
Positive = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]


def split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
"""Several words in one variable, comma separated."""


class SettingsError(Exception):
    """The environment holds a value that no setting takes. Its text is shown as it is."""


def setting(default: Any, description: str, *names: str) -> Any:
    """A field read from `names`, or from VICTORYVAULT_<FIELD> when none are given."""
    alias = AliasChoices(*names) if names else None
    return Field(default=default, description=description, validation_alias=alias)


class Limits(BaseSettings):
    """What protocol §7 promises; `system.info` shows it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", populate_by_name=True
    )

    max_message_bytes: Positive = setting(65536, "Largest message a client may send")
    max_reply_bytes: Positive = setting(1048576, "Largest reply; longer lists come in pages")
    max_batch: Positive = setting(50, "Entries in one batch")
    max_depth: Positive = setting(32, "Nesting of JSON")
    max_fragments: Count = setting(64, "Fragments of one message")
    max_control_frames_per_second: Count = setting(10, "Pings and pongs of one connection")
    max_calls_in_flight: Positive = setting(
        32, "Calls of one connection at a time; beyond, reading waits"
    )
    max_calls_per_second: Count = setting(
        100, "Calls of one connection; bursts of twice that are allowed"
    )
    max_subscriptions: Count = setting(100, "Subscriptions of one connection")
    max_ids_in_where: Positive = setting(1000, "Values that one `where` may name")
    max_rows_per_subscription: Count = setting(100000, "Rows that one subscription may hold")
    min_password_length: Positive = setting(10, "Characters of a password")
    max_connections: Count = setting(10000, "Connections of one worker")
    max_connections_per_address: Count = setting(1000, "Connections from one address")
    sign_in_attempts_per_minute: Count = setting(
        10, "Failed sign-ins for one email; an address has ten times that"
    )
    call_timeout_seconds: Positive = setting(10, "Time a call may take")
    handshake_timeout_seconds: Positive = setting(10, "Time a WebSocket handshake may take")
    sign_in_timeout_seconds: Count = setting(
        0, "A socket that nobody has signed in on by then is closed"
    )
    idle_timeout_seconds: Count = setting(
        0, "A socket that asks nothing and follows nothing for so long is closed"
    )
    ping_interval_seconds: Positive = setting(20, "Time between pings, and as long for the answer")
    send_timeout_seconds: Positive = setting(
        10, "A full socket that drains nothing for so long is closed"
    )
    drain_seconds: Count = setting(10, "Time that stopping leaves to calls under way")
    session_days: Positive = setting(30, "Life of a session since it was last used")
    log_days: Positive = setting(7, "Days that changes are kept")
    log_changes: Count = setting(1000000, "Changes that are kept at least")


class Settings(Limits):
    """All settings. `Settings.load()` reads them, and raises `SettingsError` with a sentence."""

    database_url: str | None = setting(
        None, "PostgreSQL to use, as postgresql://user:password@host:port/name", "DATABASE_URL"
    )
    db_user: str | None = setting(None, "The same in parts: user", "DB_USER")
    db_password: str | None = setting(None, "The same in parts: password", "DB_PASSWORD")
    db_host: str | None = setting(None, "The same in parts: host", "DB_HOST")
    db_port: Port | None = setting(None, "The same in parts: port", "DB_PORT")
    db_name: str | None = setting(None, "The same in parts: database", "DB_NAME")
    data: str | None = setting(
        None, "Folder of the embedded PostgreSQL, used when no database is named"
    )
    pool_size: Positive = setting(10, "Database connections of one worker")
    allowed_origins: Words = setting(
        (), "Web origins that may connect, comma separated; the server's own always may; * for all"
    )
    trusted_proxies: Words = setting(
        (), "Proxies whose X-Forwarded-For is believed: addresses, networks, comma separated"
    )
    permessage_deflate: bool = setting(
        False,  # noqa: FBT003 - the default
        "Whether frames may be compressed: fewer bytes, but a window's memory for each message",
    )
    metrics_token: str | None = setting(
        None,
        "Token to send to /metrics as Authorization: Bearer; without one it is for loopback only",
    )
    admin: bool = setting(
        False,  # noqa: FBT003 - the default
        "Whether `/admin` is served, to admins; needs `pip install '.[admin]'`",
    )
    log_format: str = setting("auto", "`json`, `text`, or `auto`: text on a terminal")
    log_level: str = setting("info", "`debug`, `info`, `warning` or `error`")

    def model_post_init(self, _context: Any) -> None:
        if self.database_url:
            check_dsn(self.database_url)
        if self.admin and find_spec("piccolo_admin") is None:
            raise SettingsError(f"{PREFIX}ADMIN needs `pip install '.[admin]'`.")
        if self.log_format not in {"auto", "json", "text"}:
            raise SettingsError(f"{PREFIX}LOG_FORMAT is auto, json or text.")
        if self.log_level not in {"debug", "info", "warning", "error"}:
            raise SettingsError(f"{PREFIX}LOG_LEVEL is debug, info, warning or error.")

        for each in self.allowed_origins:
            if each != "*" and "://" not in each:
                raise SettingsError(
                    f"{PREFIX}ALLOWED_ORIGINS has {each}; an origin begins with https:// or http://."
                )
        for each in self.trusted_proxies:
            try:
                ip_network(each, strict=False)
            except ValueError:
                raise SettingsError(
                    f"{PREFIX}TRUSTED_PROXIES has {each}, which is no address and no network."
                ) from None

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        try:
            return cls(**overrides)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = str(first["loc"][0])
            named = variable(name) if name in cls.model_fields else name
            kind = first["type"].partition("_")[0]
            what = {"int": "a whole number", "bool": "true or false"}.get(kind, "another value")
            for bound, words in (("ge", "at least"), ("le", "at most")):
                if bound in first.get("ctx", {}):
                    what = f"{words} {first['ctx'][bound]}"
            raise SettingsError(f"The setting {named} must be {what}.") from None

    @property
    def dsn(self) -> str | None:
        """The database that the environment names, or None: then the embedded one is used."""
        if self.database_url:
            return self.database_url
        if not (self.db_name or self.db_host):
            return None
        query = {
            "user": self.db_user,
            "password": self.db_password,
            "host": self.db_host,
            "port": self.db_port,
        }
        given = {name: str(value) for name, value in query.items() if value is not None}
        return f"postgresql:///{quote(self.db_name or '', safe='')}?{urlencode(given)}"

    @property
    def limits(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in Limits.model_fields}


def check_dsn(value: str) -> None:
    """Raises SettingsError, which holds nothing of the value."""
    scheme, _, rest = value.partition("://")
    if scheme.lower() not in {"postgresql", "postgres"}:
        raise SettingsError(
            "DATABASE_URL starts with postgresql://, without quotes, as in .env.example."
        )
    found = DSN.fullmatch(rest)
    ports = re.findall(r":(\d+)(?:,|$)", found["hosts"]) if found else []
    if found is None or any(int(port) > LAST_PORT for port in ports):
        raise SettingsError(
            "DATABASE_URL cannot be read; in a password write @ : / # % ? [ as "
            "%40 %3A %2F %23 %25 %3F %5B, or use DB_PASSWORD."
        )


def variable(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{PREFIX}{name.upper()}"


def markdown() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "From the environment, or from a file `.env` in the working directory; the environment",
        "wins. Of the limits, 0 means none where that makes sense, and `system.info` shows them.",
        "",
        "| variable | default | what it is |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in {None, ()} else f"`{field.default}`"
        lines.append(f"| `{variable(name)}` | {default} | {field.description} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())  # noqa: T201 - `make docs` makes the page of it
