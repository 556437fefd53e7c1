"""Pages as indexes write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envcheck.index import page_writing, pages
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
    entries = [(page_writing.href(file, "key"), file, offer) for file in files]
    for write, kind in ((page_writing.to_json, pages.JSON), (page_writing.to_html, pages.HTML)):
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


ATTRIBUTES = st.sampled_from(
    [
        f'href="https://x.invalid/a/one-1.0-py3-none-any.whl#sha256={HASH}"',
        f'href="https://x.invalid/a/one-1.0-py3-none-any.whl#sha256={HASH.upper()}"',
        'href="https://x.invalid/a/one-1.0%2Bcpu.tar.gz"',
        'href="https://x.invalid/a/one-1.0.tar.gz?x=y&amp;z#md5=00"',
        'href="https://me@x.invalid/a/one-1.0.tar.gz"',
        'href="https://x.invalid/a/öne-1.0.tar.gz"',
        'href="https://x.invalid/a/one-1.0.exe"',
        'href="https://one-1.0.zip"',
        'href="https://x.invalid/one-1.0\x01.zip"',
        f'href="https://x.invalid/{"n" * 300}-1.0.zip"',
        'href="/a/one-1.0.zip"',
        "href='https://x.invalid/a/one-1.0.zip'",
        'data-requires-python="&gt;=3.8"',
        'data-requires-python=">=3.8"',
        "data-requires-python",
        'data-yanked=""',
        'data-yanked="n\xc3\xb6 <b> &quot;"',
        "data-yanked",
        'data-upload-time="2026-01-02T03:04:05Z"',
        'data-upload-time="&amp;"',
        f'data-core-metadata="sha256={HASH}"',
        f'data-dist-info-metadata="sha256={HASH[::-1]}"',
        'data-core-metadata="true"',
        'data-size="12"',
        'data-size="²"',
        "x='<a href=y'",
        ">",
        "<a ",
        '"',
    ]
)


@given(st.lists(st.lists(ATTRIBUTES, max_size=6).map(" ".join), max_size=4))
def test_the_usual_form_says_what_the_general_one_says(anchors):
    """`<A` is never read as the usual form."""
    text = "".join(f"<a {anchor}>one</a><br/>\n" for anchor in anchors)
    page, other = (word.encode() for word in (text, text.replace("<a href", "<A href")))
    assert parse(page, "text/html", URL) == parse(other, "text/html", URL)


def test_the_usual_form_is_read():
    usual = (
        f'<a href="https://x.invalid/one-1.0.zip#sha256={HASH}" data-requires-python="&gt;=3"'
        f' data-dist-info-metadata="sha256={HASH[::-1]}" data-core-metadata="sha256={HASH}"'
        ' data-yanked="" data-upload-time="2026-01-02T03:04:05Z">'
    )
    assert pages._ANCHOR.fullmatch(usual)[1]
    assert html(usual) == [
        File(
            filename="one-1.0.zip",
            url="https://x.invalid/one-1.0.zip",
            sha256=HASH,
            requires_python=">=3",
            yanked="",
            uploaded="2026-01-02T03:04:05Z",
            metadata=HASH,
        )
    ]


def test_text_that_is_not_ascii():
    for a in ("a", "A"):
        (file,) = html(f'<{a} href="https://x.invalid/öne-1.0.zip" data-yanked="Größe – à\xa0">')
        assert (file.filename, file.yanked) == ("öne-1.0.zip", "Größe – à\xa0")


HOSTILE = (
    "<a ", "<a href='", '<a x="', "<a x='' ", "<a x", "<!--", "<base ", "<base href ", "<meta ",
    "<meta name='pypi:repository-version' ", '<a href="https://x/', '<a href="https://x/" data-y="',
    "<a '<a \"'", "&#", "<a a ", "<a a=", "<a" + " " * 900,
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_page_made_to_take_long_does_not(hostile):
    assert html(hostile * (400_000 // len(hostile)), '"', "'") == []


@given(st.binary(max_size=300), st.sampled_from(["", "<a href='", '{"files":[{"filename":"']))
def test_no_bytes_break_the_reader(body, start):
    for kind in ("text/html", "application/json"):
        try:
            parse(start.encode() + body, kind, URL)
        except ValueError:
            continue


ENTRY = {"filename": "one-1.0.zip", "url": "https://x.invalid/one-1.0.zip"}


@pytest.mark.parametrize(
    "page",
    [
        '{"files":[],"meta":{"x":' + "[" * 100_000,
        '{"files":[],"x":' + '{"a":' * 100_000,
        '{"files":[{"filename":"one-1.0.zip","url":"https://x.invalid/","size":' + "9" * 6000,
        '{"files":[],"x":[' + "[]," * 600_000 + "0]}",
        '{"files":[],"meta":[]}',
        '{"files":[{"filename":"\\ud800-1.0.zip","url":"x"}]}',
    ],
    ids=["deep-meta", "deep-rest", "number", "many", "meta", "surrogate"],
)
def test_json_that_is_made_to_break_its_reader(page):
    with pytest.raises(ValueError):
        parse(page.encode(), pages.JSON, URL)


def test_what_a_file_says_of_itself_is_believed_within_limits():
    wrong = [
        {**ENTRY, "size": -1},
        {**ENTRY, "size": 10**17},
        {**ENTRY, "filename": "../one-1.0.zip"},
        {**ENTRY, "filename": f"one-{'1' * 300}.zip"},
        {**ENTRY, "filename": "one-1.0\n.zip"},
        {**ENTRY, "url": "https://x.invalid/\r\nHost: y/one-1.0.zip"},
    ]
    files = parse(json.dumps({"files": wrong}).encode(), pages.JSON, URL)
    assert [(file.filename, file.size) for file in files] == [("one-1.0.zip", None)] * 2


def test_a_page_of_too_many_files():
    for kind, text in (
        ("text/html", '<a href="https://x.invalid/one-1.0.zip">' * (pages.FILES + 1)),
        (pages.JSON, json.dumps({"files": [ENTRY] * (pages.FILES + 1)})),
    ):
        with pytest.raises(ValueError, match="it lists more than 100,000 files"):
            parse(text.encode(), kind, URL)


def test_names():
    assert name_and_version("Foo.Bar_baz-1.0-1-py3-none-any.whl") == ("foo-bar-baz", "1.0")
    assert name_and_version("foo-bar-2.0.tar.gz") == ("foo-bar", "2.0")
    assert name_and_version("foo.tar.gz") == ("", "")
    assert name_and_version("foo-1.0.exe") == ("", "")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("foo-1.0-py3-none-any.whl", ""),
        ("foo-1.0-1-py3-none-any.whl", ""),
        ("foo-1.0-cp312-cp312-manylinux_2_28_x86_64-cu129.whl", "cu129"),
        ("foo-1.0-2a-cp312-cp312-linux_x86_64-x8664v3.whl", "x8664v3"),
    ],
)
def test_variants(name, label):
    """PEP 825, a draft: they are listed, and no installer of today takes them."""
    (file,) = html(f'<a href="{name}">', '<a href="foo-1.0-variants.json">')
    assert (file.project, file.version, file.variant) == ("foo", "1.0", label)
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        assert label
    else:
        assert not label


@pytest.mark.parametrize(
    "name", ["a-1.whl", "a-1-b-c.whl", "a-1-b-c-d-e-f.whl", "a-1-2-c-d-e-f-g.whl", "a.zip-x"]
)
def test_what_is_no_name_of_a_wheel(name):
    assert name_and_version(name) == ("", "")
    assert File(filename=name, url="").variant == ""


def test_before_a_day():
    files = [
        File(filename=f"one-{n}.zip", url="", uploaded=day)
        for n, day in enumerate(["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", ""])
    ]
    kept, unknown = before(files, "2026-01-01")
    assert ([file.filename for file in kept], unknown) == (["one-0.zip", "one-2.zip"], 1)
    assert before(files, "") == (files, 0)
