"""Network settings: what is read, and that no credential of an address ever comes out."""

from __future__ import annotations

import configparser
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envcheck.agent.probes import index_configuration, network
from envcheck.agent.probes.network import proxy_problem, public_address
from envcheck.agent.protocol import Facts, Request

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
NAMES = (
    *network.CA_VARIABLES, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy",
    "all_proxy", "no_proxy", "NO_PROXY", *network._OFFLINE, *network._OFFLINE_OTHER,
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "UV_INDEX",
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE",
    "UV_NO_CONFIG", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS",
)  # fmt: skip


@pytest.fixture
def collected(monkeypatch, tmp_path):
    """``collected(HTTP_PROXY=…)``: the facts with these variables alone, in an empty home."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.chdir(tmp_path)

    def collect(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        facts = Facts()
        network.collect(facts, Request())
        return facts

    return collect


def test_a_plain_machine(collected):
    facts = collected()
    assert facts.value("ca") == []
    assert facts.value("proxies") == []
    assert facts.value("offline") == []
    assert facts.value("index.errors") == []
    assert facts.entries["index.answer"] == {
        "status": "unknown",
        "reason": "not asked for: --online",
    }


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (CERTIFICATE, "ok"),
        ("# of the company\n" * 50 + CERTIFICATE, "ok"),
        ("", "empty"),
        (" \n", "empty"),
        ("<html>Sign in</html>", "malformed"),
        (None, "missing"),
    ],
)
def test_certificates(collected, tmp_path, content, status):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    facts = collected(REQUESTS_CA_BUNDLE=str(file), SSL_CERT_FILE="")
    (bundle,) = facts.value("ca")
    assert (bundle["variable"], bundle["status"]) == ("REQUESTS_CA_BUNDLE", status)
    assert bool(bundle["error"]) == (status != "ok")


def test_directories_of_certificates(collected, tmp_path):
    facts = collected(
        SSL_CERT_FILE=str(tmp_path), REQUESTS_CA_BUNDLE=str(tmp_path), SSL_CERT_DIR="/gone"
    )
    status = {bundle["variable"]: bundle["status"] for bundle in facts.value("ca")}
    assert status == {
        "SSL_CERT_FILE": "malformed",
        "REQUESTS_CA_BUNDLE": "ok",
        "SSL_CERT_DIR": "missing",
    }


@pytest.mark.parametrize(
    "value",
    [
        "http://proxy:3128",
        "proxy:3128",
        "proxy",
        "https://user:word@proxy.example:8080/",
        "http://[::1]:3128",
        "socks5h://localhost:1080",
    ],
)
def test_proxies_that_are_fine(value):
    assert proxy_problem(value) is None


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ('"http://proxy:3128"', "quotation"),
        ("http://proxy:port", "port"),
        ("http://proxy:99999", "port"),
        ("http://proxy:", "port"),
        ("htp://proxy", "scheme"),
        ("http://", "host"),
        (" http://proxy", "white space"),
        ("http://pro xy", "white space"),
    ],
)
def test_proxies_that_are_not(value, word):
    assert word in proxy_problem(value)


def test_offline_and_exclusions(collected):
    facts = collected(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="0", NO_PROXY="localhost, .corp,")
    assert facts.value("offline") == ["HF_HUB_OFFLINE"]
    assert facts.value("no_proxy") == ["localhost", ".corp"]


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


@given(WORDS, WORDS, st.sampled_from(["https://", "http://", "git+https://", ""]))
@example("us/er", "p@ss/w?o#rd", "https://")
def test_no_credential_comes_out(before, after, scheme):
    secret = f"{before}CANARY{after}"
    address = f"{scheme}user:{secret}@host.example/simple"
    assert "CANARY" not in public_address(address)
    problem = proxy_problem(address)
    assert problem is None or "CANARY" not in problem


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://host/simple", "https://host/simple"),
        ("https://user:word@host:8080/simple/?token=1#x", "https://host:8080/simple/"),
        ("https://host/basic/s3cr3tT0kenOf1234/simple", "https://host/basic/…/simple"),
        ("https://host/simple?user=a@CANARY", "https://…"),
        ("/srv/wheels", "/srv/wheels"),
        ("file:///srv/wheels", "file:///srv/wheels"),
    ],
)
def test_public_addresses(address, public):
    assert public_address(address) == public


PIP_CONF = """\
# comment
[global]
timeout = 60
index-url = https://user:CANARY@one.example/simple
extra-index-url =
    https://two.example/simple
    https://three.example/simple

[install]
find_links: /wheels
[other]
index-url = https://not.example
"""


def test_files_of_pip(collected, tmp_path):
    folder = tmp_path / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(PIP_CONF)
    facts = collected(PIP_INDEX_URL="https://zero.example/simple")
    found = [(item["setting"], item["value"]) for item in facts.value("index")]
    assert found == [
        ("index-url", "https://zero.example/simple"),
        ("index-url", "https://one.example/simple"),
        ("extra-index-url", "https://two.example/simple"),
        ("extra-index-url", "https://three.example/simple"),
        ("find-links", "/wheels"),
    ]


def test_a_file_that_pip_refuses(collected, tmp_path):
    file = tmp_path / "pip.conf"
    file.write_text("index-url = https://one.example\n")
    facts = collected(PIP_CONFIG_FILE=str(file))
    (error,) = facts.value("index.errors")
    assert str(file) in error
    assert "line 1" in error
    assert collected(PIP_CONFIG_FILE="/dev/null").value("index.errors") == []


UV_TOML = """\
index-url = "https://one.example/simple"
extra-index-url = ["https://two.example/simple",
                   'https://three.example/simple']  # both
[[index]]
name = "torch"
url = "https://user:CANARY@four.example/simple"
[[index]]
default = true
url = "https://five.example/simple"
[pip]
find-links = ["/wheels"]
[other]
index-url = "https://not.example"
"""


def test_files_and_variables_of_uv(collected, tmp_path):
    (tmp_path / "uv.toml").write_text(UV_TOML)
    facts = collected(UV_INDEX="torch=https://user:CANARY@zero.example/simple")
    found = [(item["setting"], item["value"]) for item in facts.value("index")]
    assert found == [
        ("extra-index-url", "https://zero.example/simple"),
        ("index-url", "https://one.example/simple"),
        ("extra-index-url", "https://two.example/simple"),
        ("extra-index-url", "https://three.example/simple"),
        ("extra-index-url", "https://four.example/simple"),
        ("index-url", "https://five.example/simple"),
        ("find-links", "/wheels"),
    ]
    assert "CANARY" not in repr(facts.entries)


NAME = st.text("abcxyz-", min_size=1, max_size=8).filter(lambda name: name.strip("-"))
VALUE = st.text("ab1:/.", min_size=1, max_size=12)


@given(
    st.dictionaries(
        NAME,
        st.dictionaries(NAME, st.lists(VALUE, min_size=1, max_size=3), max_size=3),
        max_size=2,
    )
)
def test_reads_as_configparser_does(sections):
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        for option, values in options.items():
            lines.append(f"{option} = " + "\n    ".join(values))
    text = "\n".join(lines) + "\n"
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    expected = [
        (section, option, value)
        for section in parser.sections()
        for option, value in parser.items(section)
    ]
    assert index_configuration.read_ini(text) == expected


@given(st.text())
def test_any_text_is_read_or_refused(text):
    for read in (index_configuration.read_ini, index_configuration.read_uv):
        try:
            read(text)
        except ValueError:
            continue
