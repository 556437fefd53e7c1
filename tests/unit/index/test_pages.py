"""Pages as indexes write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.index import pages
from envcheck.index.pages import File, before, name_and_version, parse

URL = "https://example.invalid/simple/one/"
HASH = "ab" * 32


def html(*lines: str) -> list[File]:
    return parse("\n".join(lines).encode(), "text/html; charset=UTF-8", URL)


def test_html():
    (file,) = html(
        "<!DOCTYPE html><html><head><title>one</title></head><body>",
        f'<A class=x HREF="../../files/One-1.0%2Bcpu-py3-none-any.whl#sha256={HASH.upper()}"',
        '   data-requires-python="&gt;=3.8,&lt;4" data-yanked="it is &quot;bad&quot;"',
        "   data-upload-time='2026-01-02T03:04:05Z' data-core-metadata=true>One</a><br/>",
        '<!-- <a href="one-9.0.tar.gz">one</a> --><a name=x>no link</a><a href="one-1.0.exe">x</a>',
    )
    assert file == File(
        filename="One-1.0+cpu-py3-none-any.whl",
        url="https://example.invalid/files/One-1.0%2Bcpu-py3-none-any.whl",
        sha256=HASH,
        requires_python=">=3.8,<4",
        yanked='it is "bad"',
        uploaded="2026-01-02T03:04:05Z",
        metadata="true",
    )


def test_html_with_a_base_and_unescaped_attributes():
    files = html(
        '<base href="https://files.invalid/x/">',
        '<a href="one-1.0.tar.gz" data-requires-python=">=3.7" data-yanked>one</a>',
        f'<a href="one-1.0-py3-none-any.whl" data-dist-info-metadata="sha256={HASH}">one</a>',
        '<a href="one-1.1.zip#md5=00ff" data-core-metadata="false">one</a>',
    )
    assert [file.url for file in files] == [
        "https://files.invalid/x/one-1.0.tar.gz",
        "https://files.invalid/x/one-1.0-py3-none-any.whl",
        "https://files.invalid/x/one-1.1.zip",
    ]
    assert (files[0].requires_python, files[0].yanked) == (">=3.7", "")
    assert (files[1].metadata, files[1].yanked) == (HASH, None)
    assert (files[2].hashes, files[2].sha256, files[2].metadata) == ({"md5": "00ff"}, "", "")


def test_json():
    entry = {
        "filename": "one-1.0-py3-none-any.whl",
        "url": "/f/one-1.0-py3-none-any.whl",
        "hashes": {"sha256": HASH, "blake2b": "00"},
        "requires-python": None,
        "yanked": True,
        "size": 5,
        "upload-time": "2026-01-02T03:04:05Z",
        "core-metadata": {"sha256": HASH},
        "provenance": None,
    }
    later = {"filename": "one-2.tar.gz", "url": "https://x.invalid/one-2.tar.gz", "yanked": "bad"}
    page = {"meta": {"api-version": "1.4", "x": 1}, "name": "one", "files": [entry, later]}
    first, second = parse(json.dumps(page).encode(), pages.JSON, URL)
    assert first == File(
        filename="one-1.0-py3-none-any.whl",
        url="https://example.invalid/f/one-1.0-py3-none-any.whl",
        sha256=HASH,
        hashes={"blake2b": "00"},
        yanked="",
        uploaded="2026-01-02T03:04:05Z",
        size=5,
        metadata=HASH,
    )
    assert (second.yanked, second.size, second.metadata) == ("bad", None, "")


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"{}", pages.JSON, "no JSON page"),
        (b"[", "application/json", "no JSON page"),
        (b"\xff", "application/json", "no JSON page"),
        (b'{"files": [], "meta": {"api-version": "2.0"}}', pages.JSON, "version 2.0"),
        (b'<meta name="pypi:repository-version" content="2.1">', "text/html", "version 2.1"),
        (b"PK", "application/zip", "neither HTML nor JSON"),
    ],
)
def test_what_is_no_page(body, kind, why):
    with pytest.raises(ValueError, match=why):
        parse(body, kind, URL)


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/one-1.0.tar.gz",
        "ftp://x.invalid/one-1.0.tar.gz",
        "javascript:one-1.0.tar.gz",
        "https://[bad/one-1.0.tar.gz",
        "data:,one-1.0.tar.gz",
    ],
)
def test_links_that_lead_nowhere_we_go(link):
    assert html(f'<a href="{link}">one-1.0.tar.gz</a>') == []


def test_credentials_in_links_are_left_out():
    (file,) = html('<a href="https://me:secret@x.invalid/one-1.0.tar.gz">one</a>')
    assert file.url == "https://x.invalid/one-1.0.tar.gz"


FILES = st.builds(
    File,
    filename=st.sampled_from(["one-1.0-py3-none-any.whl", "one-1.0+a.b.tar.gz", "one-2.zip"]),
    url=st.just(""),
    sha256=st.sampled_from(["", HASH]),
    requires_python=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    yanked=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    uploaded=st.sampled_from(["", "2026-01-02T03:04:05Z"]),
    size=st.none(),
)


@given(st.lists(FILES, max_size=3), st.sampled_from(["", "true", HASH]))
def test_what_is_written_is_read_again(files, offer):
    entries = [(pages.href(file, "key"), file, offer) for file in files]
    for write, kind in ((pages.to_json, pages.JSON), (pages.to_html, pages.HTML)):
        read = parse(write("one", entries), kind, URL)
        for got, (href, file, _) in zip(read, entries, strict=True):
            assert got.url == URL + href
            assert got.metadata == offer
            for name in ("filename", "sha256", "requires_python", "uploaded"):
                assert getattr(got, name) == getattr(file, name)
            assert (got.yanked is None) == (file.yanked is None)


@given(st.text(alphabet="<a href='\"x-1.tar.gz>=!-&#\n", max_size=200), st.sampled_from(["", "{"]))
def test_no_text_breaks_the_reader(text, start):
    for kind in ("text/html", "application/json"):
        try:
            parse((start + text).encode(), kind, URL)
        except ValueError:
            assert kind == "application/json"


def test_a_page_made_to_take_long_does_not():
    for hostile in ("<a ", "<a href='", '<a x="', "<a x='' ", "<a x", "<!--", "<base "):
        assert html(hostile * 20_000, '"', "'") == []


def test_names():
    assert name_and_version("Foo.Bar_baz-1.0-1-py3-none-any.whl") == ("foo-bar-baz", "1.0")
    assert name_and_version("foo-bar-2.0.tar.gz") == ("foo-bar", "2.0")
    assert name_and_version("foo.tar.gz") == ("", "")
    assert name_and_version("foo-1.0.exe") == ("", "")


def test_before_a_day():
    files = [
        File(filename=f"one-{n}.zip", url="", uploaded=day)
        for n, day in enumerate(["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", ""])
    ]
    kept, unknown = before(files, "2026-01-01")
    assert ([file.filename for file in kept], unknown) == (["one-0.zip", "one-2.zip"], 1)
    assert before(files, "") == (files, 0)
