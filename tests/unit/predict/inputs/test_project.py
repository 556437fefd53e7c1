"""pyproject.toml, projects, wheels and sdists as questions."""

import io
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from envcheck.errors import DataError, EnvcheckError, UsageError
from envcheck.predict import inputs
from envcheck.predict.inputs import poetry_constraints, project


@pytest.fixture
def asked(write):
    def _asked(text, files=(), **choices):
        folder = write({"pyproject.toml": text, **dict(files)})
        return inputs.read("pyproject.toml", folder=folder, **choices)

    return _asked


STANDARD = """
[build-system]
requires = ["maturin"]
build-backend = "maturin"
[project]
name = "Own.Thing"
requires-python = ">=3.10,<3.13"
dependencies = [
    "numpy>=2 ; python_version > '3'",
    "other @ https://u:secret@h.example/other-1.5-py3-none-any.whl",
    "torch", "kept @ git+https://h.example/kept@v1", "near",
]
dynamic = ["version", "optional-dependencies"]
[project.optional-dependencies]
all = ["own-thing[Plot.x]"]
plot_x = ["cycler"]
[dependency-groups]
dev = ["pytest", {include-group = "Types"}]
types = ["mypy"]
[tool.uv]
constraint-dependencies = ["idna<4"]
[tool.uv.sources]
torch = [{index = "cpu", marker = "sys_platform == 'linux'"}]
near = {path = "../near", editable = true}
[[tool.uv.index]]
name = "cpu"
url = "https://t.example/cpu"
explicit = true
[[tool.uv.index]]
url = "https://own.example/simple"
default = true
"""


def test_the_standard_tables(asked):
    found = asked(STANDARD)
    assert found.requirements == ["numpy>=2 ; python_version > '3'", "torch"]
    assert (found.requires_python, found.pythons) == (">=3.10,<3.13", ["3.11", "3.12"])
    assert found.indexes == {"torch": "https://t.example/cpu"}
    assert found.index.url == "https://own.example/simple"
    assert found.index.extra_urls == ["https://t.example/cpu"]
    assert found.constraints == ["idna<4"]
    pins = {pin.name: pin for pin in found.pins}
    assert pins["other"].files[0].filename == "other-1.5-py3-none-any.whl"
    assert pins["other"].version == "1.5"
    assert [pins[name].source for name in ("other", "kept", "near")] == ["url", "git", "local"]
    assert "secret" not in repr(found)
    assert [note.partition(": ")[0] for note in found.notes] == [
        "pyproject.toml:8", "pyproject.toml:8", "pyproject.toml:8", "pyproject.toml:13",
        "pyproject.toml:4",
    ]  # fmt: skip
    assert "dynamic" in found.notes[3]
    assert "by maturin" in found.notes[4]


def test_extras_and_groups_name_each_other(asked):
    assert asked(STANDARD, extras=["all"]).requirements[2:] == ["cycler"]
    assert asked(STANDARD, groups=["DEV"]).requirements[2:] == ["pytest", "mypy"]
    with pytest.raises(UsageError, match=r"no group `tests`") as caught:
        asked(STANDARD, groups=["tests"])
    assert caught.value.hint == "it has dev, types"


POETRY = """
[tool.poetry]
name = "own"
[tool.poetry.dependencies]
python = "^3.9"
numpy = "^1.26.4"
pandas = [{version = "~2.1", python = "<3.12"}, {version = "^2.2", python = ">=3.12"}]
requests = {version = "2.31.0 || >=2.32", extras = ["socks"], markers = "os_name == 'posix'"}
cycler = {version = "*", optional = true, platform = "linux"}
mine = {path = "../mine", develop = true}
far = {git = "https://u:p@h.example/far.git", rev = "1"}
torch = {version = ">=2", source = "cpu"}
[tool.poetry.extras]
plot = ["cycler"]
[tool.poetry.group.dev.dependencies]
pytest = "8.*"
[tool.poetry.dev-dependencies]
black = "24.1.0"
[[tool.poetry.source]]
name = "cpu"
url = "https://t.example/cpu"
priority = "explicit"
[[tool.poetry.source]]
name = "more"
url = "https://m.example/simple"
priority = "supplemental"
"""


