"""Locks: what uv and pip write, and what a stranger may write in their place."""

from __future__ import annotations

import json

import pytest

from envcheck.matrix import locks
from envcheck.matrix.locks import Locked, LockError
from envcheck.model.target import Target

A, B = "a" * 64, "b" * 64

PYLOCK = f"""
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "Hf_Xet"
version = "1.8.0"
sdist = {{ url = "http://x/hf_xet-1.8.0.tar.gz", hashes = {{ sha256 = "{B}" }} }}
wheels = [{{ url = "http://x/a/hf_xet-1.8.0-cp38-abi3-linux_x86_64.whl", hashes = {{ sha256 = "{A}" }} }}]

[[packages]]
name = "docopt"
version = "0.6.2"
sdist = {{ url = "http://x/docopt-0.6.2.tar.gz", hashes = {{ sha256 = "{B}" }} }}

[[packages]]
name = "mine"
version = "1"
archive = {{ path = "/in/mine-1.tar.gz", hashes = {{ sha256 = "{A}" }} }}
"""  # noqa: E501


def test_uv_names_one_wheel_or_an_sdist_or_a_file_of_the_users():
    assert locks.of_uv(PYLOCK) == [
        Locked("hf-xet", "1.8.0", "wheel", "hf_xet-1.8.0-cp38-abi3-linux_x86_64.whl", A),
        Locked("docopt", "0.6.2", "sdist", "docopt-0.6.2.tar.gz", B),
        Locked("mine", "1", "local", "/in/mine-1.tar.gz"),
    ]


def report(**info: object) -> str:
    item = {"metadata": {"name": "One", "version": "1.0"}, "download_info": info}
    return json.dumps({"install": [item]})


def test_pips_report():
    new = report(url="http://x/One-1.0-py3-none-any.whl", archive_info={"hashes": {"sha256": A}})
    old = report(url="http://x/One-1.0.zip", archive_info={"hash": f"sha256={B}"})
    local = report(url="file:///in/One%201.whl", archive_info={})
    assert locks.of_pip(new) == [Locked("one", "1.0", "wheel", "One-1.0-py3-none-any.whl", A)]
    assert locks.of_pip(old) == [Locked("one", "1.0", "sdist", "One-1.0.zip", B)]
    assert locks.of_pip(local) == [Locked("one", "1.0", "local", "/in/One 1.whl")]


def test_only_wheels_are_installed_each_by_its_hash():
    text = locks.requirements(locks.of_uv(PYLOCK), {"/w/docopt-0.6.2-py3-none-any.whl": A})
    assert text.splitlines() == [
        f"hf-xet==1.8.0 --hash=sha256:{A}",
        f"docopt @ file:///w/docopt-0.6.2-py3-none-any.whl --hash=sha256:{A}",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "packages = 3",
        "[[packages]]\nname = 'one --index-url http://evil'\nversion = '1'",
        "[[packages]]\nname = 'one'\nversion = '1\\n--pre'",
        "[[packages]]\nname = 'one'\nversion = '1'",
        "[[packages]]\nname='one'\nversion='1'\nsdist={url='x',hashes={sha256='../../x'}}",
        "not TOML",
        "packages = [1, 2]",
    ],
)
def test_a_lock_of_a_stranger_is_refused_in_a_sentence(text: str):
    with pytest.raises(LockError, match="lock"):
        locks.of_uv(text)


@pytest.mark.parametrize("text", ["", "[]", '{"install": 1}', '{"install": [{}]}', report()])
def test_a_report_that_is_none(text: str):
    with pytest.raises(LockError):
        locks.of_pip(text)


def test_a_lock_without_end_is_refused():
    with pytest.raises(LockError, match="6000 packages"):
        locks.of_pip(json.dumps({"install": [{}] * 6000}))


def test_of_several_wheels_that_fit_the_preferred_one_is_taken():
    names = ["one-1-py3-none-any.whl", "one-1-py3-none-manylinux_2_28_x86_64.whl"]
    wheels = ", ".join(
        f'{{url = "https://index.example/{name}", hashes = {{sha256 = "{digit * 64}"}}}}'
        for name, digit in zip(names, "ab", strict=True)
    )
    text = f'[[packages]]\nname = "one"\nversion = "1"\nwheels = [{wheels}]\n'
    glibc, musl = (Target("x", "3.12.1", libc) for libc in ("glibc 2.36", "musl 1.2"))
    assert [one.file for one in locks.of_uv(text, glibc)] == [names[1]]
    assert [one.file for one in locks.of_uv(text, musl)] == [names[0]]
