"""NET: certificates, proxies, offline flags, the index."""

from __future__ import annotations

import pytest

QUIET = {
    "host.os": "linux",
    "network.ca": [],
    "network.proxies": [],
    "network.offline": [],
    "network.index.errors": [],
    "distributions.installed": [],
}


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def bundle(status="ok", variable="REQUESTS_CA_BUNDLE"):
    return {"variable": variable, "path": "/ca.pem", "status": status, "error": "why"}


def proxy(variable, url, error=None):
    return {"variable": variable, "url": url, "error": error}


@pytest.mark.parametrize("code", ["NET101", "NET102", "NET103", "NET104", "NET105", "NET106"])
def test_a_usual_machine_is_quiet(judged, code):
    facts = {
        **QUIET,
        "network.ca": [bundle()],
        "network.proxies": [proxy(name, "http://p:1") for name in ("HTTP_PROXY", "http_proxy")],
    }
    assert one(judged(code, facts)).status in ("pass", "skip")
    assert one(judged(code, QUIET)).status in ("pass", "skip")
    assert one(judged(code, {})).status == "unknown"


@pytest.mark.parametrize("status", ["missing", "empty", "malformed", "unreadable"])
def test_certificates(judged, status):
    finding = one(judged("NET101", {**QUIET, "network.ca": [bundle(status)]}))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert finding.remedy.commands == ("unset REQUESTS_CA_BUNDLE",)
    directory = bundle("missing", "SSL_CERT_DIR")
    assert one(judged("NET101", {**QUIET, "network.ca": [directory]})).severity == "warning"


def test_proxies(judged):
    facts = {**QUIET, "network.proxies": [proxy("HTTPS_PROXY", "x", "it names no host")]}
    finding = one(judged("NET102", facts))
    assert (finding.status, finding.subject) == ("fail", "HTTPS_PROXY")
    two = [proxy("HTTP_PROXY", "http://a:1"), proxy("http_proxy", "http://b:1")]
    assert one(judged("NET103", {**QUIET, "network.proxies": two})).severity == "note"


def test_socks(judged):
    facts = {
        **QUIET,
        "network.proxies": [proxy("ALL_PROXY", "socks5://localhost:1080")],
        "distributions.installed": [{"name": "requests", "version": "2.32"}],
    }
    assert one(judged("NET104", facts)).subject == "requests"
    facts["distributions.installed"] = [{"name": "requests"}, {"name": "PySocks"}]
    assert one(judged("NET104", facts)).status == "pass"


def test_offline(judged):
    finding = one(judged("NET105", {**QUIET, "network.offline": ["HF_HUB_OFFLINE"]}))
    assert (finding.status, finding.severity) == ("fail", "note")
    assert "not found" in finding.detail


def test_the_index_is_judged_only_if_it_was_asked(judged):
    assert one(judged("NET301", {"network.index.answer": "ok"})).status == "pass"
    assert one(judged("NET301", {})).status == "unknown"


@pytest.mark.parametrize("answer", ["tls", "dns", "proxy", "refused", "timeout", "http", "error"])
def test_each_cause_has_its_own_remedy(judged, answer):
    facts = {"network.index.answer": answer, "network.index.answer.url": "https://i.example"}
    finding = one(judged("NET301", facts))
    assert (finding.status, finding.subject) == ("fail", answer)
    assert finding.remedy is not None
