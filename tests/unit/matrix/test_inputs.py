"""The user's files for a cell: projects, wheels, repositories, requirements files."""

import hashlib
import io
import os
import subprocess
import tarfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envcheck.errors import DataError
from envcheck.matrix import inputs, plan, source_tree, spec
from envcheck.model.matrix import Subject
from envcheck.predict.inputs.requirements_file import flatten

PROJECT = '[project]\nname = "Own.Thing"\nversion = "1.2"\n'


def git(folder, *words):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    hooks = ("-c", "core.hooksPath=/dev/null", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *hooks, "-C", str(folder), *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture
def project(tmp_path):
    """A project that is no repository."""
    folder = tmp_path / "project"
    (folder / "own").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "own" / "__init__.py").write_text("x = 1\n")
    return folder


def prepared(folder, **test):
    return inputs.of_subject(Subject(smoke="none", **test), str(folder))


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name.partition("/")[2]: member for member in archive}


def only_file(made):
    ((name, data),) = made.files()
    return name, data


def test_a_project_becomes_an_archive(project):
    made = prepared(project, project=".", extras=["train"], requirements=["numpy>=2"])
    name, data = only_file(made)
    assert name == "own_thing-1.2.tar.gz"
    assert made.requirements("/in") == [
        "own-thing[train] @ file:///in/own_thing-1.2.tar.gz",
        "numpy>=2",
    ]
    assert made.order == ("own-thing", "numpy")
    assert made.requested == {"own-thing", "numpy"}
    assert set(members(data)) == {"pyproject.toml", "own/__init__.py"}
    assert made.digests() == {name: hashlib.sha256(data).hexdigest()}


def test_the_same_files_give_the_same_bytes(project):
    _, first = only_file(prepared(project, project="."))
    os.utime(project / "pyproject.toml", (1, 1))
    assert only_file(prepared(project.parent, project="project"))[1] == first
    (project / "own" / "__init__.py").write_text("x = 2\n")
    assert only_file(prepared(project, project="."))[1] != first


def test_products_environments_and_secrets_stay_behind(project):
    for path in (
        ".git/config", ".venv/bin/python", "env/pyvenv.cfg", "own/__pycache__/x.pyc", ".env",
        "own.egg-info/PKG-INFO", "build/lib/own.py", "dist/own.whl", ".netrc", "id_ed25519",
        "src/build/__init__.py", "src/build/b.py", "data/x.bin",
    ):  # fmt: skip
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("x")
    assert set(members(only_file(prepared(project, project="."))[1])) == {
        "pyproject.toml",
        "own/__init__.py",
        "src/build/__init__.py",
        "src/build/b.py",
        "data/x.bin",
    }


def test_git_says_what_belongs_to_a_project(project):
    git(project, "init", "-q")
    (project / ".gitignore").write_text("ignored/\n")
    (project / "ignored").mkdir()
    (project / "ignored" / "x").write_text("x")
    for name in ("gone.py", "kept.pem", "new.py", ".env"):
        (project / name).write_text("x")
    git(project, "add", "pyproject.toml", "gone.py", "kept.pem")
    (project / "gone.py").unlink()
    marker = project.parent / "ran"
    git(project, "config", "core.fsmonitor", f"touch {marker}")
    assert set(members(only_file(prepared(project, project="."))[1])) == {
        ".gitignore",
        "pyproject.toml",
        "own/__init__.py",
        "kept.pem",
        "new.py",
    }
    assert not marker.exists()


def test_links_within_are_followed_and_links_out_are_refused(project):
    (project / "LICENSE").symlink_to("pyproject.toml")
    (project / "alias").symlink_to("own")
    (project / "nowhere").symlink_to("nothing")
    os.mkfifo(project / "pipe")
    found = members(only_file(prepared(project, project="."))[1])
    assert found["LICENSE"].isreg()
    assert found["LICENSE"].size == len(PROJECT)
    assert (found["alias"].issym(), found["alias"].linkname) == (True, "own")
    assert not {"nowhere", "pipe"} & set(found)
    (project / "own" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match="the link own/passwd points out of it") as caught:
        prepared(project, project=".")
    assert "sdist" in caught.value.hint


