"""Lockfiles that the tools wrote: which pins a target takes, and what is refused."""

import re
import shutil
import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locks import LOCKS, names, target
from strategies import json_values

from envcheck.errors import DataError, EnvcheckError, UsageError
from envcheck.predict import inputs
from envcheck.predict.inputs import (
    document,
    pdm_lock,
    pipfile_lock,
    poetry_lock,
    pylock,
    uv_lock,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMMON = ["certifi 2026.10.18", "charset-normalizer 3.5.2"]


def read(name, **choices):
    return inputs.read(name, folder=str(LOCKS), **choices)


def test_a_lock_of_uv_with_a_workspace():
    lock = read("uv-workspace/uv.lock")
    assert lock.locked
    assert (lock.requires_python, lock.kind) == (">=3.10", "uv.lock")
    common = ["app 1.0", "idna 3.20", "iniconfig 2.1.0", "lib 0.2"]
    rest = ["packaging 26.3", "uvloop 0.23.0", "vendored 3"]
    for python, numpy in (("3.11.2", "numpy 2.2.6"), ("3.12.0", "numpy 2.5.5")):
        assert names(lock.selected(target(python))) == [*common, numpy, *rest]
    windows = names(lock.selected(target(system="windows")))
    assert "colorama 0.4.6" in windows
    assert not any(name.startswith("uvloop") for name in windows), "its marker is the edge's"
    assert not any(name.startswith("uvloop") for name in names(
        lock.selected(target(implementation="pypy"))))  # fmt: skip


def test_extras_and_groups_of_a_lock_of_uv():
    plain = set(names(read("uv-workspace/uv.lock").selected(target())))
    plot = set(names(read("uv-workspace/uv.lock", extras=["Plot"]).selected(target())))
    dev = set(names(read("uv-workspace/uv.lock", groups=["dev"]).selected(target())))
    everything = read("uv-workspace/uv.lock", extras=[":all:"], groups=[":all:"])
    assert {name.split()[0] for name in plot - plain} == {"cycler", "kiwisolver"}
    assert {name.split()[0] for name in dev - plain} == {"pathspec", "typing-extensions"}
    assert set(names(everything.selected(target()))) == plot | dev
    with pytest.raises(UsageError, match=r"no extra `plt` \(did you mean `plot`\?\)"):
        read("uv-workspace/uv.lock", extras=["plt"])


def test_what_of_a_lock_of_uv_comes_from_no_index():
    lock = read("uv-workspace/uv.lock")
    found = {pin.name: pin for pin in lock.pins}
    assert found["iniconfig"].source == "url"
    assert [file.filename for file in found["iniconfig"].files] == [
        "iniconfig-2.1.0-py3-none-any.whl"
    ]
    assert (found["lib"].source, found["vendored"].source) == ("local", "local")
    notes = [re.sub(r":\d+:", ":N:", note) for note in lock.notes]
    assert notes == [
        "uv-workspace/uv.lock:N: `iniconfig` comes from the address "
        "https://files.index.example/iniconfig-2.1.0-py3-none-any.whl: its file is judged by its"
        " name",
        "uv-workspace/uv.lock:N: `lib` comes from the local path packages/lib: its own build is"
        " not judged",
        "uv-workspace/uv.lock:N: `vendored` comes from the local path vendored: its own build is"
        " not judged",
    ]
    line = int(lock.notes[0].split(":")[1])
    text = (LOCKS / "uv-workspace/uv.lock").read_text().splitlines()
    assert text[line - 1 : line + 1] == ["[[package]]", 'name = "iniconfig"']


def test_files_of_a_lock():
    pin = next(pin for pin in read("uv-workspace/uv.lock").pins if pin.name == "idna")
    wheel, sdist = sorted(pin.files, key=lambda file: not file.is_wheel)
    assert wheel.url.startswith("https://files.index.example/idna-3.20-py3")
    assert len(wheel.sha256) == 64
    assert not sdist.is_wheel
    assert pin.index == "", "the index of most packages is the default one"
    poetry = next(pin for pin in read("poetry-2.1/poetry.lock").pins if pin.name == "idna")
    assert poetry.files[0].url == ""
    assert poetry.files[0].sha256 == wheel.sha256


def test_extras_that_exclude_each_other_have_versions_of_their_own():
    old = read("uv-conflict/uv.lock", extras=["old"])
    new = read("uv-conflict/uv.lock", extras=["new"])
    assert names(old.selected(target())) == ["idna 3.20", "numpy 2.2.6", "two-ways 1.0"]
    assert names(new.selected(target())) == ["idna 3.20", "numpy 2.4.6", "two-ways 1.0"]
    assert names(read("uv-conflict/uv.lock").selected(target())) == ["idna 3.20", "two-ways 1.0"]


@pytest.mark.parametrize("name", ["poetry-2.1-groups/poetry.lock", "poetry-2.0/poetry.lock"])
def test_locks_of_poetry(name):
    lock = read(name)
    recent = ["requests 2.34.2", "urllib3 2.8.0"] if "2.1" in name else []
    recent = recent or ["requests 2.32.5", "urllib3 2.6.3"]
    rest = ["pysocks 1.7.1", "requests 2.32.5", "urllib3 2.6.3"]
    first = [*COMMON, "idna 3.20"]
    assert names(lock.selected(target("3.9.20"))) == [*first, "numpy 2.0.2", *rest]
    newer = [*first, "numpy 2.4.6", "pysocks 1.7.1", *recent]
    assert names(lock.selected(target("3.12.1"))) == newer
    more = read(name, extras=["plot"], groups=["dev"])
    assert {one.split()[0] for one in names(more.selected(target("3.12.1")))} == {
        *(one.split()[0] for one in newer), "cycler", "iniconfig",
    }  # fmt: skip
    assert "colorama 0.4.6" in names(lock.selected(target(system="windows")))
    assert lock.requires_python == ">=3.9,<4.0"
    assert lock.refuses(target("3.8.18"))


def test_an_old_lock_of_poetry_without_its_project(tmp_path):
    shutil.copy(LOCKS / "poetry-2.0/poetry.lock", tmp_path)
    lock = inputs.read("poetry.lock", folder=str(tmp_path))
    assert "no pyproject.toml beside it" in lock.notes[0]
    found = names(lock.selected(target()))
    assert "iniconfig 2.1.0" in found, "it does not say that this is for development"
    assert "cycler 0.12.1" not in found, "it says that this is optional"


def test_the_first_format_of_poetry_has_its_files_apart(write):
    folder = write(
        {
            "poetry.lock": '[[package]]\nname = "A.b"\nversion = "1"\ncategory = "main"\n'
            'optional = false\n[package.dependencies]\nc = {version = "^2", optional = true}\n'
            '[package.extras]\nx = ["c (>=2)"]\n'
            '[[package]]\nname = "c"\nversion = "2.1"\ncategory = "main"\noptional = true\n'
            '[metadata]\nlock-version = "1.1"\npython-versions = "^3.8"\n'
            '[metadata.files]\n"A.b" = [{file = "a_b-1-py3-none-any.whl", hash = "md5:00"}]\n'
        }
    )
    lock = inputs.read("poetry.lock", folder=folder)
    assert names(lock.selected(target())) == ["a-b 1"]
    assert lock.pins[0].files[0].filename == "a_b-1-py3-none-any.whl"
    assert lock.pins[0].extra_needs[0][0] == "x"


def test_a_marker_of_poetry_that_never_holds(write):
    folder = write(
        {
            "poetry.lock": '[[package]]\nname = "a"\nversion = "1"\ngroups = ["main", "dev"]\n'
            'markers = {main = "python_version < \\"3.11\\"", dev = "<empty>"}\n'
            '[metadata]\nlock-version = "2.1"\n'
        }
    )
    lock = inputs.read("poetry.lock", folder=folder, groups=["dev"])
    assert names(lock.selected(target("3.10.4"))) == ["a 1"]
    assert names(lock.selected(target("3.12.4"))) == []


@pytest.mark.parametrize("name", ["pdm/pdm.lock", "pdm-graph/pdm.lock"])
def test_locks_of_pdm(name):
    lock = read(name)
    closure = [*COMMON, "idna 3.20", "numpy 2.0.2", "pysocks 1.7.1", "requests 2.32.5"]
    assert names(lock.selected(target())) == [*closure, "urllib3 2.6.3"]
    assert "tomli 2.5.0" in names(lock.selected(target("3.10.1")))
    more = names(read(name, extras=["plot"], groups=["dev"]).selected(target()))
    assert {one.split()[0] for one in more} - {one.split()[0] for one in closure} == {
        "cycler", "iniconfig", "pathspec", "urllib3",
    }  # fmt: skip


def test_locks_in_the_common_format():
    lock = read("uv-pylock/pylock.toml")
    assert "numpy 2.0.2" in names(lock.selected(target("3.9.1")))
    assert "numpy 2.5.5" in names(lock.selected(target("3.13.1")))
    assert {pin.index for pin in lock.pins} == {""}
    own = read("pip/pylock.toml")
    numpy = next(pin for pin in own.pins if pin.name == "numpy")
    assert [file.filename for file in numpy.files] == [
        "numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
    ], "pip locks for one platform"


WHEEL = "https://h.example/d-1-py3-none-any.whl"


def test_the_common_format_has_environments_groups_and_other_sources(write):
    folder = write(
        {
            "pylock.dev.toml": 'lock-version = "1.0"\n'
            "environments = [\"sys_platform == 'linux'\"]\n"
            'requires-python = ">=3.11"\nextras = ["x"]\ndependency-groups = ["dev", "docs"]\n'
            'default-groups = ["dev"]\n'
            + "".join(
                f'[[packages]]\nname = "{name}"\nversion = "1"\nmarker = "{marker}"\n{more}\n'
                for name, marker, more in (
                    ("a", "'x' in extras and python_version >= '3.12'", ""),
                    ("b", "'dev' in dependency_groups", 'vcs = {type = "git", url = "https://u:p@h.example/b"}'),
                    ("c", "'docs' not in dependency_groups", 'directory = {path = "./c"}'),
                    ("d", "", f'archive = {{url = "{WHEEL}", size = 9}}'),
                )
            )
        }
    )  # fmt: skip
    lock = inputs.read("pylock.dev.toml", folder=folder, extras=["x"])
    assert [(pin.name, pin.source) for pin in lock.selected(target())] == [
        ("a", "index"), ("b", "git"), ("c", "local"), ("d", "url"),
    ]  # fmt: skip
    assert lock.pins[3].files[0].size == 9
    assert "u:p" not in repr(lock)
    assert len(lock.notes) == 3
    docs = inputs.read("pylock.dev.toml", folder=folder, groups=["docs"])
    assert [pin.name for pin in docs.selected(target())] == ["b", "d"]
    assert lock.refuses(target(system="macos"))
    assert lock.refuses(target("3.10.4"))
    assert not lock.refuses(target())


def test_a_lock_of_pipenv():
    lock = read("pipenv/Pipfile.lock")
    assert lock.notes == [
        "pipenv/Pipfile.lock: `colorama` has no version there: pipenv did not lock it"
    ]
    assert "numpy 2.4.6" in names(lock.selected(target()))
    assert all(len(pin.hashes) == 2 for pin in lock.pins)
    assert "iniconfig 2.3.1" in names(read("pipenv/Pipfile.lock", groups=["develop"]).pins)


def test_indexes_of_a_lock(write):
    def package(name, url):
        return f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ registry = "{url}" }}\n'

    lock = (
        "version = 1\n"
        + package("a", "https://i.example/simple")
        + package("torch", "https://u:secret@t.example/cpu")
        + '[[package]]\nname = "p"\nversion = "1"\nsource = { virtual = "." }\ndependencies = ['
        '{ name = "a" }, { name = "torch", source = { registry = '
        '"https://u:secret@t.example/cpu" } }]\n'
    )
    folder = write(
        {
            "uv.lock": lock,
            "pyproject.toml": '[project]\nname = "p"\n[[tool.uv.index]]\nname = "t"\n'
            'url = "https://u:secret@t.example/cpu"\nexplicit = true\n'
            '[[tool.uv.index]]\nurl = "https://own.example/simple"\n[tool.uv]\n'
            'exclude-newer = "2026-05-01"\nprerelease = "allow"\n',
        }
    )  # fmt: skip
    asked = inputs.read("uv.lock", folder=folder)
    assert [(pin.name, pin.index) for pin in asked.pins] == [
        ("a", ""), ("torch", "https://t.example/cpu"), ("p", ""),
    ]  # fmt: skip
    assert names(asked.selected(target())) == ["a 1", "torch 1", "p 1"]
    assert asked.index.extra_urls == ["https://own.example/simple", "https://t.example/cpu"]
    assert (asked.exclude_newer, asked.pre) == ("2026-05-02", True)
    assert "secret" not in repr(asked)
    assert any("credentials" in note for note in asked.notes)