def test_the_tables_of_poetry(asked):
    found = asked(POETRY)
    assert found.requirements == [
        "numpy>=1.26.4,<2.0.0",
        "pandas>=2.1,<2.2 ; python_version < '3.12'",
        "pandas>=2.2,<3.0 ; python_version >= '3.12'",
        "requests[socks]>=2.31.0 ; os_name == 'posix'",
        "torch>=2",
    ]
    assert found.requires_python == ">=3.9,<4.0"
    assert [(pin.name, pin.source) for pin in found.pins] == [("mine", "local"), ("far", "git")]
    assert found.indexes == {"torch": "https://t.example/cpu"}
    assert found.index.extra_urls == ["https://m.example/simple", "https://t.example/cpu"]
    assert found.notes[0] == (
        "pyproject.toml:8: the alternatives of `requests` were taken as `>=2.31.0`"
    )
    more = asked(POETRY, extras=["plot"], groups=["dev"])
    assert set(more.requirements) - set(found.requirements) == {
        "cycler ; sys_platform == 'linux'", "pytest==8.*", "black==24.1.0",
    }  # fmt: skip
    assert "u:p" not in repr(found)


@pytest.mark.parametrize(
    ("written", "specifier"),
    [
        ("^1.2.3", ">=1.2.3,<2.0.0"), ("^1.2", ">=1.2,<2.0"), ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3.0"), ("^0.0.3", ">=0.0.3,<0.0.4"), ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"), ("~1.2.3", ">=1.2.3,<1.3.0"), ("~1.2", ">=1.2,<1.3"), ("~1", ">=1,<2"),
        ("*", ""), ("1.*", "==1.*"), ("1.2.3", "==1.2.3"), ("=1.2", "==1.2"), ("~=1.4", "~=1.4"),
        (">=1.2 <2", ">=1.2,<2"), (">= 1.2, < 2.0", ">=1.2,<2.0"), ("^1!2.3", ">=1!2.3,<1!3.0"),
        (">=1.5,<1.7 || >1.7", ">=1.5,!=1.7"), ("<2 || >=3", ""), ("^1 || ^2", ">=1"),
        (">=2.0.0b1", ">=2.0.0b1"), ("^2.0a1", ">=2.0a1,<3.0"), (">=1.*", ">=1"),
    ],
)  # fmt: skip
def test_constraints_of_poetry(written, specifier):
    found, exact = poetry_constraints.specifier(written)
    assert found == specifier
    assert exact == ("||" not in written or "!=" in found)


def test_constraints_on_python_are_markers():
    assert poetry_constraints.marker("^3.9 || ~4.1") == (
        "(python_version >= '3.9' and python_version < '4.0')"
        " or (python_version >= '4.1' and python_version < '4.2')"
    )
    assert poetry_constraints.marker(">=3.9.2") == "python_full_version >= '3.9.2'"
    assert poetry_constraints.marker("*") == ""
    assert poetry_constraints.marker("3.11.*") == "python_version == '3.11'"


