"""Gateways in front of the tests' index, and doors to visit."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gateway_client import QUICK, Visitor

from envcheck.index.gateway import Gateway
from envcheck.index.sources import Configuration
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envcheck.index.gateway import Door


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Makes gateways with the cache of this test: ``gateway(index.url)``."""
    made: list[Gateway] = []

    def make(url: str = "", **more: Any) -> Gateway:
        patience = more.pop("patience", QUICK)
        cache = more.pop("cache", tmp_path / "cache")
        configured = Configuration(main=url, no_index=not url, **more)
        made.append(Gateway(str(cache), configured=configured, patience=patience))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def visit() -> Iterator[Callable[[Door], Visitor]]:
    """Opens a connection to a door."""
    made: list[Visitor] = []

    def make(door: Door) -> Visitor:
        made.append(Visitor(door))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def door(gateway: Callable[..., Gateway]) -> Callable[..., Door]:
    """A door to ``url``, of a gateway of its own."""

    def make(url: str = "", index: Index | None = None, **more: Any) -> Door:
        return gateway(url, **more).open(index or Index())

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    file: Path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        f" -keyout {file}.key -out {file}.crt -subj /CN=tests -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    file.write_bytes(Path(f"{file}.key").read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    """Of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
