"""Dockerfiles: where it goes, what is required there, with which compilers. Nothing is run."""

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locks import LOCKS, names, target

from envcheck.errors import DataError, EnvcheckError, UsageError
from envcheck.predict import inputs, targets
from envcheck.predict.inputs import dockerfile

SLIM = "FROM python:3.12-slim\n"
ALPINE = "FROM python:3.12-alpine\n"
PROJECT = """
[project]
name = "own"
requires-python = ">=3.10"
dependencies = ["idna>=3"]
[project.optional-dependencies]
plot = ["cycler"]
[dependency-groups]
dev = ["pytest"]
"""


@pytest.fixture
def asked(write):
    """The question of a Dockerfile with files beside it."""

    def _asked(text, files=(), **choices):
        folder = write({"Dockerfile": text, **dict(files)})
        return inputs.read("Dockerfile", folder=folder, **choices)

    return _asked


def beside(folder, lock):
    """A lock and its project."""
    return {name: (LOCKS / folder / name).read_text() for name in (lock, "pyproject.toml")}


def there(asked):
    """The target that it goes to."""
    (word,) = asked.targets
    return asked.adapt(targets.parse(word, today=dt.date(2026, 11, 20)))


def test_image_arguments_platform_and_stages(asked):
    found = asked(
        "# syntax=docker/dockerfile:1\n# escape=\\\nARG VERSION=3.12\nARG KIND=slim\n"
        "FROM --platform=linux/arm64 python:${VERSION}-${KIND:-x} AS Base\n"
        "FROM base AS build\nARG VERSION\nRUN pip install numpy==$VERSION.1 # twice\n"
        "FROM base\nCOPY --from=build /usr/local /usr/local\n"
    )
    assert found.targets == ["3.12-slim-aarch64"]
    assert found.requirements == ["numpy==3.12.1"]
    assert found.image.reference == "python:3.12-slim"
    assert found.notes == []
    assert there(found).architecture == "aarch64"


def test_pip_with_files_options_and_constraints(asked):
    found = asked(
        "FROM python:3.11-slim-bookworm\nWORKDIR /srv\nWORKDIR app\n"
        "COPY requirements/*.txt constraints.txt ./reqs/\nCOPY extra.txt /tmp\n"
        "RUN python -m pip install --no-cache-dir --upgrade pip setuptools && \\\n"
        "    # what we need\n"
        "    pip3 install --pre -rreqs/base.txt --requirement=/tmp/extra.txt \\\n"
        "      -c reqs/constraints.txt --only-binary=:all: --no-binary numpy,scipy \\\n"
        "      -i https://u:secret@i.example/simple --extra-index-url https://e.example/simple \\\n"
        '      \'torch>=2 ; python_version > "3"\' "uvicorn[standard]" 2>&1 | tee log\n',
        {
            "requirements/base.txt": "numpy>=1.26\n-r more.txt\n",
            "requirements/more.txt": "idna\n",
            "constraints.txt": "idna<4\n",
            "extra.txt": "scipy\n",
        },
    )
    assert found.requirements == [
        "numpy>=1.26", "idna", "scipy", 'torch>=2 ; python_version > "3"', "uvicorn[standard]",
    ]  # fmt: skip
    assert found.constraints == ["idna<4"]
    assert found.index.url == "https://i.example/simple"
    assert found.index.extra_urls == ["https://e.example/simple"]
    assert (found.index.only_binary, found.index.no_binary) == ([":all:"], ["numpy", "scipy"])
    assert found.pre
    assert found.notes == [
        "Dockerfile:6: the credentials of an index were left out: leave them to netrc"
    ]
    assert "secret" not in repr(found)
    assert found.targets == ["3.11-slim-bookworm"]


LEAN = SLIM + "RUN apt-get install --no-install-recommends -y"
INSTALL = "\nRUN pip install x"
CUDA = "FROM nvidia/cuda:12.4.1-{}-ubuntu22.04\nRUN apt install -y python3-pip{}"


