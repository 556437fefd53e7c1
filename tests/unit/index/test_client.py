"""The client: redirects and credentials, connections, retries, proxies."""

from __future__ import annotations

import base64
import gzip
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from gateway_client import QUICK
from index_faults import redirect, status
from index_server import IndexServer
from raw_server import RawServer, always, answering, forever, tunnel, whole
from wheels import wheel

from envcheck.errors import IndexTrouble
from envcheck.index.client import Client
from envcheck.index.sources import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envcheck.index.client import Patience

ONE = wheel("one", "1.0")
PAGE = "/simple/one/"


@pytest.fixture
def client() -> Iterator[Callable[..., Client]]:
    """Makes clients: ``client(patience, proxy=…)``."""
    made: list[Client] = []

    def make(patience: Patience = QUICK, **network: str) -> Client:
        made.append(Client(Network(**network), patience))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch, tmp_path):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def with_login(url: str, login: str = "me:pw") -> str:
    return url.replace("://", f"://{login}@", 1)


def logins(index: IndexServer) -> list[str]:
    return [request.authorization for request in index.requests]


# -- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_credentials_do_not_follow_a_redirect_elsewhere(client, host):
    with IndexServer(ONE) as other, IndexServer(ONE, credentials=("me", "pw")) as index:
        index.fault(PAGE, redirect(f"http://{host}:{other.port}{PAGE}"))
        made = client()
        response, body = made.page(made.learn(with_login(index.url)) + "one/", {})
        assert response.url == f"http://{host}:{other.port}{PAGE}"
        assert ONE.name.encode() in body
        assert logins(other) == [""]
        assert "" not in logins(index)


def test_credentials_do_not_follow_to_another_name_of_this_host(client):
    with IndexServer(ONE) as index:
        made = client()
        bare = made.learn(with_login(index.url))
        index.fault(PAGE, redirect(f"http://localhost:{index.port}{PAGE}"), times=1)
        made.page(f"{bare}one/", {})
        assert [bool(login) for login in logins(index)] == [True, False]


def test_credentials_stay_where_they_are_known(client):
    """Back at home, and at an origin with credentials of its own."""
    with IndexServer(ONE, credentials=("me", "pw")) as index:
        index.fault(PAGE, redirect("/simple/../simple/one/"), times=2)
        made = client()
        made.page(made.learn(with_login(index.url)) + "one/", {})
        assert "" not in logins(index)
        with IndexServer(ONE, credentials=("you", "wp")) as other:
            made.learn(with_login(other.url, "you:wp"))
            index.fault(PAGE, redirect(other.url + "one/"))
            made.page(f"{index.url}one/", {})
            assert base64.b64encode(b"you:wp").decode() in logins(other)[0]


def test_credentials_in_a_redirect_are_not_taken(client):
    with IndexServer(ONE) as other, IndexServer(ONE) as index:
        index.fault(PAGE, redirect(with_login(other.url) + "one/"))
        made = client()
        response, _ = made.page(index.url + "one/", {})
        assert "@" not in response.url
        assert logins(other) == [""]


def test_the_login_of_the_longest_address_is_taken(client):
    with IndexServer(ONE) as index:
        made = client()
        for path, login in (("", "a:a"), ("simple/one/", "c:c"), ("simple/", "b:b")):
            made.learn(with_login(f"{index.root}/{path}", login))
        for path in ("/files/x", "/simple/two/", "/simple/one/"):
            with made.open(index.root + path):
                pass
        wanted = [f"Basic {base64.b64encode(login).decode()}" for login in (b"a:a", b"b:b", b"c:c")]
        assert logins(index) == wanted


