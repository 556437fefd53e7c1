"""Matrix files: found, read, everything wrong in them said at once; matrices of a few words."""

import datetime as dt
import json
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import json_values

from envcheck import schemas
from envcheck.errors import DataError, UsageError
from envcheck.matrix import pythons, reading, spec
from envcheck.model.matrix import Index
from envcheck.predict.inputs.requirement import parse
from envcheck.predict.inputs.static_metadata import metadata
from envcheck.tomlfile import Source

GOOD = """schema = "envcheck.matrix/1"
[test]
requirements = ["numpy"]
smoke = "none"
[axes]
python = ["3.11", "3.12"]
os = ["slim"]
"""


def problems(text, folder="."):
    with pytest.raises(DataError) as caught:
        spec.loads(text, "m.toml", folder)
    assert caught.value.hint
    return [line.removeprefix("m.toml:") for line in caught.value.context]


def test_a_matrix_is_read():
    document = spec.loads(GOOD + '[variants.torch.cpu]\nconstraints = ["torch==2.13.0+cpu"]\n')
    assert document.axes.python == ["3.11", "3.12"]
    assert document.axes.installer == ["uv"]
    assert document.variants["torch"]["cpu"].constraints == ["torch==2.13.0+cpu"]
    assert document.limits.seconds.install == 900


def test_deadlines_and_days_are_read_as_people_write_them():
    text = GOOD + "[index]\nexclude-newer = 2026-05-13\n[limits.seconds]\nimport = 7\n"
    document = spec.loads(text)
    assert document.index.exclude_newer == "2026-05-13"
    assert document.limits.seconds.import_ == 7
    inline = spec.loads(GOOD + "[limits]\nseconds = {import = 8}\n")
    assert inline.limits.seconds.import_ == 8


WRONG = """schema = "envcheck.matrix/1"
[test]
requirement = ["numpy"]
requirements = ["numpy ==", "a @ https://x/y.whl"]
smoke = "nope.py"
extras = ["a"]
[axes]
python = [3.9, "3.1O"]
os = ["slim", "slim", "a b"]
instaler = ["uv"]
[index]
url = "https://u:secret@h/simple"
find-links = ["nowhere"]
[variants.torch.cpu]
requirements = ["torch<"]
bogus = 1
[variants.os.x]
[[exclude]]
python = "4.*"
[[include]]
pyton = "3.9"
[steps]
imports = -1
skip = ["create", "instal"]
[limits]
memory = "4GB"
[limits.seconds]
import = -1
"""


def test_every_problem_is_said_with_line_key_and_remedy():
    found = problems(WRONG)
    assert "secret" not in " ".join(found)
    starts = [
        "3: [test], key `requirement`: not known (did you mean `requirements`?)",
        '8: [axes], key `python`: write versions as strings, such as "3.9": as a number, 3.10 is',
        "9: [axes], key `os`: `a b` is no name",
        "10: [axes], key `instaler`: not known (did you mean `installer`?)",
        "16: [variants.torch.cpu], key `bogus`: not known",
        "23: [steps], key `imports`: expected integer >= 0: `-1`",
        "24: [steps], key `skip`: `instal` is none of create, resolve",
        "26: [limits], key `memory`: `4GB` is no size such as 512M or 4G",
    ]
    for start in starts:
        assert any(line.startswith(start) for line in found), (start, found)
    assert found == sorted(found, key=lambda line: int(line.partition(":")[0]))


