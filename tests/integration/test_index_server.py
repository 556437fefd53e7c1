"""The tests' own index: real installers understand it, it counts, and it is wrong on demand."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from index_faults import altered, drop, endless, redirect, slow, stall, status, truncate
from index_server import JSON, IndexServer
from wheels import c_extension, sdist, wheel

ONE = wheel("one", requires=["two>=1"])
TWO = wheel("two", "2.0", requires_python=">=3.8")
BUILT = sdist("built", setup="print('in setup.py')")


def get(url, **headers):
    request = urllib.request.Request(url, headers={k.title(): v for k, v in headers.items()})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status, answer.headers["Content-Type"], answer.read()


def install(index, folder, *words, installer="uv"):
    programs = {
        "uv": [str(Path(sys.executable).with_name("uv")), "pip", "install", "--no-cache"],
        "pip": [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--isolated"],
    }
    argv = [*programs[installer], "--target", str(folder), "--index-url", index.url, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.parametrize("json", [True, False])
def test_installers_install(tmp_path, installer, json):
    with IndexServer(ONE, TWO, BUILT, json=json) as index:
        done = install(index, tmp_path, "one", "built", installer=installer)
    assert done.returncode == 0, done.stderr
    assert {"one.py", "two.py", "built.py"} <= {path.name for path in tmp_path.iterdir()}
    downloads = index.downloads()
    assert downloads.pop(BUILT.name)  # uv fetches it twice: once to ask for its metadata
    assert downloads == {ONE.name: 1, TWO.name: 1}
    assert index.count("/files/*.metadata") == 2


def test_an_extension_is_compiled(tmp_path):
    with IndexServer(sdist("fast", extension=c_extension("fast"))) as index:
        done = install(index, tmp_path, "fast")
    assert done.returncode == 0, done.stderr
    code = "import _fast; print(_fast.value)"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout == "42\n", run.stderr


def test_pages():
    with IndexServer(ONE, upload_times=False) as index:
        assert get(index.url)[1].startswith("text/html")
        assert get(index.url, accept=JSON)[1] == JSON
        assert b"upload" not in get(index.url + "one/", accept=JSON)[2]
        assert get(index.url + "one")[0] == 200  # redirected
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(index.url + "none/")


def test_ranges():
    with IndexServer(ONE) as index:
        url = index.files_url + ONE.name
        assert get(url, range="bytes=-10") == (206, "application/octet-stream", ONE.data[-10:])
        assert get(url, range="bytes=3-5")[2] == ONE.data[3:6]
        assert index.downloads() == {}
        get(url, range="bytes=0-99")
        get(url, range="bytes=100-")
    assert index.downloads() == {ONE.name: 1}
    assert index.sent("/files/*") == len(ONE.data) + 13


def test_credentials_are_required():
    with IndexServer(ONE, credentials=("user", "secret")) as index:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(index.url + "one/")
        assert get(index.url + "one/", authorization="Basic dXNlcjpzZWNyZXQ=")[0] == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (drop(10), "IncompleteRead"),
        (status(503), "503"),
        (redirect(), "redirect"),
        (stall(60), "timed out"),
    ],
)
def test_faults(change, error):
    with IndexServer(ONE) as index:
        index.fault("/files/*", change)
        with pytest.raises(Exception, match=error):
            urllib.request.urlopen(index.files_url + ONE.name, timeout=0.3).read()
        index.mend()
        assert get(index.files_url + ONE.name)[2] == ONE.data


def test_wrong_data():
    with IndexServer(ONE) as index:
        url = index.files_url + ONE.name
        index.fault("*.whl", truncate(20), times=1)
        assert get(url)[2] == ONE.data[:20]
        index.fault("*.whl", altered(), times=1)
        data = get(url)[2]
        assert len(data) == len(ONE.data)
        assert data != ONE.data
        assert get(url)[2] == ONE.data


def test_a_page_without_end_and_a_slow_one():
    with IndexServer(ONE) as index:
        index.fault("/simple/one/", endless())
        with urllib.request.urlopen(index.url + "one/", timeout=5) as answer:
            assert len(answer.read(1 << 20)) == 1 << 20
        index.fault("/files/*", slow(100))
        with urllib.request.urlopen(index.files_url + ONE.name, timeout=5) as answer:
            assert answer.read(5) == ONE.data[:5]