def test_netrc_does_not_go_to_another_port_of_its_host(client, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password pw\n")
    with IndexServer(ONE) as other, IndexServer(ONE) as index:
        index.fault(PAGE, redirect(other.url + "one/"))
        client().page(index.url + "one/", {})
        assert "" not in logins(index)
        assert logins(other) == [""]


def test_netrc_does_not_leave_https(client, certificate, server_context, tmp_path):
    (tmp_path / "netrc").write_text("default login me password pw\n")
    with IndexServer(ONE) as other, IndexServer(ONE, tls=server_context) as index:
        index.fault(PAGE, redirect(f"http://localhost:{other.port}{PAGE}"))
        client(verify=f"{certificate}.crt").page(index.url + "one/", {})
        assert "" not in logins(index)
        assert logins(other) == [""]


@pytest.mark.parametrize("login", ["not a netrc {", "machine 127.0.0.1\n"])
def test_a_netrc_that_cannot_be_read_is_none(client, tmp_path, login):
    (tmp_path / "netrc").write_text(login)
    with IndexServer(ONE) as index:
        client().page(index.url + "one/", {})
        assert logins(index) in ([""], ["Basic Og=="])


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("", "it redirects without end"),
        ("file:///etc/passwd", "it redirects away from the web"),
        ("ftp://127.0.0.1/one", "it redirects away from the web"),
        ("gopher://127.0.0.1/one", "it redirects away from the web"),
        ("http://[::1/one", "it redirects to what is no address"),
        ("http://127.0.0.1:99999/one", "is no address"),
    ],
)
def test_redirects_that_lead_nowhere(client, to, why):
    with IndexServer(ONE) as index:
        index.fault(PAGE, redirect(to))
        with pytest.raises(IndexTrouble, match=why) as raised:
            client().page(index.url + "one/", {})
        assert raised.value.kind == "trouble"
        assert index.count() <= 11


def test_redirects_keep_what_was_asked(client):
    with IndexServer(ONE) as index:
        index.fault("/files/*", redirect("/files/../files/" + ONE.name), times=10)
        with client().open(f"{index.root}/files/{ONE.name}", headers={"Range": "bytes=0-3"}) as got:
            assert (got.status_code, got.read(100)) == (206, ONE.data[:4])


# -- connections -----------------------------------------------------------------------------------


def test_connections_are_kept_and_limited(client):
    def slowly(server: RawServer, connection: socket.socket) -> None:
        while server.request(connection):
            server.pause(0.01)
            connection.sendall(whole(b"body"))

    made = client(QUICK._replace(connections=3))
    with RawServer(slowly) as server, ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda _: made.page(server.root, {})[1], range(60)))
        assert done == [b"body"] * 60
        assert server.connections == server.most == 3


def test_what_nobody_reads_costs_a_connection_only_if_it_is_long(client):
    made = client()
    with RawServer(always(whole(b"x" * 1000, status="404 No"))) as server:
        for _ in range(3):
            with made.open(server.root) as response:
                assert response.status_code == 404
        assert server.connections == 1
    with RawServer(always(whole(b"x" * 10_000_000))) as server:
        for _ in range(2):
            with made.open(server.root) as response:
                assert response.read(10) == b"x" * 10
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"body"),  # closed without a word
        whole(b"body", "Connection: close"),
        b"HTTP/1.0 200 OK\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx: y\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b"body"),
    ],
)
def test_connections_that_end_after_an_answer(client, answer):
    made = client(QUICK._replace(attempts=1))
    with RawServer(answering(answer)) as server:
        for _ in range(4):
            assert made.page(server.root, {})[1] == b"body"
            time.sleep(0.01)
        assert server.connections == 4