@pytest.mark.parametrize(
    ("commands", "compilers"),
    [
        (SLIM + "RUN apt-get install -y build-essential && pip install x", {"c", "c++"}),
        (SLIM + "RUN apt-get install -y gcc && pip install x", {"c"}),
        (f"{LEAN} gcc{INSTALL}", set()),
        (f"{LEAN} gcc libc6-dev{INSTALL}", {"c"}),
        (f"{LEAN} gcc libpq-dev{INSTALL}", None),
        (SLIM + "RUN apt-get install gcc && apt-get purge -y gcc && pip install x", set()),
        (SLIM + "RUN apt-get install gcc && pip install x && apt-get purge gcc", {"c"}),
        (f"{SLIM.strip()} AS a\nRUN apt-get install -y g++\nFROM a{INSTALL}", {"c", "c++"}),
        (SLIM + INSTALL, set()),
        (f"FROM python:3.12{INSTALL}", {"c", "c++"}),
        (ALPINE + "RUN apk add --no-cache gcc && pip install x", set()),
        (ALPINE + "RUN apk add gcc musl-dev && pip install x", {"c"}),
        (f"{ALPINE}RUN apk add --virtual .deps build-base cargo{INSTALL}", {"c", "c++", "rust"}),
        (
            f"{SLIM}RUN apt-get install gcc\nRUN curl -sSf https://sh.rustup.rs | sh -s -- -y"
            + INSTALL,
            {"c", "rust"},
        ),
        (CUDA.format("devel", INSTALL), {"c", "c++", "cuda"}),
        (CUDA.format("runtime", f" gfortran{INSTALL}"), {"fortran"}),
        (
            f"FROM amazonlinux:2023\nRUN dnf install -y python3-pip gcc-c++ cmake{INSTALL}",
            {"c", "c++", "cmake"},
        ),
    ],
)
def test_compilers_at_the_time_of_the_install(asked, commands, compilers):
    found = asked(commands)
    assert found.requirements == ["x"]
    assert there(found).compilers == (None if compilers is None else frozenset(compilers))


def test_packages_are_kept(asked):
    found = asked(
        "FROM python:3.12-slim\nRUN apt-get install -y libpq-dev=15.* git-lfs && pip install x"
    )
    assert found.image.packages == ("git-lfs", "libpq-dev")
    assert there(found).distribution == "debian"


@pytest.mark.parametrize(
    ("start", "word"),
    [
        ("FROM ubuntu:22.04\nRUN apt-get install -y python3-pip", "3.10-glibc2.35"),
        ("FROM ubuntu:22.04\nRUN apt-get install -y python3.11-venv", "3.11-glibc2.35"),
        ("FROM ubuntu:22.04", ""),
        ("FROM ubuntu", ""),
        ("FROM debian:bookworm-slim\nRUN apt-get install -y python3-venv", "3.11-glibc2.36"),
        ("FROM alpine:3.20\nRUN apk add python3 py3-pip", "3.12-musl1.2.5"),
        ("FROM rockylinux:9\nRUN dnf install -y python3.12-pip", "3.12-glibc2.34"),
        ("FROM public.ecr.aws/lambda/python:3.11", "3.11-glibc2.26"),
        ("FROM registry.access.redhat.com/ubi9/python-311", "3.11-glibc2.34"),
        ("FROM ghcr.io/astral-sh/uv:0.5-python3.12-trixie-slim", "3.12-slim-trixie"),
        ("FROM arm64v8/python:3.12-alpine3.22", "3.12-alpine3.22-aarch64"),
        ("FROM docker.io/library/python:3.12.4-slim@sha256:00", "3.12.4-slim"),
        ("FROM pypy:3.11-slim", "pypy3.11-slim"),
        ("FROM python:3", "3.15"),
        ("FROM python:3.9-slim-buster", ""),
        ("FROM example.com/team/python:3.12-slim", ""),
        ("FROM --platform=windows/amd64 python:3.12", ""),
        ("FROM --platform=$BUILDPLATFORM python:3.12-slim", "3.12-slim"),
        ("FROM --platform=linux/arm/v7 python:3.12-slim", "3.12-slim-armv7l"),
        ("ARG TAG\nFROM python:$TAG", ""),
        ("FROM scratch", ""),
        ("FROM ubuntu:24.04\nENV UV_PYTHON=cpython-3.13", "3.13-glibc2.39"),
        ("FROM python:3.12-slim\nRUN uv venv --python 3.11.9", "3.11.9-slim"),
        ("FROM debian:13\nRUN uv python install 3.14", "3.14-glibc2.41"),
        ("FROM ubuntu:22.04\nRUN conda create -n e python=3.10 pip", "3.10-glibc2.35"),
    ],
)
def test_where_it_goes(asked, start, word):
    found = asked(f"{start}\nRUN pip install x\n")
    assert found.targets == ([word] if word else []), found.notes
    assert word or any("where it goes is not known" in note for note in found.notes)


