"""Where distributions come from: the matrix, envcheck's settings, pip's and uv's, pip's default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envcheck.errors import UsageError
from envcheck.index.sources import (
    Configuration,
    Network,
    Sources,
    as_url,
    configuration,
    default_index,
    sources,
)
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (f"https://{name}.invalid/simple" for name in "abc")


@pytest.fixture(autouse=True)
def _nothing_is_configured(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


def test_nothing():
    assert configuration() == Configuration()


def test_variables(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"https://me:secret@{A[8:]}")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"mine={B}")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{B} {C}")
    monkeypatch.setenv("UV_INDEX", f"other={C}")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.setenv("UV_FIND_LINKS", "/more")
    monkeypatch.setenv("PIP_CERT", "/ca.pem")
    monkeypatch.setenv("PIP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "a.invalid b.invalid:8080")
    read = configuration()
    assert read.main == f"https://me:secret@{A[8:]}"
    assert read.extra == (B, C)
    assert read.find_links == ("/wheels", "/more")
    assert read.network == Network(
        "/ca.pem", "", "http://proxy.invalid:3128", ("a.invalid", "b.invalid:8080")
    )


def test_files(monkeypatch, tmp_path: Path):
    """A variable replaces what a file says of the same thing."""
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = {A}\nextra-index-url =\n    {B}\n    {C}\ncert = /ca.pem\n"
        "[install]\nproxy: http://proxy.invalid\ntrusted-host = a.invalid\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    (tmp_path / "uv.toml").write_text(f'[[index]]\nurl = "{C}"\ndefault = true\n')
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "uv.toml"))
    read = configuration()
    assert (read.main, read.extra) == (A, (B, C))
    assert read.network == Network("/ca.pem", "", "http://proxy.invalid", ("a.invalid",))
    monkeypatch.setenv("PIP_INDEX_URL", B)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", A)
    read = configuration()
    assert (read.main, read.extra) == (B, (A,))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_INDEX_URL")
    assert configuration().main == C


def test_a_file_that_cannot_be_read_is_said(monkeypatch, tmp_path: Path):
    (tmp_path / "pip.conf").write_text("[global\nindex-url = x\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert "pip.conf" in configuration().notes[0]


def test_the_ca_bundle_of_the_environment(monkeypatch):
    monkeypatch.setenv("CURL_CA_BUNDLE", "/curl.pem")
    assert configuration().network.verify == "/curl.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/requests.pem")
    assert configuration().network.verify == "/requests.pem"


def test_who_says_what():
    configured = Configuration(main=A, extra=(B,), find_links=("/w",))
    none = Index()
    assert sources(none, none, configured) == Sources((A, B), ("file:///w",))
    default = Index(url=C, exclude_newer="2026-01-01")
    assert sources(none, default, configured) == Sources((C, B), ("file:///w",), "2026-01-01")
    mine = Index(url=B, extra_urls=[A, B], find_links=["https://l.invalid/"])
    assert sources(mine, default, configured) == Sources(
        (B, A), ("https://l.invalid/",), "2026-01-01"
    )


def test_no_index():
    configured = Configuration(main=A, extra=(B,), find_links=("/w",), no_index=True)
    assert sources(Index(), Index(), configured) == Sources((), ("file:///w",))
    assert sources(Index(url=C), Index(), configured).indexes == (C,)


def test_the_default_is_what_pip_says():
    assert sources(Index(), Index(), Configuration()).indexes == (default_index(),)
    assert default_index().startswith("https://")


def test_places(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert as_url("wheels of mine") == f"file://{tmp_path}/wheels%20of%20mine"
    assert as_url("~/wheels") == "file:///home/me/wheels"
    assert as_url("file:///x") == "file:///x"
    assert as_url(A) == A
    with pytest.raises(UsageError, match="ftp"):
        as_url("ftp://x.invalid/")
