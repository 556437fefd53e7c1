"""Gateways in front of the tests' index, and doors to visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gateway_client import QUICK, Visitor

from envcheck.index.gateway import Gateway
from envcheck.index.sources import Configuration
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
