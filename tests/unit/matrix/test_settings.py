"""Settings of the matrix: images by os, and who said what."""

import os

import pytest

from envcheck import config
from envcheck.errors import UsageError
from envcheck.matrix import settings


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in [name for name in os.environ if name.startswith("ENVCHECK_")]:
        monkeypatch.delenv(name)


def of(tmp_path, **said):
    (tmp_path / ".git").mkdir(exist_ok=True)
    return settings.of(config.resolve(said, str(tmp_path)), str(tmp_path))


def test_without_any_source_the_official_images_are_used(tmp_path):
    found = of(tmp_path)
    assert (found.backend, found.jobs, found.images) == ("auto", 0, {})
    assert found.image("slim", "3.12") == ""
    assert found.sources["images"] == "default"
    assert os.path.isabs(found.store)


def test_images_by_variable(tmp_path, monkeypatch):
    said = "slim=own/base:{python}-slim,alpine=r.example:5000/x/base:{python}-musl"
    monkeypatch.setenv("ENVCHECK_IMAGES", said)
    found = of(tmp_path)
    assert found.image("slim", "3.12") == "own/base:3.12-slim"
    assert found.image("alpine", "3.9") == "r.example:5000/x/base:3.9-musl"
    assert found.image("alpine-cc", "3.9") == ""
    assert found.sources["images"] == "ENVCHECK_IMAGES"


def test_the_project_s_table_and_the_command_line(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.envcheck.images]\nslim-cc = "own:{python}"\n'
        '[tool.envcheck.matrix]\nbackend = "docker"\njobs = 3\nstore = "runs"\n'
        'find-links = ["wheels"]\nextra-index-url = ["https://more.example/simple"]\n'
    )
    found = of(tmp_path, matrix_jobs=5)
    assert (found.backend, found.jobs) == ("docker", 5)
    assert found.sources["backend"] == "pyproject.toml:4"
    assert found.sources["jobs"] == "command line"
    assert found.store == str(tmp_path / "runs")
    assert found.index.find_links == [str(tmp_path / "wheels")]
    assert found.index.extra_urls == ["https://more.example/simple"]
    assert found.image("slim-cc", "3.13") == "own:3.13"


@pytest.mark.parametrize(
    "image", ["a b", "UPPER/Case/Path:x y", "-v/etc", "x:{pyhton}", "x@sha256:1"]
)
def test_what_is_no_reference_of_an_image(tmp_path, monkeypatch, image):
    monkeypatch.setenv("ENVCHECK_IMAGES", f"slim={image}")
    with pytest.raises(UsageError, match=r"^ENVCHECK_IMAGES: .* is no reference of an image"):
        of(tmp_path)


def test_what_is_no_os(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVCHECK_IMAGES", "../x=python:3")
    with pytest.raises(UsageError, match="no name of an os"):
        of(tmp_path)
