"""What a hostile cell sends to its door."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from gateway_client import Visitor, page_of
from index_server import IndexServer
from wheels import wheel

from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ONE = wheel("one", "1.0")


@pytest.fixture
def open_door(gateway, tmp_path: Path) -> Iterator[Callable[[bytes], bytes]]:
    """Sends bytes through a Unix socket to a door and gives what comes back until it closes."""
    with IndexServer(ONE) as index:
        opened = gateway(index.url).open(Index(), unix=str(tmp_path / "s"))

        def send(data: bytes) -> bytes:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(tmp_path / "s"))
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                answer = b""
                while piece := connection.recv(1 << 16):
                    answer += piece
                return answer

        send.door, send.index = opened, index  # type: ignore[attr-defined]
        yield send


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", b"405"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"GET http://example.com/ HTTP/1.1\r\n\r\n", b"403"),
        (b"GET http://127.0.0.1:8484@example.com/ HTTP/1.1\r\n\r\n", b"403"),
        (b"GET file:///etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET //example.com/simple/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /index/../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET PLACE/..%2f..%2fetc%2fpasswd/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET PLACE/%2e%2e/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET PLACE/one/../../two/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET PLACE/one/0000/../../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET PLACE/one/%00/%00 HTTP/1.1\r\n\r\n", b"404"),
        (b"GET PLACE/one%0d%0aX-Evil:%201/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /index/000000000000/one/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET / HTTP/9.9 x\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", b"400"),
    ],
)
def test_nothing_but_what_the_index_lists(open_door, request_, status):
    place = open_door.door.index_options("").index_url.encode()
    answer = open_door(request_.replace(b"PLACE", place))
    assert answer.split(b" ")[1] == status
    assert b"root:" not in answer
    assert b"X-Evil" not in answer.partition(b"\r\n\r\n")[0]
    assert open_door.index.count("*etc*") == 0
    assert open_door.index.count("*..*") == 0


def test_a_request_without_end(open_door):
    try:
        answer = open_door(b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000_000)
    except OSError:  # it was cut off while it was still talking
        return
    assert answer.split(b" ")[1] == b"431"


def test_requests_in_one_piece_are_answered_in_turn(open_door):
    page = page_of(open_door.door, "one").encode()
    request = b"GET " + page + b" HTTP/1.1\r\n\r\n"
    answer = open_door(request * 3 + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + request)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 3 + [b"404"]


def test_a_client_that_is_gone_harms_nobody(open_door, visit):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(open_door.door.unix)
        path = f"{page_of(open_door.door, 'one')}{ONE.sha256}/{ONE.name}"
        connection.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    assert visit(open_door.door).get(path).body == ONE.data


def test_many_idle_connections_hold_up_their_own_cell_only(gateway, tmp_path, visit):
    with IndexServer(ONE) as index:
        made = gateway(index.url)
        hostile = made.open(Index(), unix=str(tmp_path / "h"))
        other = made.open(Index(), unix=str(tmp_path / "o"))
        idle = []
        try:
            for _ in range(300):
                connection = socket.socket(socket.AF_UNIX)
                try:
                    connection.connect(str(tmp_path / "h"))
                except OSError:
                    connection.close()
                    break
                idle.append(connection)
            assert visit(other).get(page_of(other, "one")).status == 200
            hostile.close()
            assert len(idle) > 200
        finally:
            for connection in idle:
                connection.close()
        again = made.open(Index(), unix=str(tmp_path / "h"))
        assert visit(again).get(page_of(again, "one")).status == 200


def test_nobody_asks_for_everything(gateway, visit):
    with IndexServer(ONE) as index:
        opened = gateway(index.url).open(Index(), pages=20)
        visitor = visit(opened)
        codes = [visitor.get(page_of(opened, f"p{n}")).status for n in range(30)]
        assert codes == [404] * 20 + [424] * 10
        assert index.count() <= 20
        assert [fault.kind for fault in opened.faults()] == ["budget"]


def test_everybody_may_connect_who_reaches_the_directory(gateway, tmp_path):
    gateway("http://127.0.0.1:9/").open(Index(), unix=str(tmp_path / "s"))
    assert os.stat(tmp_path / "s").st_mode & 0o777 == 0o666


def test_a_tcp_door_opens_to_its_token_only(door):
    with IndexServer(ONE) as index:
        opened = door(index.url)
        visitor = Visitor(opened)
        for prefix in ("", "/x", visitor.prefix[:-1], visitor.prefix.upper()):
            visitor.prefix = prefix
            assert visitor.get(page_of(opened, "one")).status == 403
        visitor.close()
        assert index.count() == 0