def test_a_script_and_a_workspace_without_a_project_of_its_own(write):
    entry = '[[package]]\nname = "{}"\nversion = "1"\nsource = {{ {} }}\n'
    folder = write(
        {
            "job.py.lock": "version = 1\n[manifest]\nrequirements = [{ name = \"a\" }]\n"
            + entry.format("a", 'registry = "https://i.example/simple"')
            + entry.format("b", 'registry = "https://i.example/simple"'),
            "uv.lock": 'version = 1\n[manifest]\nmembers = ["m", "n"]\n'
            + entry.format("m", 'editable = "m"')
            + entry.format("n", 'virtual = "n"')
            + entry.format("o", 'registry = "https://i.example/simple"'),
        }
    )  # fmt: skip
    assert names(inputs.read("job.py.lock", folder=folder).selected(target())) == ["a 1"]
    assert names(inputs.read("uv.lock", folder=folder).selected(target())) == ["m 1", "n 1"]


# -- what cannot be used


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("uv.lock", "version = 2\n", "uv.lock:1: version 2 of the format is not known, only 1"),
        ("uv.lock", 'version = "1"\n', "uv.lock:1: `version`: expected int, got string"),
        ("uv.lock", "version = 1\n[[package]\n", "uv.lock:2:"),
        ("uv.lock", 'version = 1\n\n[[package]]\nname = 3\nversion = "1"\n',
         "uv.lock:3: `package[0].name`: expected string, got int"),
        ("uv.lock", 'version = 1\n[[package]]\nname = "a"\nsource = { registry = "x" }\n'
         'dependencies = [{ name = "b", marker = "oops ==" }]\n', "uv.lock:2: `b`: no marker"),
        ("uv.lock", 'version = 1\n[[package]]\nname = "a"\nsource = { svn = "x" }\n',
         "uv.lock:2: `a` has a source that is not known"),
        ("poetry.lock", '[metadata]\nlock-version = "3.0"\n',
         "poetry.lock:2: version `3.0` of the format is not known, only 1.0, 1.1, 2.0, 2.1"),
        ("poetry.lock", "a = 1\n", "poetry.lock: object missing required field metadata"),
        ("pdm.lock", '[metadata]\nlock_version = "5.0"\n', "pdm.lock:2: version `5.0`"),
        ("pylock.toml", 'lock-version = "2.0"\n', "pylock.toml:1: version `2.0`"),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "a"\nmarker = "x"\n',
         "pylock.toml:2: `a`: no marker"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 7}}', "Pipfile.lock: `_meta.pipfile-spec`"),
        ("Pipfile.lock", '{"_meta"\n: 1,}', "Pipfile.lock:2:"),
        ("Pipfile.lock", "[]", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_lock_is_said_with_its_place(write, name, text, said):
    folder = write({name: text})
    with pytest.raises(DataError) as caught:
        inputs.read(name, folder=folder)
    assert "\n".join(caught.value.context).replace("`object`", "object").startswith(said)
    assert name in caught.value.message


def test_files_that_are_too_big_or_nested_too_deeply(write, monkeypatch):
    monkeypatch.setattr(document, "LIMIT", 1000)
    folder = write(
        {"uv.lock": "a" * 1001, "Pipfile.lock": '{"a":' * 300, "pdm.lock": "a=" + "[" * 900}
    )
    for name in ("uv.lock", "Pipfile.lock", "pdm.lock"):
        with pytest.raises(DataError):
            inputs.read(name, folder=folder)


READERS = {
    "uv-workspace/uv.lock": uv_lock,
    "poetry-2.1-groups/poetry.lock": poetry_lock,
    "poetry-2.0/poetry.lock": poetry_lock,
    "pdm/pdm.lock": pdm_lock,
    "pdm-graph/pdm.lock": pdm_lock,
    "uv-pylock/pylock.toml": pylock,
    "pipenv/Pipfile.lock": pipfile_lock,
}


def _selected(asked):
    for one in (target("3.9.1"), target("3.13.2", libc="musl 1.2"), target(system="windows")):
        assert len(asked.selected(one)) <= len(asked.pins)
        assert isinstance(asked.refuses(one), str)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_locks_are_read_or_refused(tmp_path_factory, name, data):
    text = (LOCKS / name).read_text()
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 400))
    put = data.draw(st.text(alphabet=" \n=[]{}\",'a1.:#\\", max_size=8))
    path = tmp_path_factory.getbasetemp() / "damaged.lock"
    path.write_text(text[:start] + put + text[start + length :])
    with suppress(EnvcheckError):
        _selected(READERS[name].read(str(path), "damaged.lock"))


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_locks_with_other_values_are_read_or_refused(name, data):
    text = (LOCKS / name).read_text()
    module = READERS[name]
    if name.endswith("Pipfile.lock"):
        import json

        whole = json.loads(text)
    else:
        whole = tomllib.loads(text)
    node = whole
    while isinstance(node, (dict, list)) and node:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], (dict, list)) or data.draw(st.integers(0, 3)) == 0:
            node[key] = data.draw(json_values())
            break
        node = node[key]
    with pytest.MonkeyPatch.context() as patch:
        made = document.Document(str(LOCKS / name), name, text, whole)
        for reader in ("read_toml", "read_json"):
            if hasattr(module, reader):
                patch.setattr(module, reader, lambda *_: made)
        with suppress(EnvcheckError):
            _selected(module.read(str(LOCKS / name), name))
