"""A client of a gateway's door that says what it likes, as a cell can."""

from __future__ import annotations

import http.client
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

from envcheck.index.client import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.gateway import Door

#: What takes seconds takes tenths.
QUICK = Patience(
    connect=2,
    read=0.4,
    attempts=3,
    backoff=0.01,
    longest=0.1,
    window=0.3,
    slowest=5000,
    page=1 << 20,
)


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]
    reason: str


class Visitor:
    """One connection to a door, as a cell has it: paths are relative to the door's base."""

    def __init__(self, door: Door) -> None:
        self.prefix = ""
        if door.unix:
            self.connection = http.client.HTTPConnection("unix", timeout=10)
            self.connection.sock = socket.socket(socket.AF_UNIX)
            self.connection.sock.settimeout(10)
            self.connection.sock.connect(door.unix)
        else:
            host, _, token = door.base.removeprefix("http://").partition("/")
            self.connection = http.client.HTTPConnection(host, timeout=10)
            self.prefix = f"/{token}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Raises OSError or http.client.HTTPException if there is no whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, self.prefix + path, headers=named)
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.read(), dict(answer.getheaders()), answer.reason)

    def close(self) -> None:
        self.connection.close()


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether ``condition`` holds soon: an index counts an answer after it was sent."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def page_of(door: Door, project: str, kind: str = "index") -> str:
    """Path of a project's page below the door's base."""
    options = door.index_options("")
    place = options.index_url if kind == "index" else options.find_links[0]
    return f"{place}/{project}/" if kind == "index" else place