def test_the_interpreter_that_installs(asked):
    found = asked(
        "FROM ubuntu:22.04\nRUN apt-get install -y python3-pip\nRUN python3.11 -m pip install x\n"
    )
    assert found.targets == ["3.11-glibc2.35"]


def test_a_venv_from_another_image_is_said(asked):
    found = asked(
        "FROM python:3.12-alpine AS build\nRUN pip install x\n"
        "FROM python:3.12-slim\nCOPY --from=build /venv /venv\n"
    )
    assert found.targets == ["3.12-alpine"]
    assert found.notes == [
        "Dockerfile:3: it is installed in stage `build` (python:3.12-alpine) and runs in"
        " python:3.12-slim"
    ]


def test_a_stage_is_chosen(asked):
    text = (
        "FROM python:3.12-slim AS one\nRUN pip install a\nFROM python:3.11-alpine AS two\n"
        "RUN pip install b\n"
    )
    last = asked(text)
    assert (last.requirements, last.targets) == (["b"], ["3.11-alpine"])
    assert last.notes == [
        "Dockerfile:2: stage 0 installs too and was left out: choose it by its name or number"
    ]
    assert asked(text, stage="ONE").requirements == ["a"]
    assert asked(text, stage="0").notes == []
    with pytest.raises(UsageError, match=r"no stage `tow` \(did you mean `two`\?\)"):
        asked(text, stage="tow")


def test_shells(asked):
    found = asked(
        'FROM python:3.12-slim\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\n'
        'RUN ["pip", "install", "a"]\nRUN ["/bin/sh", "-c", "set -e; pip install b"]\n'
        "RUN <<EOF\nset -e\npip install 'c>1' # why\n"
        'if [ -n "$X" ]; then\n  pip install d\nfi\nEOF\n'
        "RUN python3 <<EOF\npip install no\nEOF\n"
        "RUN bash -ceu 'pip install e && pip uninstall f'\n"
        "RUN pip install g || pip install h; X=1 sudo -u me /opt/venv/bin/pip3.12 install i\n"
        "RUN pip install j>=2 k\n"
        "RUN export V=3 && cd /x && pip install l==$V m==${W:-4} n==$(cat n)\n"
    )
    assert found.requirements == [
        "a", "b", "c>1", "d", "e", "g", "i", "j", "k", "l==3", "m==4",
    ]  # fmt: skip
    assert found.notes == [
        "Dockerfile:5: it is installed on a condition, and taken as if it held",
        "Dockerfile:17: `>=2` is not quoted: the shell writes a file so called, and no version"
        " is required",
        "Dockerfile:18: `n==$` is known only when it is run",
    ]


def test_what_is_not_taken_is_noted(asked):
    found = asked(
        "FROM python:3.12-slim\nRUN pip install git+https://u:p@h.example/x/y@v1 ./lib gone.whl\n"
        "RUN pip install -r none.txt\nRUN conda install pytorch\nRUN pip install $NAME\n"
        "RUN pip install 'unclosed\nRUN pip install https://h.example/a-1-py3-none-any.whl\n"
        "RUN pipx install ruff\n"
    )
    assert found.requirements == []
    assert [pin.source for pin in found.pins] == ["git", "url"]
    assert sorted(note.split(": ")[0] for note in found.notes) == [
        f"Dockerfile:{line}" for line in (2, 2, 2, 3, 4, 5, 6, 7, 8)
    ]
    assert "u:p" not in repr(found)


def test_the_project_itself(asked):
    files = {"pyproject.toml": PROJECT}
    found = asked(
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -e .[plot]\n", files
    )
    assert found.requirements == ["idna>=3", "cycler"]
    assert found.requires_python == ">=3.10"
    without = asked("FROM python:3.12-slim\nWORKDIR /app\nRUN pip install .\n", files)
    assert without.notes == [
        "Dockerfile:3: . is not among the copied files, or has no pyproject.toml: not taken"
    ]