def test_a_project_that_is_too_large(project, monkeypatch):
    monkeypatch.setattr(source_tree, "MOST_BYTES", 1 << 20)
    with open(project / "big", "wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(DataError, match="too large to be copied into cells") as caught:
        prepared(project, project=".")
    assert ".gitignore" in caught.value.hint


def test_a_version_of_git_s_tags_is_written_down(project):
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n'
        '[project]\nname = "own"\ndynamic = ["version"]\n'
    )
    assert only_file(prepared(project, project="."))[0] == "own.tar.gz"
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "1")
    git(project, "tag", "v1.4.2")
    name, data = only_file(prepared(project, project="."))
    assert name == "own-1.4.2.tar.gz"
    assert "PKG-INFO" in members(data)
    (project / "new.py").write_text("")
    git(project, "add", ".")
    git(project, "commit", "-qm", "2")
    assert source_tree.scm_version(str(project)).startswith("1.4.3.dev1+g")
    git(project, "tag", "v2.0rc1")
    (project / "new.py").write_text("x")
    assert source_tree.scm_version(str(project)).startswith("2.0.dev0+g")


def test_a_project_without_a_static_name_is_named_by_its_archive(tmp_path):
    (tmp_path / "setup.py").write_text("")
    made = prepared(tmp_path.parent, project=tmp_path.name, extras=["a"])
    name = only_file(made)[0]
    assert made.requirements("/in") == [f"/in/{name}[a]"]
    assert made.order == ()


def test_a_wheel_and_an_sdist_are_handed_over_as_they_are(tmp_path):
    (tmp_path / "own_x-1+cpu-py3-none-any.whl").write_bytes(b"w")
    (tmp_path / "other-2.0.tar.gz").write_bytes(b"s")
    made = prepared(tmp_path, project="own_x-1+cpu-py3-none-any.whl")
    assert dict(made.files()) == {"own_x-1+cpu-py3-none-any.whl": b"w"}
    assert made.requirements("/in") == ["own-x @ file:///in/own_x-1%2Bcpu-py3-none-any.whl"]
    assert prepared(tmp_path, project="other-2.0.tar.gz").order == ("other",)
    (tmp_path / "odd.whl").write_bytes(b"")
    with pytest.raises(DataError, match="is no wheel"):
        prepared(tmp_path, project="odd.whl")


def test_the_smoke_script_is_read(tmp_path):
    (tmp_path / "s.py").write_text("print()\n")
    assert inputs.of_subject(Subject(smoke="s.py"), str(tmp_path)).script == "print()\n"
    assert inputs.of_subject(Subject(smoke="accelerator"), str(tmp_path)).script == ""
    with pytest.raises(DataError, match="cannot read"):
        inputs.of_subject(Subject(smoke="t.py"), str(tmp_path))


# -- requirements files

HASH = "sha256:" + "ab" * 32


@pytest.fixture
def write(tmp_path):
    def _write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.txt").write_text(text)
        return tmp_path

    return _write


def test_a_requirements_file_is_flattened(write, project):
    folder = write(
        r=(
            "\ufeff# all\n-r more.txt # inside\nnumpy>=2 \\\n    --hash=" + HASH + " \\\n"
            "    # a comment between\n--constraint=c.txt\n"
            "--extra-index-url https://a.example/simple https://b.example/simple\n"
            "-i https://i.example/simple\n--no-binary=:all:\n--only-binary numpy,idna\n--pre\n"
            f"-e ./project[train] ; python_version > '3'\nown2 @ file://{project}\n"
        ),
        more="requests[socks]==2.32 ; sys_platform == 'linux'  # why\n",
        c="idna<4\n-r d.txt\n",
        d="urllib3<3\n",
    )
    flat = flatten(str(folder / "r.txt"))
    assert flat.constraints == ("idna<4", "urllib3<3")
    assert flat.options.extra_urls == ["https://a.example/simple", "https://b.example/simple"]
    assert flat.options.url == "https://i.example/simple"
    assert (flat.options.no_binary, flat.options.only_binary) == ([":all:"], ["numpy", "idna"])
    assert flat.options.pre
    made = prepared(folder, requirements_file="r.txt", constraints=["x<1"])
    assert made.constraints("/in") == ["x<1", "idna<4", "urllib3<3"]
    assert made.requirements("/in") == [
        "requests[socks]==2.32 ; sys_platform == 'linux'",
        f"numpy>=2 --hash={HASH}",
        "own-thing[train] @ file:///in/own_thing-1.2.tar.gz ; python_version > '3'",
        "own-thing @ file:///in/own_thing-1.2.tar.gz",
    ]
    assert made.order == ("requests", "numpy", "own-thing")


