"""Anywhere: the address that stands for all of a machine, of both families where it has both."""

import socket


def anywhere() -> str:
    """`::`, or `0.0.0.0` where the kernel was started without IPv6 (`ipv6.disable=1`)."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError:
        return "0.0.0.0"  # noqa: S104  # that is what was asked for
    return "::"


def both_families(own: socket.socket) -> None:
    """Take IPv4, too, on a socket for `::`; before it is bound. Of another family nothing happens."""
    if own.family == socket.AF_INET6:
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