SYNC = (
    "FROM ghcr.io/astral-sh/uv:python3.12-bookworm-slim AS build\nWORKDIR /app\n"
    "RUN --mount=type=cache,target=/root/.cache/uv \\\n"
    "    --mount=type=bind,source=uv.lock,target=uv.lock \\\n"
    "    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \\\n"
    "    uv sync --frozen --no-install-project {}\n"
    "COPY . /app\nRUN uv sync --frozen {}\nFROM python:3.12-slim-bookworm\n"
    "COPY --from=build /app /app\n"
)


def test_uv_sync(asked):
    files = {
        name: (LOCKS / "uv-workspace" / name).read_text() for name in ("uv.lock", "pyproject.toml")
    }
    plain = asked(SYNC.format("--no-dev", "--no-dev"), files)
    assert plain.locked
    assert plain.targets == ["3.12-slim-bookworm"]
    chosen = names(plain.selected(target()))
    assert "numpy 2.5.5" in chosen
    assert len(chosen) == len(set(chosen)) == 8
    with_dev = asked(SYNC.format("", "--extra plot"), files)
    more = {one.split()[0] for one in names(with_dev.selected(target()))}
    assert {"pathspec", "cycler", "typing-extensions"} <= more
    assert with_dev.groups == ("dev",), "uv installs this group unless it is told not to"


def test_other_tools_with_locks(asked):
    files = beside("poetry-2.0", "poetry.lock")
    copied = "FROM python:3.12-slim\nCOPY pyproject.toml poetry.lock /src/\nWORKDIR /src\n"
    for command, dev in (
        ("poetry install --no-root", True),
        ("poetry install --only main -E plot", False),
        ("poetry install --without dev", False),
        ("pip install poetry && poetry config virtualenvs.create false && poetry install", True),
    ):
        found = names(asked(f"{copied}RUN {command}\n", files).selected(target()))
        assert ("iniconfig 2.1.0" in found) == dev, command
        assert ("cycler 0.12.1" in found) == ("plot" in command)
    exported = asked(
        "FROM python:3.11-slim AS lock\nWORKDIR /tmp\nCOPY pyproject.toml poetry.lock* /tmp/\n"
        "RUN poetry export -f requirements.txt --output requirements.txt --without-hashes\n"
        "FROM python:3.12-alpine\nCOPY --from=lock /tmp/requirements.txt /code/requirements.txt\n"
        "RUN pip install --no-cache-dir -r /code/requirements.txt extra\n",
        files,
    )
    assert exported.targets == ["3.12-alpine"]
    assert "requests 2.32.5" in names(exported.selected(target()))
    assert exported.requirements == ["extra"]
    assert "Dockerfile:7: what is installed beside the lock is not judged: extra" in exported.notes


def test_variables_may_be_several_words(asked):
    found = asked(
        "FROM python:3.12-slim\nCOPY pyproject.toml poetry.lock ./\n"
        'ARG OPTIONS="--no-root --no-ansi"\nARG groups="main,dev"\nENV PACKAGES=" a b "\n'
        "RUN /etc/poetry/bin/poetry install --only $groups $OPTIONS \\\n"
        "  && poetry add c@^1.2 setuptools@latest && pip install $PACKAGES\n",
        beside("poetry-2.0", "poetry.lock"),
    )
    assert found.groups == ("dev",)
    assert found.requirements == ["c>=1.2,<2.0", "a", "b"]


def test_a_long_command_with_conditions(asked):
    found = asked(
        "FROM python:3.9-slim-bullseye\nWORKDIR /usr/src/app/src/\nCOPY r.txt ../\n"
        "RUN apt-get update \\\n\t&& apt-get -y --no-install-recommends install \\\n"
        "  \t# to build\n\t\tbuild-essential git \\\n"
        '\t&& if [ "$(uname -m)" = "armv7l" ] || [ "$(uname -m)" = "aarch64" ]; \\\n'
        "\t  then mkdir -p /q && cd /q && git clone https://h.example/q . \\\n"
        "\t  && cd /usr/src/app/src/; \\\n\telse \\\n\t  echo 'not (needed)'; \\\n\tfi \\\n"
        "  && python3 -m pip install --upgrade pip wheel \\\n"
        "\t&& python3 -m pip install --default-timeout=1000 -r ../r.txt \\\n"
        "\t&& apt-get -y purge build-essential git\n",
        {"r.txt": "numpy\n"},
    )
    assert found.requirements == ["numpy"]
    assert found.targets == ["3.9-slim-bullseye"]
    assert there(found).compilers == {"c", "c++"}
    assert found.image.packages == ()
    assert found.notes == []


