"""A certificate that is renewed on disk is the one shown next, and half of a renewal is not."""

import asyncio
import base64
import contextlib
import datetime
import ssl
from pathlib import Path

from fairway.hub.certificate import kept_fresh
from fairway.kube.certificate import certificate_secret


def write(folder: Path, *names: str) -> bytes:
    """New files of these names; the certificate as it goes over the wire."""
    data = certificate_secret("net", datetime.datetime.now(datetime.UTC))["data"]
    for name in names:
        (folder / name).write_bytes(base64.b64decode(data[name]))
    return ssl.PEM_cert_to_DER_cert(base64.b64decode(data["tls.crt"]).decode())


async def shown(port: int) -> bytes | None:
    """The certificate that a server shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        found: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found
    finally:
        writer.close()


async def transcript(folder: Path) -> None:
    lines: list[str] = []

    async def until(condition: object) -> None:
        async with asyncio.timeout(30):
            while not await condition():  # type: ignore[operator]
                await asyncio.sleep(0.01)

    first = write(folder, "tls.crt", "tls.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    keeping = asyncio.create_task(kept_fresh(context, folder / "tls.crt", folder / "tls.key", lines.append, 0.01))

    async def told() -> bool:
        return bool(lines)

    assert await shown(port) == first
    write(folder, "tls.crt")  # its key is still the old one's
    await until(told)
    assert await shown(port) == first
    second = write(folder, "tls.crt", "tls.key")

    async def renewed() -> bool:
        return await shown(port) == second

    await until(renewed)
    assert "the one before stays" in lines[0]
    assert lines[-1] == f"certificate: {folder / 'tls.crt'} is new; taken up"
    keeping.cancel()
    server.close()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


def test_a_renewed_certificate_is_shown_and_half_of_one_is_not(tmp_path: Path) -> None:
    asyncio.run(transcript(tmp_path))
