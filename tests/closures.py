"""Closures of wheels that lie in a folder, for what looks into them as if they lay on an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.index import pages, remote_wheel
from envcheck.index.client import Client
from envcheck.index.remote_elf import Wheels
from envcheck.index.sources import Network
from envcheck.model.target import Target
from envcheck.predict.deep import Examined, examine

if TYPE_CHECKING:
    from pathlib import Path

    from wheels import File

SLIM = Target(
    id="3.12-slim",
    python="3.12.14",
    libc="glibc 2.36",
    distribution="debian",
    image="python:3.12-slim-bookworm",
)
ALPINE = Target(
    id="3.12-alpine",
    python="3.12.14",
    libc="musl 1.2",
    distribution="alpine",
    image="python:3.12-alpine",
)


def examined(folder: Path, target: Target, *wheels: File, asked: str = "", **more) -> Examined:
    """What ``examine`` says of a closure; the first wheel is what was asked for."""
    client = Client(Network())
    artefacts = []
    for one in wheels:
        url = one.write(folder).as_uri()
        file = pages.File(filename=one.name, url=url, size=len(one.data))
        facts = remote_wheel.inspect(file, client, lambda _: None)
        artefacts.append((one.project, file, facts))
    run = more.pop("run", 1 << 28)
    read = Wheels(client, lambda _: None, run=run).open
    return examine(target, artefacts, read, asked={asked or wheels[0].project}, **more)
