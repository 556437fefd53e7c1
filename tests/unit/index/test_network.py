"""Credentials, certificates and proxies: used on the host, and seen by nobody."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from gateway_client import eventually, page_of
from index_server import IndexServer
from wheels import wheel

from envcheck.errors import IndexTrouble
from envcheck.index.sources import Network
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

ONE = wheel("one", "1.0")
SECRET = "s3cr3t-p%C3%A4ss"


def with_login(url: str, login: str = f"me:{SECRET}") -> str:
    return url.replace("http://", f"http://{login}@")


def everything(answer) -> bytes:
    return repr(answer).encode()


@pytest.mark.parametrize("extra", [False, True])
def test_credentials_stay_here(gateway, visit, tmp_path: Path, extra, caplog):
    with IndexServer(ONE, credentials=("me", "s3cr3t-päss"), json=False) as index:
        url = with_login(index.url)
        made = gateway("" if extra else url)
        opened = made.open(Index(extra_urls=[url]) if extra else Index())
        visitor = visit(opened)
        answers = [visitor.get(page_of(opened, "one"))]
        path = f"{page_of(opened, 'one')}{ONE.sha256}/{ONE.name}"
        answers += [visitor.get(path), visitor.get(f"{path}.metadata")]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert answers[1].body == ONE.data
        answers.append(visitor.get(page_of(opened, "none")))
        seen = b"".join(everything(answer) for answer in answers)
        seen += repr((opened.index_options(""), opened.traffic(), opened.faults())).encode()
        seen += repr((opened.notes(), made.known(ONE.sha256))).encode()
        seen += b"".join(f.read_bytes() for f in (tmp_path / "cache").rglob("*") if f.is_file())
        seen += caplog.text.encode()
    login = base64.b64encode("me:s3cr3t-päss".encode())
    for secret in (b"s3cr3t", SECRET.encode(), login):
        assert secret not in seen


def test_wrong_credentials_are_said_without_them(door, visit):
    with IndexServer(ONE, credentials=("me", "right")) as index:
        opened = door(with_login(index.url, "me:wr0ng"))
        answer = visit(opened).get(page_of(opened, "one"))
    assert answer.status == 403
    assert [fault.kind for fault in opened.faults()] == ["denied"]
    assert "wr0ng" not in repr((opened.faults(), opened.traffic(), answer))


def test_credentials_are_for_their_own_origin(door):
    with (
        IndexServer(ONE) as files,
        IndexServer(ONE, credentials=("me", "pw"), files_url=f"{files.root}/files/") as index,
    ):
        opened = door(with_login(index.url, "me:pw"))
        assert opened.fetch(ONE.sha256, "one")
        assert {request.authorization for request in files.requests} == {""}
        assert "" not in {request.authorization for request in index.requests}


def test_credentials_of_netrc(door, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with IndexServer(ONE, credentials=("me", "pw")) as index:
        assert door(index.url).fetch(ONE.sha256, "one")


def test_a_proxy(gateway, monkeypatch):
    with IndexServer(ONE) as index:
        nowhere = f"http://index.invalid:{index.port}/simple/"
        index.files_url = f"http://index.invalid:{index.port}/files/"
        made = gateway(nowhere, network=Network(proxy=index.root))
        assert made.open(Index()).fetch(ONE.sha256, "one")
        assert {request.proxied for request in index.requests} == {True}


def test_a_proxy_of_the_environment(gateway, tmp_path, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with IndexServer(ONE) as index:
        monkeypatch.setenv("http_proxy", index.root)
        assert gateway("http://index.invalid/simple/").releases(Index(), "one")
        assert eventually(lambda: {request.proxied for request in index.requests} == {True})


@pytest.fixture
def secure(server_context: ssl.SSLContext) -> Iterator[IndexServer]:
    with IndexServer(ONE, tls=server_context) as index:
        yield index


@pytest.fixture
def _no_bundle(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_no_bundle")
def test_certificates(gateway, secure, certificate, monkeypatch):
    with pytest.raises(IndexTrouble, match="its certificate is not trusted"):
        gateway(secure.url).releases(Index(), "one")
    bundle = f"{certificate}.crt"
    hosts = [("127.0.0.1",), (f"127.0.0.1:{secure.port}",)]
    for network in (Network(verify=bundle), *(Network(trusted=host) for host in hosts)):
        assert gateway(secure.url, network=network).open(Index()).fetch(ONE.sha256, "one")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, bundle)
        assert gateway(secure.url).open(Index()).fetch(ONE.sha256, "one")
        monkeypatch.delenv(name)
