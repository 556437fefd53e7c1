"""``--online``: the index that is configured is asked, and what stood in the way is told apart."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import Interpreter

ANSWERS = {"/ok/pip/": 200, "/empty/pip/": 404, "/private/pip/": 401, "/broken/pip/": 503}


class Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = ANSWERS.get(self.path, 404)
        given = self.headers.get("Authorization", "")
        if status == 401 and given == "Basic " + base64.b64encode(b"user:p/w?d").decode():
            status = 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_CONNECT(self):
        self.send_error(407)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """Starts servers; ``server(context)`` gives the port, with TLS if there is a context."""
    running = []

    def start(context=None):
        made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
        if context:
            made.socket = context.wrap_socket(made.socket, server_side=True)
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        running.append((made, thread))
        return made.server_address[1]

    yield start
    for made, thread in running:
        made.shutdown()
        made.server_close()
        thread.join()


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """``asked(ADDRESS, VARIABLE=…)``: what is reported about the index, without the prefix."""
    for name in list(os.environ):
        if name.upper().endswith(("_PROXY", "_CERT", "CERT_FILE", "CERT_DIR", "CA_BUNDLE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def ask(address, **variables):
        monkeypatch.setenv("PIP_INDEX_URL", address)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        target = Interpreter(sys.executable, chosen_by="the test")
        sheet = target.start(AgentRequest(online=True)).finish()
        return {
            key.removeprefix("network."): sheet.fact(key).value
            for key in sheet
            if key.startswith(("network.index.answer", "network.ca"))
        }

    return ask


@pytest.mark.parametrize(
    ("path", "answer"),
    [("ok", "ok"), ("ok/", "ok"), ("empty", "ok"), ("private", "http"), ("broken", "http")],
)
def test_answers(asked, server, path, answer):
    found = asked(f"http://127.0.0.1:{server()}/{path}")
    assert found["index.answer"] == answer, found


def test_credentials_are_sent_and_not_reported(asked, server):
    port = server()
    found = asked(f"http://user:p%2Fw%3Fd@127.0.0.1:{port}/private")
    assert found["index.answer"] == "ok", found
    assert found["index.answer.url"] == f"http://127.0.0.1:{port}/private"


def test_nobody_listens(asked):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert asked(f"http://127.0.0.1:{port}/ok")["index.answer"] == "refused"


def test_a_name_that_does_not_exist(asked):
    assert asked("http://index.invalid/ok")["index.answer"] == "dns"


def test_a_proxy_that_is_not_there_or_refuses(asked, server):
    assert (
        asked("https://index.invalid/ok", HTTPS_PROXY="http://127.0.0.1:1")["index.answer"]
        == "proxy"
    )
    found = asked("https://index.invalid/ok", HTTPS_PROXY=f"http://127.0.0.1:{server()}")
    assert found["index.answer"] == "proxy"
    assert "407" in found["index.answer.detail"]


def test_an_address_that_is_none(asked):
    assert asked("ftp://127.0.0.1/ok")["index.answer"] == "error"


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")
def test_certificates(asked, server, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    argv += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    argv += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    address = f"https://localhost:{server(context)}/ok"
    found = asked(address)
    assert found["index.answer"] == "tls"
    assert "certificate" in found["index.answer.detail"]
    for variable in ("PIP_CERT", "REQUESTS_CA_BUNDLE"):
        found = asked(address, **{variable: str(certificate)})
        assert found["index.answer"] == "ok", found
        assert found["ca"][0]["certificates"] == 1
    certificate.write_text("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n")
    found = asked(address)
    assert found["ca"][0]["status"] == "malformed"
    assert found["index.answer"] != "ok"