def test_a_host_is_looked_up_once(client, monkeypatch):
    asked = []
    real = socket.getaddrinfo

    def counted(host, *more, **named):
        asked.append(host)
        time.sleep(0.05)
        return real("127.0.0.1" if host == "index.invalid" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", counted)
    made = client()
    with RawServer(always(whole(b"body"))) as server, ThreadPoolExecutor(12) as pool:
        url = f"http://index.invalid:{server.port}/"
        assert all(pool.map(lambda _: made.page(url, {}), range(24)))
    assert asked == ["index.invalid"]


def test_the_address_that_answers_is_taken(client, monkeypatch):
    with RawServer(always(whole(b"body"))) as server:
        tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*tcp, ("127.0.0.1", 9)), (*tcp, ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert client().page(f"http://two.invalid:{server.port}/", {})[1] == b"body"


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "x y", "ex\x00ample", "%zz", "xn--\u00e4"])
def test_names_that_are_none(client, host):
    with pytest.raises(IndexTrouble):
        client(QUICK._replace(attempts=1)).page(f"http://{host}/", {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:x/", "http://127.0.0.1:99999/", "http://[/"])
def test_addresses_that_are_none(client, url):
    with pytest.raises((IndexTrouble, ValueError)):
        client().page(url, {})


def test_addresses_are_quoted(client):
    with RawServer(always(whole(b""))) as server:
        client().page(f"{server.root}/ä b\r\nX: y/%2F?q= \u2028#part", {})
        assert (
            server.heads[0].split(b"\r\n")[0]
            == b"GET /%C3%A4%20bX:%20y/%2F?q=%20%E2%80%A8 HTTP/1.1"
        )


def test_what_waits_is_interrupted(client):
    made = client(QUICK._replace(read=30.0, connections=1))
    errors: list[IndexTrouble] = []

    def ask() -> None:
        with pytest.raises(IndexTrouble, match="it was ended") as raised:
            made.page(server.root, {})
        errors.append(raised.value)

    with RawServer(forever(b"", b"", 30.0)) as server:
        threads = [threading.Thread(target=ask) for _ in range(3)]  # two wait for the connection
        for thread in threads:
            thread.start()
        while not server.heads:
            time.sleep(0.01)
        made.close()
        for thread in threads:
            thread.join(5)
    assert len(errors) == 3


# -- retries -----------------------------------------------------------------------------------


def test_an_index_says_how_long_to_wait(client):
    with IndexServer(ONE) as index:
        index.fault(PAGE, status(429, retry_after="1"), times=1)
        start = time.monotonic()
        client(QUICK._replace(longest=0.3)).page(index.url + "one/", {})
        assert time.monotonic() - start >= 0.3  # as long as it asks, and no longer than `longest`
        for unclear in ("-1", "1e9", "٣", "9" * 400, "Wed, 21 Oct 2026 07:28:00 GMT"):
            index.mend()
            index.fault(PAGE, status(503, retry_after=unclear.encode().decode("latin-1")), times=1)
            client().page(index.url + "one/", {})


def test_a_certificate_that_is_not_trusted_is_not_tried_again(client, server_context):
    with RawServer(always(whole(b"body")), server_context) as server:
        with pytest.raises(IndexTrouble, match=r"its certificate is not trusted$"):
            client(verify="").page(server.root, {})
        assert server.connections <= 2  # once more with certifi's


def test_certificates_that_cannot_be_read(client, tmp_path):
    (tmp_path / "bad.pem").write_text("nothing")
    for network in (
        {"verify": str(tmp_path / "none.pem")},
        {"verify": str(tmp_path / "bad.pem")},
        {"client_certificate": str(tmp_path / "none.pem")},
        {"client_certificate": str(tmp_path / "bad.pem")},
    ):
        with RawServer(always(b"")) as server, pytest.raises(IndexTrouble, match="certificate"):
            client(**network).page(f"https://127.0.0.1:{server.port}/", {})


def test_a_certificate_of_our_own(client, certificate, server_context):
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(f"{certificate}.crt")
    with RawServer(always(whole(b"body")), server_context) as server:
        network = {"verify": f"{certificate}.crt", "client_certificate": str(certificate)}
        assert client(**network).page(server.root, {})[1] == b"body"


# -- encodings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gzip", "GZip", "x-gzip"])
def test_gzip(client, name):
    body = gzip.compress(b"one") + gzip.compress(b"two")
    with RawServer(always(whole(body, f"Content-Encoding: {name}"))) as server:
        assert client().page(server.root, {})[1] == b"onetwo"
        assert b"Accept-Encoding: gzip\r\n" in server.heads[0]


@pytest.mark.parametrize(
    ("body", "name", "why"),
    [
        (gzip.compress(b"x" * 10_000)[:-9], "gzip", "the connection was dropped"),
        (b"plain", "gzip", "it is not encoded as it says|not encoded as it says"),
        (b"plain", "br", "encoded in a way that was not asked for"),
        (gzip.compress(b"\0" * (50 << 20)), "gzip", "it is longer than 1,048,576 bytes"),
    ],
)
def test_encodings_that_are_wrong(client, body, name, why):
    answer = whole(body, f"Content-Encoding: {name}")
    with RawServer(always(answer)) as server, pytest.raises(IndexTrouble, match=why):
        client().page(server.root, {})


# -- proxies -----------------------------------------------------------------------------------


def test_a_tunnel_through_a_proxy(client, certificate, server_context):
    with (
        IndexServer(ONE, tls=server_context, credentials=("me", "pw")) as index,
        RawServer(tunnel) as proxy,
    ):
        made = client(verify=f"{certificate}.crt", proxy=with_login(proxy.root, "p:q"))
        made.page(made.learn(with_login(index.url)) + "one/", {})
        (head,) = proxy.heads
        assert head.startswith(f"CONNECT 127.0.0.1:{index.port} HTTP/1.1\r\n".encode())
        assert b"Proxy-Authorization: Basic " + base64.b64encode(b"p:q") in head
        assert b"\r\nAuthorization" not in head
        assert base64.b64encode(b"p:q").decode() not in "".join(logins(index))
        made.close()


def test_a_tunnel_through_a_proxy_that_is_reached_by_tls(client, certificate, server_context):
    with IndexServer(ONE, tls=server_context) as index, RawServer(tunnel, server_context) as proxy:
        made = client(verify=f"{certificate}.crt", proxy=proxy.root)
        for _ in range(3):
            assert ONE.name.encode() in made.page(index.url + "one/", {})[1]
        assert proxy.connections == 1
        made.close()


@pytest.mark.parametrize(
    ("answer", "kind", "why"),
    [
        (whole(b"", status="407 Login"), "denied", "the proxy wants other credentials"),
        (whole(b"", status="503 No"), "trouble", "the proxy answers 503, 3 times"),
        (b"", "trouble", "the connection was dropped"),
    ],
)
def test_proxies_that_refuse(client, answer, kind, why):
    with RawServer(answering(answer)) as proxy:
        with pytest.raises(IndexTrouble, match=why) as raised:
            client(proxy=proxy.root).page("https://index.invalid/", {})
        assert raised.value.kind == kind


def test_proxies_that_cannot_be_used(client):
    with pytest.raises(IndexTrouble, match="the proxy does not answer"):
        client(proxy="127.0.0.1:9").page("https://index.invalid/", {})
    with pytest.raises(IndexTrouble, match="a proxy by socks5 cannot be used"):
        client(proxy="socks5://127.0.0.1:9").page("https://index.invalid/", {})


@pytest.mark.parametrize(
    ("variables", "proxied"),
    [
        ({"http_proxy": "PROXY"}, True),
        ({"HTTP_PROXY": "PROXY"}, True),
        ({"all_proxy": "PROXY"}, True),
        ({"https_proxy": "PROXY"}, False),
        ({"http_proxy": "PROXY", "no_proxy": "127.0.0.1"}, False),
        ({"http_proxy": "PROXY", "NO_PROXY": "*"}, False),
        ({"http_proxy": "PROXY", "no_proxy": "other.invalid"}, True),
    ],
)
def test_proxies_of_the_environment(client, monkeypatch, variables, proxied):
    with IndexServer(ONE) as index:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.replace("PROXY", index.root))
        client().page(index.url + "one/", {})
        assert [request.proxied for request in index.requests] == [proxied]


def test_a_configured_proxy_holds_whatever_the_environment_excludes(client, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with IndexServer(ONE) as index:
        client(proxy=index.root).page(index.url + "one/", {})
        assert [request.proxied for request in index.requests] == [True]
