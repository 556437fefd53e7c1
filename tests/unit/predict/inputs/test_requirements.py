"""Requirements files as questions, and how a kind of file is told."""

import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locks import LOCKS

from envcheck.errors import DataError, EnvcheckError, UsageError
from envcheck.predict import inputs
from envcheck.predict.inputs import requirements, requirements_file

HASH = "sha256:" + "ab" * 32


def test_what_a_file_requires_with_all_that_it_includes(write):
    folder = write(
        {
            "r.txt": f"numpy>=2 --hash={HASH} # why\n-r sub/more.txt\n-c c.txt\n--pre\n"
            "--index-url https://u:secret@i.example/simple\n",
            "sub/more.txt": "idna ; python_version > '3'\n-e ../lib[x] ; os_name == 'posix'\n",
            "c.txt": "idna<4\n",
            "lib/pyproject.toml": '[project]\nname = "lib"\ndependencies = ["cycler"]\n'
            "[project.optional-dependencies]\nx = ['toolz; os_name != \"a\"']\n",
        }
    )
    found = inputs.read("r.txt", folder=folder)
    assert found.requirements == [
        "numpy>=2",
        "idna ; python_version > '3'",
        "cycler ; os_name == 'posix'",
        "toolz ; (os_name != \"a\") and (os_name == 'posix')",
    ]
    assert found.hashes == {"numpy>=2": (HASH,)}
    assert found.constraints == ["idna<4"]
    assert (found.index.url, found.pre) == ("https://i.example/simple", True)
    assert found.notes == [
        "r.txt:5: the credentials of an index were left out: leave them to netrc"
    ]
    assert "secret" not in repr(found)


def test_what_only_pip_takes_is_noted_with_its_place(write):
    lines = [
        "a", "--trusted-host h", "git+https://u:p@h.example/x/y@v1#egg=y",
        "b @ https://h.example/b-2.0-cp312-cp312-win_amd64.whl?token=1 ; sys_platform == 'win32'",
        "https://h.example/c-3-py3-none-any.whl", "./none", "d==${VERSION}", "-f nowhere",
        "e --config-settings=x=y", "-r https://h.example/r.txt", "./f-1.0.tar.gz",
    ]  # fmt: skip
    folder = write({"r.txt": "\n".join(lines) + "\n", "f-1.0.tar.gz": ""})
    found = inputs.read("r.txt", folder=folder)
    assert found.requirements == ["a"]
    assert [note.partition(": ")[0] for note in found.notes] == [
        f"r.txt:{line}" for line in range(2, 12)
    ]
    pins = {pin.name: pin for pin in found.pins}
    assert [(name, pin.source, pin.version) for name, pin in pins.items()] == [
        ("y", "git", ""), ("b", "url", "2.0"), ("c", "url", "3"), ("f", "local", "1.0"),
    ]  # fmt: skip
    assert pins["b"].marker == "sys_platform == 'win32'"
    assert pins["b"].files[0].filename == "b-2.0-cp312-cp312-win_amd64.whl"
    assert not any(word in repr(found) for word in ("u:p", "token"))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"r.txt": "a ==\n\nb c\n"}, "r.txt:1: no PEP 508 requirement"),
        ({"r.txt": "-r none.txt\n"}, "r.txt:1: there is no file none.txt"),
        ({"r.txt": "-c b.txt\n", "b.txt": "a[x]\n"}, "b.txt:1: a constraint has neither extras"),
    ],
)
def test_what_is_wrong_is_refused(write, files, said):
    folder = write(files)
    with pytest.raises(DataError) as caught:
        inputs.read("r.txt", folder=folder)
    assert caught.value.context[0].startswith(said)


def test_circles_and_big_files(write, monkeypatch):
    folder = write({"a.txt": "-r b.txt\n", "b.txt": "-c a.txt\n", "c.txt": "x" * 2000})
    with pytest.raises(DataError, match=r"in a circle: a.txt includes b.txt"):
        inputs.read("a.txt", folder=folder)
    monkeypatch.setattr(requirements_file, "LIMIT", 1000)
    with pytest.raises(DataError, match="is larger than"):
        inputs.read("c.txt", folder=folder)


@given(st.text(alphabet=" \n\\#-=rcef.;@[]a1:/$'\"{}~git+hps", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "asked.txt"
    path.write_text(text)
    with suppress(DataError):
        assert requirements.read(str(path), "asked.txt").kind == "requirements"


# -- kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Dockerfile", "dockerfile"), ("Dockerfile.gpu", "dockerfile"),
        ("app.Dockerfile", "dockerfile"), ("Containerfile", "dockerfile"),
        ("pyproject.toml", "project"), ("uv.lock", "uv"), ("job.py.lock", "uv"),
        ("poetry.lock", "poetry"), ("pdm.lock", "pdm"), ("pdm.dev.lock", "pdm"),
        ("pylock.toml", "pylock"), ("pylock.dev.toml", "pylock"), ("Pipfile.lock", "pipfile"),
        ("requirements-dev.txt", "requirements"), ("dev.in", "requirements"),
        ("a-1-py3-none-any.whl", "archive"), ("a-1.tar.gz", "archive"),
    ],
)  # fmt: skip
def test_kinds_by_name(name, kind):
    assert inputs.kind_of(os.path.join("none", name), name) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("uv-workspace/uv.lock", "uv"), ("poetry-2.1/poetry.lock", "poetry"),
        ("pdm/pdm.lock", "pdm"), ("pip/pylock.toml", "pylock"), ("pipenv/Pipfile.lock", "pipfile"),
        ("uv-workspace/pyproject.toml", "project"),
    ],
)  # fmt: skip
def test_kinds_by_content(tmp_path, name, kind):
    (tmp_path / "something").write_text((LOCKS / name).read_text())
    assert inputs.kind_of(str(tmp_path / "something"), "something") == kind
    (tmp_path / "build").write_text("ARG X\nFROM python:3\nRUN x\n")
    assert inputs.kind_of(str(tmp_path / "build"), "build") == "dockerfile"
    (tmp_path / "list").write_text("# all\nnumpy>=2\nidna\n-r x\n")
    assert inputs.kind_of(str(tmp_path / "list"), "list") == "requirements"


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("environment.yml", b"name: x\n", "conda"), ("setup.py", b"", "none is run"),
        ("notes", b"Dear all,\nhow are you?\n", "known are"), ("data", b"\0\1", "known are"),
        ("empty", b"", "known are"), ("Pipfile", b"[packages]\n", "Pipfile.lock"),
    ],
)  # fmt: skip
def test_what_is_none_of_them(tmp_path, name, content, hint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        inputs.read(name, folder=str(tmp_path))
    assert hint in caught.value.hint


def test_choices_that_a_kind_does_not_have(write):
    folder = write({"r.txt": "a\n", "Dockerfile": "FROM python:3.12\n"})
    for name, choices in (
        ("r.txt", {"extras": ["x"]}), ("Dockerfile", {"groups": ["x"]}), ("r.txt", {"stage": "x"}),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            inputs.read(name, folder=folder, **choices)
    with pytest.raises(DataError, match="there is no file none"):
        inputs.read("none", folder=folder)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    (folder / "anything").write_bytes(content)
    with suppress(EnvcheckError):
        assert inputs.read("anything", folder=str(folder)).kind