def test_what_types_cannot_say_is_said_too():
    typed = (
        WRONG.replace('requirement = ["numpy"]\n', "\n").replace("[3.9, ", '["3.9", ')
        .replace(', "a b"', "").replace("instaler", "installer").replace("bogus = 1", "")
        .replace("imports = -1", "").replace('instal"', 'install"').replace("4GB", "4G")
    )  # fmt: skip
    found = problems(typed)
    assert "secret" not in " ".join(found)
    starts = [
        "4: [test], key `requirements`: `a @ https://x/y.whl`: a file at an address: download it",
        "4: [test], key `requirements`: `numpy ==`: no PEP 508 requirement",
        "5: [test], key `smoke`: there is no file `nope.py` here",
        "6: [test], key `extras`: are those of `project`",
        "8: [axes], key `python`: `3.1O` is no version such as 3.12",
        "9: [axes], key `os`: has `slim` twice",
        "12: [index], key `url`: has credentials, and would be written into every report",
        "13: [index], key `find-links`: there is no directory",
        "15: [variants.torch.cpu], key `requirements`: `torch<`",
        "17: [variants], key `os`: `os` is an axis already",
        "19: [[exclude]] number 1, key `python`: `4.*` matches no value of it",
        "21: [[include]] number 1, key `pyton`: no axis (did you mean `python`?)",
        "24: [steps], key `skip`: nothing can be said of a cell without `create`",
        "24: [steps], key `skip`: without `install` there is no import, smoke, measure",
        "28: [limits.seconds], key `import`: no deadline",
    ]
    for start in starts:
        assert any(line.startswith(start) for line in found), (start, found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('schema = "envcheck.matrix/2"\n', "written for another envcheck"),
        (GOOD.replace('schema = "envcheck.matrix/1"\n', ""), "must have the key `schema`"),
        ('schema = "envcheck.matrix/1"\n', "must have the key `test`"),
        (GOOD.replace("[test]", "[tests]"), "did you mean `test`"),
        (GOOD.replace('["numpy"]', "[]"), "nothing to test"),
        (GOOD.replace('["3.11", "3.12"]', "[]"), "length >= 1"),
        ("test = 3\n" + GOOD.replace("[test]\n", ""), "no table: write `[test]`"),
        (GOOD + "[variants]\ntorch = 1\n", "no table of values"),
        (GOOD + "[[exclude]]\n", "names no axis"),
        (GOOD + "[[include]]\npython = 3.9\n", 'write it as a string: "3.9"'),
        (GOOD + '[index]\nexclude-newer = "13.5.2026"\n', "is no day: write YYYY-MM-DD"),
        (GOOD.replace('["numpy"]', '["hg+https://h/x"]'), "hg repositories are not fetched"),
        (GOOD.replace('["numpy"]', '["x @ git+https://u:p@h/x"]'), "has credentials"),
        (GOOD.replace('["numpy"]', '["x @ git+https://h/x@--upload-pack=y"]'), "no name of a tag"),
        (GOOD.replace('["numpy"]', '["git+file:///x"]'), "a repository of this machine"),
        ("schema = [", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(DataError) as caught:
        spec.loads(text)
    assert said in "\n".join((caught.value.message, *caught.value.context))


def test_an_axis_may_have_all_that_is_tested():
    text = GOOD.replace('requirements = ["numpy"]\n', "")
    spec.loads(text + '[variants.line.a]\nrequirements = ["a"]\n')
    assert "nothing to test" in " ".join(problems(text + "[variants.line.a]\n"))


@given(json_values())
@settings(max_examples=150, deadline=None)
def test_anything_else_is_a_list_of_problems(value):
    data = value if isinstance(value, dict) else {"test": value, "axes": value, "variants": value}
    with pytest.raises(DataError) as caught:
        reading.read(Source("m.toml", "", data), ".")
    assert caught.value.context or "another envcheck" in caught.value.message


@given(st.dictionaries(st.sampled_from(["python", "os", "x"]), json_values(), max_size=2))
@settings(max_examples=100, deadline=None)
def test_what_is_valid_for_us_is_valid_by_the_schema(entry):
    data = {
        "schema": "envcheck.matrix/1",
        "test": {"requirements": ["a"], "smoke": "none"},
        "axes": {"python": ["3.11"], "os": ["slim"]},
        "include": [entry],
        "stale-after": entry.get("x", 3),
    }
    try:
        reading.read(Source("m.toml", "", data), ".")
    except DataError:
        return
    assert Draft202012Validator(json.loads(schemas.text("matrix"))).is_valid(data)


# -- found by name


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "own.toml").write_text(GOOD)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    return deep


def test_a_name_is_of_the_project_s_or_a_shipped_matrix(project):
    loaded = spec.load("own", str(project))
    assert (loaded.name, loaded.folder) == ("own", str(project.parent.parent / "matrices"))
    assert spec.load("numpy", str(project)).said == "the matrix matrices/numpy.toml"
    (project.parent.parent / "matrices" / "numpy.toml").write_text(GOOD)
    assert spec.load("numpy", str(project)).said == "the matrix ../../matrices/numpy.toml"
    assert {"own", "numpy", "smoke"} <= set(spec.available(str(project)))
    assert spec.load("../../matrices/own.toml", str(project)).name == "own"


def test_a_name_that_is_none_is_said_with_a_similar_one(project):
    with pytest.raises(DataError, match=r"no matrix `smokee` .did you mean `smoke`") as caught:
        spec.load("smokee", str(project))
    assert "./smokee.toml" in caught.value.hint


def test_a_broken_matrix_is_named_by_its_path(project):
    (project.parent.parent / "matrices" / "own.toml").write_text("[test]\nx = 1\n")
    with pytest.raises(DataError, match=r"^\.\./\.\./matrices/own.toml is not a valid matrix"):
        spec.load("own", str(project))


# -- without a file


def test_words_that_are_no_matrix_are_requirements(project):
    chosen = spec.choose(["numpy>=2"], str(project), python=["3.10", "3.12"], os=["alpine", "slim"])
    assert chosen.name == "numpy"
    assert chosen.document.test.requirements == ["numpy>=2"]
    assert chosen.document.axes.python == ["3.10", "3.12"]
    assert chosen.said == "no matrix, but numpy>=2"
    assert spec.choose(["numpy"], str(project)).said.startswith("the matrix")
    near = spec.choose(["numpyy"], str(project))
    assert near.said.startswith("no matrix, but numpyy (did you mean `numpy`?); on the Pythons")


def test_a_directory_of_a_matrix_s_name_is_mentioned(project):
    (project / "numpy").mkdir()
    assert "for the directory write ./numpy" in spec.choose(["numpy"], str(project)).said


def test_a_project_tells_its_pythons(project):
    (project / "pyproject.toml").write_text(
        '[project]\nname = "Own_Thing"\nrequires-python = ">=3.9,<3.12"\n'
    )
    chosen = spec.choose([".[test,docs]"], str(project))
    assert (chosen.document.test.project, chosen.document.test.extras) == (".", ["test", "docs"])
    assert chosen.document.axes.python == ["3.9", "3.10", "3.11"]
    assert chosen.name == "Own_Thing"
    assert chosen.said.endswith("on Requires-Python >=3.9,<3.12")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ["3.11", "3.12", "3.13", "3.14", "3.15"]),
        (">=2.7", ["3.11", "3.12", "3.13", "3.14", "3.15"]),
        (">=3.10.5", ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]),
        ("~=3.13", ["3.13", "3.14", "3.15"]),
        ("<3.13", ["3.11", "3.12"]),
        ("three", ["3.11", "3.12", "3.13", "3.14", "3.15"]),
    ],
)
def test_pythons_of_a_wheel(tmp_path, said, expected):
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        text = f"Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Python: {said}\n\nbody"
        archive.writestr("x-1.dist-info/METADATA", text)
    assert pythons.of_project(str(path), dt.date(2026, 11, 20))[0] == expected
    assert metadata(str(path))["Name"] == "x"


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "x-1-py3-none-any.whl").write_text("no")
    with pytest.raises(DataError, match="cannot be read"):
        spec.choose(["./x-1-py3-none-any.whl"], str(tmp_path))


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["dist/x-1-py3-none-any.whl"], {}, "there is no"),
        (["."], {}, "is no project: it has none of pyproject.toml, setup.py, setup.cfg"),
        (["numpy=="], {}, "no PEP 508 requirement"),
        ([], {}, "nothing to test"),
        (["x"], {"installer": ["uvv"]}, "--installer: "),
        (["x"], {"python": ["3"]}, "is no version such as 3.12"),
        (["x"], {"skip": ["create"]}, "nothing can be said"),
        (["x"], {"constraints": ["y[a]"]}, "neither extras"),
        ([".", "./x.whl"], {}, "more than one project"),
        (["numpy"], {"extras": ["a"]}, "--extras does not go with a matrix"),
    ],
)
def test_words_that_cannot_be_tested(project, words, options, said):
    with pytest.raises(UsageError) as caught:
        spec.choose(words, str(project), **options)
    assert said in "\n".join((caught.value.message, *caught.value.context))


