"""Servers that mean harm: every answer ends, in bounded memory, with a sentence."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gateway_client import QUICK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_server import RawServer, always, answering, forever, whole

from envcheck.errors import IndexTrouble
from envcheck.index.client import Client, pieces
from envcheck.index.sources import Network

if TYPE_CHECKING:
    import socket

ONCE = QUICK._replace(attempts=1, page=1 << 18)
ROOT = Path(__file__).parents[3]
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
KNOWN = HEAD + b"Content-Length: 5000000000\r\nContent-Type: application/json\r\n\r\n"


def reason(script, patience=ONCE, tls=None) -> str:
    """Why the page of such a server cannot be had."""
    client = Client(Network(trusted=("127.0.0.1",)), patience)
    try:
        with RawServer(script, tls) as server:
            with pytest.raises(IndexTrouble) as raised:
                client.page(f"{server.root}/", {})
            assert raised.value.kind == "trouble"
            assert raised.value.message.startswith(f"{server.root}/: ")
            return raised.value.message.removeprefix(f"{server.root}/: ")
    finally:
        client.close()


DROPPED = "the connection was dropped"
LATE = "it does not answer in time"
LONG = "it is longer than 262,144 bytes"
NO_HTTP = "what it answers is no HTTP"
CRAWLS = "it sends less than 5000 bytes per second"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param(forever(b"", b"", 30.0), LATE, id="silence"),
        pytest.param(forever(HEAD, b"a", 0.05), LATE, id="a header of one byte at a time"),
        pytest.param(forever(HEAD, b"a: b\r\n", 0.02), LATE, id="header after header"),
        pytest.param(forever(HEAD, b"a: b\r\n"), NO_HTTP, id="headers without end"),
        pytest.param(forever(HEAD + b"a: ", b"b" * 999), NO_HTTP, id="a header without end"),
        pytest.param(forever(b"HTTP/1.1 200 ", b"x" * 999), NO_HTTP, id="a status without end"),
        pytest.param(forever(b"", b"HTTP/1.1 100 C\r\n\r\n"), LATE, id="to be continued"),
        pytest.param(answering(b"SSH-2.0-x\r\n"), NO_HTTP, id="another protocol"),
        pytest.param(answering(b"HTTP/1.1 2e0 OK\r\n\r\n"), NO_HTTP, id="a status that is none"),
        pytest.param(answering(b"HTTP/2.0 200 OK\r\n\r\n"), NO_HTTP, id="another version"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\nContent-"), DROPPED, id="half a head"),
        pytest.param(forever(KNOWN, b'{"files":[' * 999), LONG, id="5 GB of JSON"),
        pytest.param(forever(HEAD + b"\r\n", b"<a href='" * 999), LONG, id="HTML without end"),
        pytest.param(forever(CHUNKED, b"1\r\nx\r\n" * 999), LONG, id="small chunks without end"),
        pytest.param(forever(CHUNKED, b"f\r\n" + b"x" * 15), DROPPED, id="chunks that are wrong"),
        pytest.param(forever(CHUNKED, b"0" * 999), NO_HTTP, id="a chunk's size without end"),
        pytest.param(forever(CHUNKED + b"0\r\n", b"a: b\r\n"), LATE, id="trailers without end"),
        pytest.param(forever(KNOWN, b"x", 0.02), CRAWLS, id="a byte at a time"),
        pytest.param(forever(CHUNKED, b"1\r\nx\r\n", 0.02), CRAWLS, id="a chunk at a time"),
        pytest.param(answering(whole(b"x")[:-1]), DROPPED, id="too short"),
        pytest.param(answering(CHUNKED + b"4\r\nbody\r\n"), DROPPED, id="no last chunk"),
    ],
)
def test_answers_without_end_or_sense(script, why):
    assert reason(script) == why


def test_what_keeps_coming_for_too_long():
    """Not slowly enough to be given up for that: a page as a whole has its time."""
    said = reason(forever(KNOWN, b"x" * 999, 0.01), QUICK._replace(whole=0.6))
    assert said == LATE


def test_attempts_end_with_the_time_of_the_page():
    patience = QUICK._replace(attempts=50, backoff=0.2, whole=0.5)
    assert reason(always(whole(b"", status="503 Busy")), patience).startswith("it answers 503, ")


def test_tls_that_is_none(server_context):
    def plain(_: RawServer, connection: socket.socket) -> None:
        connection.sendall(whole(b"", status="400 This is plain"))
        connection.recv(1000)

    client = Client(Network(), ONCE)
    with RawServer(plain) as server, pytest.raises(IndexTrouble, match="TLS fails"):
        client.page(f"https://127.0.0.1:{server.port}/", {})
    other = RawServer(always(whole(b"body")), server_context)
    with other as server, pytest.raises(IndexTrouble, match=DROPPED):
        client.page(f"http://127.0.0.1:{server.port}/", {})
    client.close()


def test_a_handshake_of_one_byte_at_a_time():
    client = Client(Network(), ONCE._replace(connect=0.4))
    hello = b"\x16\x03\x03\x40\x00"

    def script(server: RawServer, connection: socket.socket) -> None:
        connection.sendall(hello)
        while True:
            connection.sendall(b"\x02")
            server.pause(0.05)

    with RawServer(script) as server, pytest.raises(IndexTrouble, match=LATE):
        client.page(f"https://127.0.0.1:{server.port}/", {})
    client.close()


def test_negative_and_other_lengths():
    """What is no length is none: the answer ends with its connection."""
    client = Client(Network(), ONCE)
    for length in (b"-5", b"x", b"1e3", b""):
        answer = HEAD + b"Content-Length: " + length + b"\r\n\r\nbody"
        with RawServer(answering(answer)) as server:
            assert client.page(server.root, {})[1] == b"body"
    client.close()


def test_what_follows_an_answer_is_not_the_next_one():
    """A server that sends two answers to one request."""
    client = Client(Network(), ONCE)
    twice = whole(b"first") + whole(b"smuggled")
    with RawServer(always(twice)) as server:
        bodies = {client.page(server.root, {})[1] for _ in range(4)}
        assert bodies == {b"first"}
    client.close()


PROGRAM = """
import resource, sys
from envcheck.errors import IndexTrouble
from envcheck.index.client import Client, Patience
from envcheck.index.pages import parse
from envcheck.index.sources import Network
client = Client(Network(), Patience(attempts=1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    response, body = client.page(sys.argv[1], {})
    files = parse(body, response.headers.get("Content-Type", ""), sys.argv[1])
    print(len(files), "files")
except (IndexTrouble, ValueError) as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
ANCHOR = b'<a href="https://x.invalid/one-1.0.zip">'


def _bomb(piece: bytes, size: int) -> bytes:
    """``piece`` again and again, compressed a thousandfold."""
    pack = zlib.compressobj(9, wbits=31)
    block = piece * ((1 << 20) // len(piece))
    return b"".join([*(pack.compress(block) for _ in range(size >> 20)), pack.flush()])


@pytest.mark.parametrize(
    ("kind", "piece", "size", "why"),
    [
        ("text/html", ANCHOR, 300 << 20, "it is longer than"),
        ("text/html", ANCHOR, 90 << 20, "it lists more than"),
        ("text/html", b"<!--", 90 << 20, "0 files"),
        ("application/json", b'{"files":[', 90 << 20, "it lists more than"),
        ("application/json", b'{"files":[],"":[],"x' + b"\\n" * 99_999, 90 << 20, "no JSON page"),
    ],
)
def test_the_memory_of_the_largest_pages(kind, piece, size, why):
    """All limits as they are: hundreds of megabytes, not gigabytes."""
    answer = whole(_bomb(piece, size), "Content-Encoding: gzip", f"Content-Type: {kind}")
    with RawServer(always(answer)) as server:
        command = [sys.executable, "-c", PROGRAM, server.root]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        said = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    sentence, kilobytes = said.stdout.decode().splitlines()
    assert why in sentence
    assert int(kilobytes) < 400 << 10


@given(st.binary(max_size=200), st.sampled_from([b"", HEAD, HEAD + b"\r\n", CHUNKED]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_answer_breaks_the_client(noise, start):
    client = Client(Network(), ONCE)
    with RawServer(answering(start + noise)) as server, suppress(IndexTrouble):
        client.page(server.root, {})
    client.close()


@given(st.binary(max_size=200))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_compressed_body_breaks_the_client(noise):
    client = Client(Network(), ONCE)
    body = gzip.compress(b"x" * 300)[: 20 + len(noise) % 10] + noise
    server = RawServer(answering(whole(body, "Content-Encoding: gzip")))
    with server, suppress(IndexTrouble):
        client.page(server.root, {})
    client.close()


def test_pieces_of_a_body_that_breaks_off():
    client = Client(Network(), ONCE)
    got = bytearray()

    def attempt() -> None:
        with client.open(server.root) as response:
            for piece in pieces(response, QUICK):
                got.extend(piece)

    server = RawServer(answering(whole(b"x" * 3_000_000)[:-5]))
    with server, pytest.raises(IndexTrouble, match=DROPPED):
        client.insist(server.root, attempt)
    assert 1 << 19 <= len(got) < 3_000_000
    client.close()
