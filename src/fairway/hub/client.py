"""Client: asks a hub over HTTP, for verbs and whatever else runs on this machine."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fairway.hub.intent import Intent
from fairway.hub.state import State
from fairway.kit.errors import EnvironmentLacksError, FairwayError, UsageError, one_line

if TYPE_CHECKING:
    from fairway.hub.agents import Agents
    from fairway.hub.wishes import Wish

TIMEOUT: Final = 60.0
_MACHINERY: Final = re.compile(r"^\[[^\]]*\] ?| \(_ssl\.c:\d+\)$")
SILENT: Final = 45.0
"""Seconds after which a live stream that says nothing is dead."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where a hub is and how to be let in; `state.door` holds the one of a hub on this machine."""

    url: str
    token_file: str
    ca_file: str | None = None


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""


def read_door(state: State) -> Door | None:
    """The way into the hub whose state folder this is; None if no hub was ever started there."""
    try:
        return msgspec.json.decode(state.door.read_bytes(), type=Door)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{state.door}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{state.door}: {error}; restart the hub to write it anew") from error


def hub_of(state: State) -> "Client":
    """The hub whose state folder this is; UsageError if there is none."""
    door = read_door(state)
    if door is None:
        raise UsageError(f"`{state.folder}` is no hub's state folder; give the --state DIR of `fairway hub`")
    return Client(door)


class Client:
    """Asks one hub, with the door's token if none is given. Errors are one line that says what to do."""

    def __init__(self, door: Door, token: str | None = None) -> None:
        self._door = door
        self._token = token

    @property
    def url(self) -> str:
        """Where the hub is."""
        return self._door.url

    def flows(self, since: datetime | None = None, until: datetime | None = None) -> Any:
        """Flows of a time as a pyarrow table in the columns of `hub.columns`."""
        import pyarrow as pa

        bounds = {"since": since, "until": until}
        given = {name: moment.isoformat() for name, moment in bounds.items() if moment is not None}
        return pa.ipc.open_stream(self.ask("/api/v1/export/flows", given)).read_all()

    def agents(self) -> "Agents":
        """What every agent last reported."""
        from fairway.hub.agents import Agents  # and with it NumPy: half a second that most verbs can do without

        return msgspec.json.decode(self.ask("/api/v1/agents"), type=Agents)

    def ready(self) -> bool:
        """Whether the hub knows its cluster and can answer."""
        try:
            return self.ask("/readyz") != b""
        except EnvironmentLacksError:
            return False

    def answer(
        self, path: str, parameters: Mapping[str, str] | None = None, asked: msgspec.Struct | None = None
    ) -> Any:
        """The answer of a route below /api/v1 as plain values, to what is `asked` if it takes that; errors as of
        `ask`."""
        if asked is None:
            return msgspec.json.decode(self.ask(f"/api/v1/{path}", parameters))
        body = msgspec.json.encode(asked)
        return msgspec.json.decode(self.ask(f"/api/v1/{path}", parameters, method="POST", body=body))

    def wish(self, wish: "Wish") -> Intent:
        """Change what is in force and on trial."""
        return msgspec.json.decode(
            self.ask("/api/v1/intent", method="PUT", body=msgspec.json.encode(wish)), type=Intent
        )

    def ask(
        self,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> bytes:
        """The body of the answer; EnvironmentLacksError if nobody answers, UsageError for what the hub refuses."""
        with self._asking(path, parameters, TIMEOUT, method, body) as answer:
            content: bytes = answer.read()
            return content

    def events(self, parameters: Mapping[str, str] | None = None) -> Iterator[tuple[str, Any]]:
        """Kinds and contents of the live stream as they come, until it ends; errors as of `ask`."""
        with self._asking("/api/v1/live", parameters, SILENT) as answer:
            kind = ""
            for line in answer.iter_lines():
                name, _, content = line.partition(": ")
                if name == "event":
                    kind = content
                elif name == "data":
                    yield kind, msgspec.json.decode(content)

    @contextmanager
    def _asking(
        self,
        path: str,
        parameters: Mapping[str, str] | None,
        timeout: float,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Iterator[Any]:
        import httpx

        door = self._door
        headers = {"Authorization": f"Bearer {self._token or _token(door)}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            with (
                httpx.Client(base_url=door.url, timeout=timeout, verify=_trust(door)) as connection,
                connection.stream(
                    method, path, params=dict(parameters or {}), headers=headers, content=body
                ) as answer,
            ):
                if not answer.is_success:
                    raise _refused(door.url, answer.status_code, answer.read())
                yield answer
        except httpx.HTTPError as error:
            raise EnvironmentLacksError(
                f"hub {door.url}: {_unreached(str(error) or type(error).__name__)}"
            ) from None


def _trust(door: Door) -> Any:
    import ssl

    if door.url.startswith("http:"):
        return False  # without TLS there is nothing to verify, and reading the world's certificates takes a while
    try:
        return ssl.create_default_context(cafile=door.ca_file) if door.ca_file else True
    except OSError as error:  # a file without a certificate is one, too
        reason = error.strerror if error.errno and error.filename is not None else ""
        told = reason or ("does not exist" if isinstance(error, FileNotFoundError) else "holds no certificate")
        raise UsageError(f"the certificates `{door.ca_file}`: {told}; name a PEM file") from error


def _unreached(error: str) -> str:
    """Why nobody answered, and what to do."""
    reason = one_line(_MACHINERY.sub("", error))
    if "certificate verify failed" in error:
        return f"{reason}; give --ca FILE, the certificates to trust"
    if "wrong version number" in error or "record layer failure" in error:
        return "it does not speak TLS there; is it http://?"
    return f"{reason}; is `fairway hub` running?"


def _token(door: Door) -> str:
    try:
        return Path(door.token_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no plain text"
        raise UsageError(f"the token file {door.token_file}: {reason}") from error


def _refused(url: str, status: int, body: bytes) -> FairwayError:
    try:
        detail = msgspec.json.decode(body, type=_Problem).detail
    except msgspec.MsgspecError:
        detail = ""
    told = f"hub {url}: {detail or f'answers {status}'}"
    return EnvironmentLacksError(told) if status >= 500 else UsageError(told)