def test_everything_wrong_in_requirements_files_is_said_with_its_place(write):
    folder = write(
        r=(
            "a ==\n--trusted-host h\n-r none.txt\n-r https://h/x.txt\n./nothing\n"
            "x @ https://h/x-1-py3-none-any.whl\n-i https://user:secret@h/simple\n"
            "-i https://${TOKEN}@h/simple\nb==${VERSION}\nc --global-option=x\n--no-index\n"
            "-f nowhere\n-r more.txt\n--find-links\nd --hash=md5:00\n-i 'open\n"
        ),
        more="\n\ne f\n",
    )
    with pytest.raises(DataError) as caught:
        flatten(str(folder / "r.txt"), "r.txt")
    context = caught.value.context
    assert "secret" not in " ".join(context)
    expected = [
        "r.txt:1: no PEP 508 requirement",
        "r.txt:2: the option --trusted-host is not supported: say it in pip's configuration",
        "r.txt:3: there is no file none.txt",
        "r.txt:4: --requirement needs a file of this machine",
        "r.txt:5: there is no ./nothing",
        "r.txt:6: a file at an address: download it",
        "r.txt:7: has credentials",
        "r.txt:8: variables are not replaced here: leave credentials to netrc",
        "r.txt:9: variables are not replaced here: write the value",
        "r.txt:10: the option --global-option is not supported",
        "r.txt:11: the option --no-index is not supported",
        "r.txt:12: there is no directory nowhere",
        "more.txt:3: no PEP 508 requirement",
        "r.txt:14: --find-links needs a value",
        "r.txt:15: the option --hash is not supported",
        "r.txt:16: cannot be read: No closing quotation",
    ]
    assert len(context) == len(expected)
    for line, start in zip(context, expected, strict=True):
        assert line.startswith(start), (line, start)


def test_files_that_include_each_other_in_a_circle(write):
    folder = write(a="-r b.txt\n", b="-c a.txt\n")
    with pytest.raises(DataError, match=r"in a circle: a.txt includes b.txt includes a.txt"):
        flatten(str(folder / "a.txt"), "a.txt")