def test_an_index_for_one_command_is_not_that_of_others(asked):
    found = asked(
        "FROM python:3.12-slim\nRUN pip install torch --index-url https://t.example/cpu\n"
        "RUN pip install numpy\n"
    )
    assert found.index.url == ""
    assert found.indexes == {"torch": "https://t.example/cpu"}
    assert found.index.extra_urls == ["https://t.example/cpu"]


def test_variables_of_pip_and_uv(asked):
    found = asked(
        "FROM python:3.12-slim\nENV PIP_EXTRA_INDEX_URL=https://u:p@e.example/simple PIP_PRE=1\n"
        "RUN pip config set global.index-url https://i.example/simple\nRUN pip install x\n"
    )
    assert found.index.url == "https://i.example/simple"
    assert found.index.extra_urls == ["https://e.example/simple"]
    assert found.pre
    uv = asked(
        "FROM python:3.12-slim\nENV UV_INDEX=t=https://t.example/s\nRUN uv pip install --system x\n"
    )
    assert uv.index.extra_urls == ["https://t.example/s"]


def test_files_in_a_dockerfile_and_outside_of_the_context(asked, tmp_path):
    (tmp_path.parent / "secret.txt").write_text("hidden\n")
    found = asked(
        SLIM + "COPY <<EOF /r.txt\nnumpy>=2 # fine\nEOF\nRUN pip install -r /r.txt\n"
        "COPY ../secret.txt /s.txt\nRUN pip install -r /s.txt\n"
    )
    assert found.requirements == ["numpy>=2"]
    assert found.notes == ["Dockerfile:7: /s.txt is not among the copied files: not taken"]
    (tmp_path / "link.txt").symlink_to(tmp_path.parent / "secret.txt")
    linked = asked("FROM python:3.12-slim\nCOPY link.txt /\nRUN pip install -r /link.txt\n")
    assert linked.requirements == []


def test_the_build_context_may_be_above_the_dockerfile(write):
    folder = write(
        {
            "docker/app/Dockerfile": SLIM + "COPY src/r.txt .\nRUN pip install -r r.txt\n",
            "src/r.txt": "numpy\n",
        }
    )  # fmt: skip
    assert inputs.read("docker/app/Dockerfile", folder=folder).requirements == ["numpy"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM python\nRUM x\n", "Dockerfile:2: `RUM` is no instruction (did you mean `RUN`?)"),
        ("FROM python\n\nRUN <<EOF\nx\n", "Dockerfile:3: the here-document `EOF` does not end"),
        ("RUN x\n", "Dockerfile:1: RUN before any FROM"),
        ("FROM a b c\n", "Dockerfile:1: FROM is followed by an image"),
        ("FROM a\nCOPY x\n", "Dockerfile:2: COPY needs a source and a target"),
        ("# nothing\n", ""),
        ("", ""),
    ],
)
def test_what_is_no_dockerfile(asked, text, said):
    with pytest.raises(DataError) as caught:
        asked(text)
    assert "\n".join(caught.value.context).startswith(said)
    assert caught.value.hint


PIECES = st.sampled_from(
    [
        "FROM ", "python:3.12-slim", " AS a", "\n", "RUN ", "pip install ", "-r r.txt ", "$X", "$(",
        "${X:-y}", "COPY ", "--from=a ", ". ", "/x ", "<<EOF", "\nEOF\n", "\\\n", "'", '"', "&& ",
        "[", "]", "|", ";", "uv sync ", "ARG X=1\n", "ENV A=b c\n", "WORKDIR /x\n", "#", "sh ",
        "poetry install ", "--mount=type=bind,source=.,target=/x ", "apt-get install gcc ", ")",
        "if x; then ", "fi", ">=1 ", "numpy", "{", "}", "\0", "é", "a", "-c ", "\n[",
        "--index-url ",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory, text, more):
    path = tmp_path_factory.getbasetemp() / "Dockerfile.any"
    path.write_text(f"FROM python:3.12-slim\n{text}{more}", errors="replace")
    with suppress(EnvcheckError):
        assert dockerfile.read(str(path), "Dockerfile.any").kind == "Dockerfile"
