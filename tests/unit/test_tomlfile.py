"""TOML of strangers: what is wrong where, and where tables and keys begin."""

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envcheck.errors import DataError
from envcheck.tomlfile import LIMIT, Places, parse, printable, read

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = '''\
name = "x"  # [[python]]
summary = """
[[python]]
requires = 3
"""
[[python]]
requires = '>=3  # not a comment'
 [[ "python" ]]  # with spaces
requires = "a"
[tool.envcheck]
profile = 1
"quoted key" = 2
'''


def test_headers_and_keys_are_found_and_strings_and_comments_are_not_mistaken_for_them():
    tomllib.loads(TEXT)
    places = Places(TEXT)
    assert places.headers("python") == [6, 8]
    assert places.headers("tool", "envcheck") == [10]
    assert places.key(0, "summary") == 2
    assert places.key(6, "requires") == 7
    assert places.key(8, "requires") == 9
    assert places.key(10, "quoted key") == 12
    assert places.key(6, "missing") == 6, "the table's own line"
    assert places.key(0, "missing") == 1


@pytest.mark.parametrize(
    ("content", "context"),
    [
        (b"a = \n", "f.toml:1:5: Invalid value"),
        (b'a = 1\nb = "', "f.toml:2: "),
        (b"a = 1\nb = 2\n c \n", "f.toml:3:"),
        (b"ok = 1\nname = '\xff'", "f.toml:2: the byte 0xff has no meaning there"),
        (b"a\x1b[31m = 1", "f.toml:1:"),
    ],
)
def test_what_is_no_toml_is_said_with_its_place(content, context):
    with pytest.raises(DataError) as caught:
        parse(content, "f.toml")
    assert caught.value.context[0].startswith(context)
    assert "\x1b" not in "".join(caught.value.context)


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 5000,
        b"a = " + b"1" * 5000,
        b".".join([b"a"] * 50_000) + b" = 1",
        b"[" + b".".join([b"a"] * 50_000) + b"]",
        b"x = {" + b".".join([b"a"] * 50_000) + b" = 1}",
    ],
)
def test_what_would_take_the_parser_minutes_or_its_stack_is_refused(content):
    with pytest.raises(DataError, match=r"f\.toml"):
        parse(content, "f.toml")


def test_many_dots_in_a_string_are_no_endless_key():
    assert parse(b'a = "' + b"." * 500 + b'"', "f.toml").data == {"a": "." * 500}


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbfa = 1")
@settings(deadline=None)
def test_any_bytes_are_toml_or_a_data_error(content):
    try:
        source = parse(content, "f.toml")
    except DataError as caught:
        said = caught.context
    else:
        Places(source.text)
        said = ()
    assert all(line.isprintable() for line in said)


def test_a_file_that_cannot_be_read_or_is_too_large(tmp_path):
    with pytest.raises(DataError, match=r"cannot read missing: No such file"):
        read(str(tmp_path / "missing"), "missing")
    with pytest.raises(DataError, match="Is a directory"):
        read(str(tmp_path), "folder")
    with pytest.raises(DataError, match="cannot read"):
        read("a\0b", "null")
    large = tmp_path / "large"
    large.write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(DataError, match="larger than 256 KiB"):
        read(str(large), "large")


def test_endless_files_are_not_read_to_their_end():
    with pytest.raises(DataError, match="larger than"):
        read("/dev/zero", "zero")


@given(st.text())
@settings(deadline=None)
def test_printable_text_is_one_safe_line(text):
    assert printable(text).isprintable()
    assert len(printable(text, 10)) <= 10 * 10 + 1