def test_the_command_line_says_more_of_a_matrix(project):
    (project / "s.py").write_text("assert True\n")
    index = Index(pre=True, exclude_newer="2026-05-13")
    chosen = spec.choose(
        ["compilers"],
        str(project),
        python=["3.12"],
        constraints=["lru-dict<2"],
        skip=["measure"],
        smoke="s.py",
        index=index,
    )
    document = chosen.document
    assert (document.index.pre, document.index.no_binary) == (True, ["lru-dict"])
    assert document.test.requirements == ["lru-dict"]
    assert document.test.constraints == ["lru-dict<2"]
    assert document.test.imports == ["lru"]
    assert document.steps.skip == ["measure"]
    assert os.path.samefile(os.path.join(chosen.folder, document.test.smoke), project / "s.py")
    with pytest.raises(UsageError) as caught:
        spec.choose(["compilers"], str(project), skip=["create", "smok"], smoke="nope.py")
    assert len(caught.value.context) == 3


def test_constraints_may_be_a_file(project):
    (project / "c.txt").write_text("urllib3<2 # old\n")
    chosen = spec.choose(["requests"], str(project), constraints=["c.txt", "idna<4"])
    assert chosen.document.test.constraints == ["urllib3<2", "idna<4"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Foo_Bar[b,a]>=1; python_version>'3'", ("index", "foo-bar", ("a", "b"), "", "", "")),
        ("git+https://h/p/x.git@v1.0", ("git", "", (), "https://h/p/x.git", "v1.0", "")),
        ("x[e] @ git+ssh://git@h/p/x@a/b#subdirectory=c/d",
         ("git", "x", ("e",), "ssh://git@h/p/x", "a/b", "c/d")),
        ("git+https://h/x#egg=Own.Name", ("git", "own-name", (), "https://h/x", "", "")),
    ],
)  # fmt: skip
def test_requirements(text, expected):
    wanted = parse(text)
    found = (wanted.kind, wanted.name, wanted.extras, wanted.url, wanted.reference)
    assert (*found, wanted.subdirectory) == expected