@given(st.text(alphabet="^~=!<>|,. *0123abx", max_size=16))
@settings(max_examples=300, deadline=None)
def test_any_constraint_is_read_or_refused(text):
    with suppress(ValueError):
        for found in poetry_constraints.alternatives(text):
            SpecifierSet(found)
        SpecifierSet(poetry_constraints.specifier(text)[0])
    with suppress(ValueError):
        if made := poetry_constraints.marker(text):
            Marker(made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.x]\n", "has neither [project] nor [tool.poetry]"),
        ('[project]\ndependencies = ["b ="]\n', "pyproject.toml:2: `b =` is no PEP 508"),
        ('[project]\nname = "a"\ndependencies = "b"\n', "pyproject.toml:3: `project.dependencies`"),
        ('[project]\nrequires-python = "x"\n', "pyproject.toml:2: `requires-python` is"),
        ('[tool.poetry.dependencies]\na = "^x"\n', "pyproject.toml:2: `a`: `x` is no version"),
        ('[tool.poetry.dependencies]\na = 3\n', "pyproject.toml:2: `a`: has no version"),
        ("[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\n",
         "pyproject.toml:3: groups include each other in a circle: a includes b includes a"),
        ("[dependency-groups]\na = [{include-group = 'c'}]\n", "there is no group `c`"),
        ("[project\n", "pyproject.toml:1:9: Expected"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(asked, text, said):
    with pytest.raises(DataError) as caught:
        asked(text, groups=["a"] if "groups" in text else ())
    assert said in "\n".join(caught.value.context)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_projects_are_read_or_refused(tmp_path_factory, data):
    text = data.draw(st.sampled_from([STANDARD, POETRY]))
    start = data.draw(st.integers(0, len(text)))
    put = data.draw(st.text(alphabet=" \n=[]{}\",'a1.:^#\\@", max_size=8))
    path = tmp_path_factory.getbasetemp() / "pyproject.toml"
    path.write_text(text[:start] + put + text[start + data.draw(st.integers(0, 60)) :])
    with suppress(EnvcheckError):
        assert project.read(str(path), "p", [":all:"], [":all:"]).kind == "pyproject.toml"


# -- projects, wheels and sdists by their paths

METADATA = (
    "Metadata-Version: 2.1\nName: Own_Thing\nVersion: 1.0\nRequires-Python: >=3.9\n"
    "Requires-Dist: numpy>=2\nRequires-Dist: cycler; extra == 'plot' and os_name == 'posix'\n"
    "Requires-Dist: sphinx; extra == 'docs'\nRequires-Dist: x @ https://h.example/x.zip\n"
    "Requires-Dist: what is this\nProvides-Extra: plot\n\nAbout it\n"
)


def test_a_wheel(tmp_path):
    with zipfile.ZipFile(tmp_path / "own_thing-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("own_thing-1.0.dist-info/METADATA", METADATA)
    found = inputs.of_subject("own_thing-1.0-py3-none-any.whl", ["Plot"], str(tmp_path))
    assert found.kind == "wheel"
    assert found.requirements == ["numpy>=2", 'cycler ; os_name == "posix"']
    assert [(pin.name, pin.version, pin.source, pin.extras) for pin in found.pins] == [
        ("own-thing", "1.0", "local", ("plot",))
    ]
    assert found.requires_python == ">=3.9"
    assert len(found.notes) == 2
    assert inputs.of_subject("own_thing-1.0-py3-none-any.whl", [], str(tmp_path)).requirements == [
        "numpy>=2"
    ]


def test_an_sdist_of_which_only_a_build_tells(tmp_path):
    with tarfile.open(tmp_path / "own_thing-1.0.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("own_thing-1.0/PKG-INFO")
        member.size = len(METADATA)
        archive.addfile(member, io.BytesIO(METADATA.encode()))
    found = inputs.read("own_thing-1.0.tar.gz", folder=str(tmp_path))
    assert (found.kind, found.requirements) == ("sdist", ["numpy>=2"])
    assert any("only a build tells for certain" in note for note in found.notes)


def test_a_directory_and_what_is_none(write, tmp_path):
    folder = write({"lib/pyproject.toml": '[project]\nname = "lib"\ndependencies = ["idna"]\n'})
    assert inputs.of_subject("lib", [], folder).requirements == ["idna"]
    assert inputs.read("lib", folder=folder).requirements == ["idna"]
    (tmp_path / "old").mkdir()
    assert "only a build tells" in inputs.of_subject("old", [], folder).notes[0]
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"no zip")
    for name in ("a-1-py3-none-any.whl", "none.whl"):
        with pytest.raises(DataError):
            inputs.of_subject(name, [], folder)
