"""Questions to a hub as people put them, over HTTP, and tokens of people who may see only so much."""

from pathlib import Path
from typing import Any

import httpx

from fairway.hub.auth import Role, digest
from support.hubs import Serving


def tokens(folder: Path) -> Path:
    """A file of tokens: `of viewer` sees all, `of NAMESPACE` what touches that one, `of nobody` nothing."""
    bound = {"nobody": "[]"} | {name: f"[{name}]" for name in ("ui", "orders", "dev", "shop", "data")}
    lines = [f"- {{name: viewer, role: viewer, sha256: {digest('of viewer')}}}"]
    lines += [
        f"- {{name: {name}, role: viewer, namespaces: {namespaces}, sha256: {digest(f'of {name}')}}}"
        for name, namespaces in bound.items()
    ]
    path = folder / "tokens.yaml"
    path.write_text("tokens:\n" + "\n".join(lines) + "\n")
    return path


def ask(hub: Serving, path: str, token: str | None = None, method: str = "GET", **options: Any) -> httpx.Response:
    """One request; the token of whoever runs the hub if none is named."""
    shown = token or hub.state.token(Role.OPERATOR).read_text()
    headers = {"Authorization": f"Bearer {shown}", **options.pop("headers", {})}
    with httpx.Client(verify=False, trust_env=False, timeout=60) as connection:
        return connection.request(method, f"{hub.door.url}{path}", headers=headers, **options)


def answer(hub: Serving, path: str, token: str | None = None, **parameters: Any) -> Any:
    """The body of an answer that is fine."""
    told = ask(hub, path, token, params=parameters)
    assert told.status_code == 200, told.text
    return told.json()


def refusal(hub: Serving, path: str, token: str | None = None, **parameters: Any) -> tuple[int, str]:
    """Status and reason of one that is not."""
    told = ask(hub, path, token, params=parameters)
    assert told.headers["content-type"].startswith("application/problem+json"), told.text
    return told.status_code, told.json()["detail"]
