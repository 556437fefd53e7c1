"""Addresses of hosts, and sockets that are connected with them."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

from envcheck.index.patience import Again

_LIFE, _NO_LIFE = 60.0, 1.0  # seconds for which a name's addresses, or that it has none, are known


class Names:
    """Addresses of hosts, looked up once in a while, by one thread: a resolver that many ask at
    once may lose questions, which are asked again after 5 seconds.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[Any] | OSError]] = {}
        self._locks: dict[tuple[str, int], threading.Lock] = {}

    def addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        """(family, address) of each. Raises OSError."""
        key = (host, port)
        with self._locks.setdefault(key, threading.Lock()):
            until, found = self._known.get(key, (0.0, []))
            if until < time.monotonic():
                try:
                    asked = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                    found = [(one[0], one[4]) for one in asked]
                except (OSError, ValueError) as error:  # the latter for what cannot be a name
                    found = error if isinstance(error, OSError) else OSError("it is no name")
                life = _NO_LIFE if isinstance(found, OSError) else _LIFE
                self._known[key] = (time.monotonic() + life, found)
        if isinstance(found, OSError):
            raise type(found)(*found.args)  # each of those who asked gets its own
        return found

    def worse(self, host: str, port: int, address: object) -> None:
        """It did not answer: try it last from now on."""
        until, found = self._known.get((host, port), (0.0, []))
        if isinstance(found, list):
            self._known[(host, port)] = (until, sorted(found, key=lambda one: one[1] == address))


_NAMES = Names()


def connected(host: str, port: int, seconds: float) -> socket.socket:
    """A socket that is connected within ``seconds``: one address after the other, each with its
    share of the time. Raises OSError, Again.
    """
    end = time.monotonic() + seconds
    problem: OSError = OSError("it has no address")
    addresses = _NAMES.addresses(host, port)
    for number, (family, address) in enumerate(addresses):
        share = (end - time.monotonic()) / (len(addresses) - number)
        try:
            return _to(family, address, max(0.1, share))
        except OSError as error:
            problem = error
            _NAMES.worse(host, port, address)
    if isinstance(problem, TimeoutError):
        raise Again("no connection in time") from problem
    raise problem


def _to(family: int, address: object, seconds: float) -> socket.socket:
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.settimeout(seconds)
        plain.connect(address)  # type: ignore[arg-type]
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        plain.close()
        raise
    return plain