@given(st.text(alphabet=" \n\\#-=rcef.;@[]a1:/$'\"{}~", max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_text(text)
    with suppress(DataError):
        assert flatten(str(path)).require_hashes in (False, True)


# -- git


class Repositories(BaseHTTPRequestHandler):
    """Repositories below ``root`` over HTTP, as git serves them."""

    root = ""

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length", 0))
        done = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(length),
            capture_output=True,
            check=True,
            timeout=60,
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": self.root,
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "CONTENT_LENGTH": str(length),
            },
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200 OK")[:3]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def repository(project, monkeypatch):
    """The address of a repository with a tag, a branch, a hook and a submodule."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "1")
    git(project, "tag", "v1")
    text = PROJECT.replace("1.2", "2.0")
    (project / "pyproject.toml").write_text(text)
    (project / "sub").mkdir()
    (project / "sub" / "pyproject.toml").write_text('[project]\nname = "inner"\nversion = "3"\n')
    (project / ".gitmodules").write_text('[submodule "s"]\npath = s\nurl = file:///etc\n')
    git(project, "add", ".")
    git(project, "commit", "-qm", "2")

    class Here(Repositories):
        root = str(project.parent)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"git+http://127.0.0.1:{server.server_port}/project/.git"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_repository_is_fetched_at_a_tag_and_at_its_head(repository, tmp_path):
    assert only_file(prepared(tmp_path, requirements=[f"{repository}@v1"]))[0].endswith(
        "-1.2.tar.gz"
    )
    made = prepared(tmp_path, requirements=[f"own-thing[a] @ {repository}"])
    name, data = only_file(made)
    assert name == "own_thing-2.0.tar.gz"
    assert not [member for member in members(data) if member.startswith(".git/")]
    assert made.requirements("/in") == ["own-thing[a] @ file:///in/own_thing-2.0.tar.gz"]


def test_a_directory_of_a_repository(repository, tmp_path):
    made = prepared(tmp_path, requirements=[f"{repository}#subdirectory=sub"])
    assert made.order == ("inner",)
    with pytest.raises(DataError, match="has no directory none"):
        prepared(tmp_path, requirements=[f"{repository}#subdirectory=none"])


def test_a_reference_that_is_not_there_is_said_in_the_words_of_git(repository, tmp_path):
    with pytest.raises(DataError, match="cannot be fetched: git exited with status") as caught:
        prepared(tmp_path, requirements=[f"{repository}@v9"])
    assert "v9" in caught.value.context[-1]
    assert "a tag, a branch or a whole commit hash" in caught.value.hint


def test_a_repository_without_git_here(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="there is no git here") as caught:
        prepared(tmp_path, requirements=["git+https://h.example/x"])
    assert "install git" in caught.value.hint


def test_nothing_of_git_is_left(repository, tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    prepared(tmp_path, requirements=[f"{repository}@v1"])
    assert list(folder.iterdir()) == []


# -- what is static


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"setup.py": "from setuptools import setup\nsetup(name='A.b', version='1.0', x=f())"},
         ("a_b-1.0.tar.gz", ("a-b",))),
        ({"setup.py": "import setuptools\nn = 'a'\nsetuptools.setup(name=n, version='1')"},
         ("PROJECT.tar.gz", ())),
        ({"setup.cfg": "[metadata]\nname = a\nversion = attr: a.__version__\n", "setup.py": "1 +"},
         ("a.tar.gz", ("a",))),
        ({"setup.cfg": "[metadata]\nname = a\nversion = 2.0-beta1\n"}, ("a-2.0b1.tar.gz", ("a",))),
        ({"pyproject.toml": "[tool.poetry]\nname = 'a'\nversion = '3'\n"}, ("a-3.tar.gz", ("a",))),
        ({"pyproject.toml": "[project]\nname = 'a'\nversion = 'three'\n"}, ("a.tar.gz", ("a",))),
        ({"pyproject.toml": "[project]\nname = 'a'\ndynamic = ['version']\n",
          "setup.cfg": "[metadata]\nname = b\nversion = 4\n"}, ("a-4.tar.gz", ("a",))),
    ],
)  # fmt: skip
def test_name_and_version_are_read_where_they_are_static(tmp_path, files, expected):
    folder = tmp_path / "PROJECT"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    made = prepared(folder, project=".")
    assert (only_file(made)[0], made.order) == expected


def test_a_plan_says_what_a_requirements_file_requires(write, project):
    folder = write(r=f"idna==3.10 --hash={HASH}\n./project\n-c c.txt\n", c="x<1\n")
    loaded = spec.choose(["packaging"], str(folder), requirements_file="r.txt", python=["3.11"])
    cell = plan.plan(*loaded[:3]).cells[0]
    assert cell.test.requirements == ["packaging", "idna==3.10"]
    assert cell.test.constraints == ["x<1"]
    made = inputs.prepare(cell, str(folder))
    assert made.requirements("/in") == [
        "packaging",
        f"idna==3.10 --hash={HASH}",
        "own-thing @ file:///in/own_thing-1.2.tar.gz",
    ]
    assert made.constraints("/in") == ["x<1"]
