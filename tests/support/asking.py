"""Questions to a hub as anybody puts them."""

from typing import Any

import httpx

from fairway.hub.auth import Role
from support.hubs import Serving


def ask(hub: Serving, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
    """The answer to a token, the operator's if none is given."""
    told = hub.state.token(Role.OPERATOR).read_text() if token is None else token
    headers = {"Authorization": f"Bearer {told}", **options.pop("headers", {})}
    with httpx.Client(verify=False, trust_env=False, timeout=30) as connection:
        return connection.request(method, f"{hub.door.url}{path}", headers=headers, **options)
