"""The hub as a process: its work, its API, its sockets."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvicorn

import fairway
from fairway.cloud.ranges import Ranges
from fairway.hub.api.app import application
from fairway.hub.auth import Role, Tokens, own_tokens
from fairway.hub.certificate import kept_fresh
from fairway.hub.client import Door
from fairway.hub.gate import Gate
from fairway.hub.identity import Identifies
from fairway.hub.limits import Limits
from fairway.hub.metrics import families
from fairway.hub.oidc import Oidc, read_oidc
from fairway.hub.service import Hub, HubConfig
from fairway.hub.signin import SignIn
from fairway.hub.state import State
from fairway.kit.anywhere import anywhere, both_families
from fairway.kit.errors import EnvironmentLacksError, UsageError
from fairway.kit.files import write_atomically
from fairway.kit.otlp import Push

_FIRST_PASSED: Final = 3
"""File descriptors that a service manager opened start here (sd_listen_fds(3))."""
_ALL: Final = ("", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
_GRACE: Final = 2
"""Seconds for open questions when the hub ends."""
_GARBAGE: Final = (50_000, 20, 20)
"""How rarely garbage is looked for. With tens of thousands of pods to look at it takes a quarter of a second,
and by Python's own numbers a map causes one or two such looks."""

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, with which certificate, and whom to let in: `tokens` is a file of people's own tokens,
    `oidc` the settings of their provider, `others` whoever else knows whose a token is."""

    host: str = "127.0.0.1"
    port: int = 8480
    certificate: Path | None = None
    key: Path | None = None
    tokens: Path | None = None
    oidc: Path | None = None
    limits: Limits = field(default_factory=Limits)
    others: tuple[Identifies, ...] = ()


def serve(config: HubConfig, listening: Listening, ranges: Ranges | None, log: Log) -> None:
    """Work and answer until SIGTERM or Ctrl-C; errors as of `answering`."""
    gc.set_threshold(*_GARBAGE)
    with answering(config, listening, ranges, log) as answers:
        asyncio.run(_until_told(answers))


@dataclass(frozen=True, slots=True)
class Answers:
    """A hub at work and the server that answers for it."""

    hub: Hub
    server: uvicorn.Server
    sockets: list[socket.socket]
    fresh: Callable[[], Coroutine[None, None, None]] | None = None
    """Keeps the certificate fresh until it is cancelled."""

    async def run(self) -> None:
        """Answer until `end`."""
        beside = asyncio.create_task(self.fresh()) if self.fresh is not None else None
        try:
            await self.server.serve(sockets=self.sockets)
        finally:
            if beside is not None:
                beside.cancel()

    def end(self) -> None:
        """Take no more questions; `run` returns."""
        self.server.should_exit = True
        self.hub.live.end()


@contextlib.contextmanager
def answering(config: HubConfig, listening: Listening, ranges: Ranges | None, log: Log) -> Iterator[Answers]:
    """A hub at work, whose answers are there to `run`. UsageError for files that are wrong, EnvironmentLacksError
    when the address is taken."""
    config.state.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = read_oidc(listening.oidc) if listening.oidc else None
    oidc = Oidc(settings) if settings else None
    sign_in = SignIn(settings, oidc) if settings and oidc else None
    others = [*([oidc] if oidc else []), *listening.others]
    with _listen(listening) as sockets, Hub(config, ranges, log) as hub:
        tokens = Tokens(own_tokens(config.state), listening.tokens, partial(_tell_tokens, hub, log))
        gate = Gate(tokens, others, listening.limits)
        server = _server(application(hub, gate, log, sign_in), listening)
        port = sockets[0].getsockname()[1]
        _tell_door(config.state, listening, port)
        log(f"hub: listens on port {port}")
        with _pushing(hub, gate, log):
            yield Answers(hub, server, sockets, _fresh(server, listening, log))


def _fresh(
    server: uvicorn.Server, listening: Listening, log: Log
) -> Callable[[], Coroutine[None, None, None]] | None:
    context, certificate = server.config.ssl, listening.certificate
    if context is None or certificate is None:
        return None
    return partial(kept_fresh, context, certificate, listening.key or certificate, log)


def _pushing(hub: Hub, gate: Gate, log: Log) -> contextlib.AbstractContextManager[object]:
    """The hub's metrics on their way to a collector, if there is one."""
    if not hub.config.otlp:
        return contextlib.nullcontext()
    hub.push = Push(
        hub.config.otlp,
        lambda: families(hub, gate.turned_away, time.time_ns() // 1000),
        {"service.name": "fairway-hub", "service.version": fairway.__version__},
        log,
        hub.config.otlp_seconds,
    )
    return hub.push


def _tell_tokens(hub: Hub, log: Log, news: str) -> None:
    log(f"tokens: {news}")
    try:
        hub.audit.record("a file", "tokens", news)
    except OSError as error:
        log(f"audit: {error.strerror}; the change of tokens is only in this log")


class _Server(uvicorn.Server):
    """Its signals are ours: a hub that is told to end has not failed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _until_told(answers: Answers) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, answers.end)
    await answers.run()


def _server(application: object, listening: Listening) -> uvicorn.Server:
    try:
        config = uvicorn.Config(
            application,  # type: ignore[arg-type]  # Litestar is an ASGI application by another definition
            ssl_certfile=str(listening.certificate) if listening.certificate else None,
            ssl_keyfile=str(listening.key) if listening.key else None,
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
            timeout_keep_alive=75,
        )
        config.load()
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{listening.certificate}: cannot be used for TLS: {reason}; give --cert and --key in PEM form"
        ) from error
    return _Server(config)


@contextlib.contextmanager
def _listen(listening: Listening) -> Iterator[list[socket.socket]]:
    """The socket asked for, and those that a service manager passed."""
    host = listening.host or anywhere()
    own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    passed: list[socket.socket] = []
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        both_families(own)
        try:
            own.bind((host, listening.port))
            own.listen(1024)
        except OSError as error:
            raise EnvironmentLacksError(
                f"cannot listen on {host}:{listening.port}: {error.strerror}; give another --listen"
            ) from error
        if os.environ.get("LISTEN_PID") in (str(os.getpid()), "any"):
            count = int(os.environ.get("LISTEN_FDS", "0"))
            passed += [socket.socket(fileno=_FIRST_PASSED + index) for index in range(count)]
        yield [own, *passed]
    finally:
        for one in (own, *passed):
            one.close()


def _tell_door(state: State, listening: Listening, port: int) -> None:
    """Leave in the state folder how verbs on this machine come in."""
    host = "127.0.0.1" if listening.host in _ALL else listening.host
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if listening.certificate else "http"
    door = Door(
        url=f"{scheme}://{shown}:{port}",
        token_file=str(state.token(Role.OPERATOR).absolute()),
        ca_file=str(listening.certificate.absolute()) if listening.certificate else None,
    )
    write_atomically(state.door, msgspec.json.encode(door))
