"""Objects and sources in wheels on an index: what is fetched for them, and what is not."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from compiled import library
from gateway_client import QUICK
from index_server import IndexServer
from wheels import wheel

from envcheck.errors import IndexTrouble
from envcheck.index import pages
from envcheck.index.client import Client
from envcheck.index.elf import DamagedElfError
from envcheck.index.remote_elf import OutOfBudgetError, RemoteWheel, Wheels
from envcheck.index.sources import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Something that hardly packs, as code.
NOISE = os.urandom(3 << 20)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("module")
    needed = library(folder / "libneeded.so.3", "int needed(void) { return 3; }")
    source = "int needed(void); int here(void) { return needed(); }"
    return library(folder / "module.so", source, needs=[needed]).read_bytes()


@contextmanager
def opened(made, *, run: int = 1 << 30, most: int = 1 << 30, **options) -> Iterator[RemoteWheel]:
    with IndexServer(made, **options) as index:
        client = Client(Network(), QUICK)
        counted: list[int] = []
        url = f"{index.files_url}{made.name}"
        file = pages.File(filename=made.name, url=url, size=len(made.data))
        remote = Wheels(client, counted.append, run=run, wheel=most).open(file)
        try:
            yield remote
        finally:
            client.close()
            assert remote.spent >= sum(counted)


@pytest.mark.parametrize("compressed", [True, False])
def test_an_object(module: bytes, compressed: bool) -> None:
    files = {"pkg/module.so": module, "pkg/big.bin": NOISE, "pkg/__init__.py": "x = 1\n"}
    with opened(wheel("pkg", files=files, compressed=compressed)) as remote:
        assert remote.elf("pkg/module.so").needed == ["libneeded.so.3", "libc.so.6"]
        assert remote.spent < len(module) + (200 << 10)
        before = remote.spent
        assert remote.elf("pkg/module.so").soname == "module.so"
        assert remote.spent == before


def test_a_large_object_is_read_as_far_as_it_matters(module: bytes) -> None:
    """Debugging sections behind it are not fetched."""
    with opened(wheel("pkg", files={"module.so": module + NOISE}, compressed=True)) as remote:
        assert remote.elf("module.so").needed == ["libneeded.so.3", "libc.so.6"]
        assert remote.spent < 1 << 20


def test_an_object_that_is_not_compressed_costs_pieces(module: bytes) -> None:
    with opened(wheel("pkg", files={"module.so": module + NOISE})) as remote:
        assert remote.elf("module.so").needed == ["libneeded.so.3", "libc.so.6"]
        assert remote.spent < 300 << 10


def _stretched(module: bytes) -> bytes:
    """With the dynamic section behind 3 MB of noise, as tools that change objects leave it."""
    import struct

    data = bytearray(module)
    start, step, count = struct.unpack_from("<Q14xHH", data, 32)[0], 56, data[56]
    rows = [start + number * step for number in range(count)]
    dynamic = next(row for row in rows if data[row : row + 4] == b"\2\0\0\0")
    offset, size = struct.unpack_from("<Q", data, dynamic + 8)[0], 0
    size = struct.unpack_from("<Q", data, dynamic + 32)[0]
    struct.pack_into("<Q", data, dynamic + 8, len(data) + len(NOISE))
    return bytes(data) + NOISE + bytes(data[offset : offset + size])


def test_what_would_cost_too_much_is_not_begun(module: bytes) -> None:
    made = wheel("pkg", files={"module.so": _stretched(module)}, compressed=True)
    with opened(made) as remote:
        assert remote.elf("module.so").needed == ["libneeded.so.3", "libc.so.6"]
        assert remote.spent > len(NOISE)
    with opened(made, most=1 << 20) as remote:
        with pytest.raises(OutOfBudgetError, match="3 MB would have to be fetched"):
            remote.elf("module.so")
        assert remote.spent < 200 << 10
        with pytest.raises(OutOfBudgetError):  # nor is it tried again
            remote.elf("module.so")
        assert remote.spent < 200 << 10


def test_a_run_has_a_limit_too(module: bytes) -> None:
    made = wheel("pkg", files={"module.so": _stretched(module)}, compressed=True)
    with opened(made, run=1 << 20) as remote, pytest.raises(OutOfBudgetError):
        remote.elf("module.so")
    with opened(made) as remote:
        remote.members()
        remote.allow(remote.spent + 1000)
        with pytest.raises(OutOfBudgetError):
            remote.elf("module.so")


def test_small_objects_come_together(module: bytes) -> None:
    files = {f"pkg/m{number}.so": module for number in range(20)}
    made = wheel("pkg", files=files, compressed=True)
    with IndexServer(made) as index:
        client = Client(Network(), QUICK)
        file = pages.File(filename=made.name, url=f"{index.files_url}{made.name}")
        remote = Wheels(client, lambda _: None).open(file)
        remote.ahead(files)
        for path in files:
            remote.elf(path)
        assert index.count("/files/*") <= 3
        client.close()


def test_sources() -> None:
    files = {f"pkg/m{number:02}.py": f"value = {number}\n" for number in range(50)}
    files["pkg/long.py"] = "#" * (3 << 20)
    with opened(wheel("pkg", files=files, compressed=True)) as remote:
        found = remote.sources([*(f"pkg/m{number:02}.py" for number in range(5)), "pkg/long.py"])
        assert found == {f"pkg/m{n:02}.py": f"value = {n}\n".encode() for n in range(5)}
        before = remote.spent
        remote.forget()
        assert remote.sources(["pkg/m00.py"]) == {"pkg/m00.py": b"value = 0\n"}
        assert remote.spent == before


def test_no_parts(module: bytes) -> None:
    made = wheel("pkg", files={"module.so": module, "big": NOISE})
    with opened(made, ranges=False) as remote, pytest.raises(IndexTrouble, match="no parts"):
        remote.members()


def test_no_wheel() -> None:
    made = wheel("pkg")._replace(data=b"nothing" * 100)
    with opened(made) as remote, pytest.raises(IndexTrouble, match="is no wheel"):
        remote.members()


def test_a_member_that_is_no_object() -> None:
    made = wheel("pkg", files={"a.so": b"text" * 100, "b.so": b""}, compressed=True)
    with opened(made) as remote:
        for path in ("a.so", "b.so"):
            with pytest.raises(DamagedElfError):
                remote.elf(path)


def test_a_member_that_does_not_unpack(module: bytes) -> None:
    made = wheel("pkg", files={"m.so": module}, compressed=True)
    at = made.data.find(b"m.so") + 20
    broken = made.data[:at] + b"\xff" * 200 + made.data[at + 200 :]
    with opened(made._replace(data=broken)) as remote, pytest.raises(DamagedElfError):
        remote.elf("m.so")


def test_a_budget_is_renewed_and_what_was_read_stays_known(module: bytes) -> None:
    made = wheel("pkg", files={"a.so": module, "b.so": module + NOISE}, compressed=True)
    with IndexServer(made) as index:
        client = Client(Network(), QUICK)
        wheels = Wheels(client, lambda _: None, run=200 << 10)
        file = pages.File(filename=made.name, url=f"{index.files_url}{made.name}")
        wheels.open(file).elf("a.so")
        left = wheels.budget.left
        assert left < 200 << 10
        wheels.budget.renew()
        assert wheels.budget.left == 200 << 10
        index.forget()
        assert wheels.open(file).elf("a.so").soname == "module.so"
        assert index.count() == 0
        client.close()
