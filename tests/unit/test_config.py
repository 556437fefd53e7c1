"""Settings: which source wins, who said what, and what is wrong in a project's file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SCALARS, json_values

from envcheck import config, profiles
from envcheck.errors import DataError, EnvcheckError, UsageError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes ``pyproject.toml`` of a repository and returns a folder two below it."""
    for name in [name for name in config.os.environ if name.startswith("ENVCHECK_")]:
        monkeypatch.delenv(name)
    (tmp_path / ".git").mkdir()
    deep = tmp_path / "src" / "package"
    deep.mkdir(parents=True)

    def write(text, mode="w"):
        with open(tmp_path / "pyproject.toml", mode) as file:
            file.write(text)
        return str(deep)

    return write


def test_without_any_source_everything_is_by_default(project):
    settings = config.resolve({"fail_on": None}, project("[project]\n"))
    assert settings == config.Settings(sources={})
    assert settings.source("fail_on") == "default"


def test_the_command_line_wins_over_a_variable_and_that_over_the_project(project, monkeypatch):
    cwd = project('[tool.envcheck]\nfail-on = "note"\ncolor = "never"\nignore = ["RES", "NET"]\n')
    monkeypatch.setenv("ENVCHECK_FAIL_ON", "warning")
    monkeypatch.setenv("ENVCHECK_IGNORE", "GPU, PKG101")
    monkeypatch.setenv("ENVCHECK_SELECT", "")
    settings = config.resolve({"fail_on": "never", "select": None, "want": ["cuda,bf16"]}, cwd)
    assert (settings.fail_on, settings.source("fail_on")) == ("never", "command line")
    assert (settings.ignore, settings.source("ignore")) == (("GPU", "PKG101"), "ENVCHECK_IGNORE")
    assert (settings.color, settings.source("color")) == ("never", "../../pyproject.toml:3")
    assert (settings.select, settings.source("select")) == ((), "default")
    assert settings.want == ("cuda", "bf16")


def test_every_setting_can_be_said_everywhere(project, monkeypatch):
    said = {
        "profile": '"ci"',
        "fail-on": '"note"',
        "select": '["PY"]',
        "ignore": '"PY"',
        "report": '"json"',
        "color": '"never"',
        "want": '["no-cuda"]',
        "timeout": "2.5",
        "paths": '{data = "/d"}',
        "images": '{slim = "own:{python}"}',
        "matrix-backend": '"docker"',
        "matrix-jobs": "3",
        "matrix-store": '"runs"',
        "matrix-index-url": '"https://index.example/simple"',
        "matrix-extra-index-url": '["https://more.example/simple"]',
        "matrix-find-links": '["https://links.example"]',
    }
    assert said.keys() == config.SETTINGS.keys()
    assert {key.replace("-", "_") for key in said} <= set(config.Settings._fields)
    cwd = project("[tool.envcheck]\n" + "".join(f"{k} = {v}\n" for k, v in said.items()))
    by_project = config.resolve({}, cwd)
    project("")
    for key, value in said.items():
        tables = {"paths": "data=/d", "images": "slim=own:{python}"}
        text = tables.get(key, value.strip('[]"'))
        monkeypatch.setenv(f"ENVCHECK_{key.upper().replace('-', '_')}", text)
    by_variable = config.resolve({}, cwd)
    assert config.os.path.relpath(by_project.matrix_store, cwd) == "../../runs"
    by_variable = by_variable._replace(matrix_store=by_project.matrix_store)
    assert by_project._replace(sources={}) == by_variable._replace(sources={})
    assert by_project.sources.keys() == by_variable.sources.keys()
    assert by_project.timeout == 2.5
    assert by_project.paths == (("data", "/d"),)


def test_settings_of_the_matrix_have_a_table(project):
    cwd = project(
        '[tool.envcheck]\ncolor = "never"\n[tool.envcheck.matrix]\njobs = 2\n'
        'find-links = ["wheels"]\n[tool.envcheck.images]\nslim = "own:{python}"\n'
    )
    settings = config.resolve({"matrix_backend": "interpreters"}, cwd)
    assert (settings.matrix_jobs, settings.matrix_backend) == (2, "interpreters")
    assert settings.images == (("slim", "own:{python}"),)
    assert settings.matrix_find_links[0].endswith("/wheels")
    assert settings.source("matrix_jobs") == "../../pyproject.toml:4"
    assert settings.source("images") == "../../pyproject.toml:6"
    with pytest.raises(
        UsageError, match=r"--backend: `dockr` is not known \(did you mean `docker`"
    ):
        config.resolve({"matrix_backend": "dockr"}, cwd)


def test_what_is_wrong_in_the_table_of_the_matrix_is_said(project):
    cwd = project(
        '[tool.envcheck.matrix]\njobs = 0\nstore = "../x"\nbackends = "docker"\n'
        'index-url = "https://user:secret@index.example/simple"\n'
        "[tool.envcheck.images]\nslim = 3\n"
    )
    with pytest.raises(DataError) as caught:
        config.resolve({}, cwd)
    shown = [line.partition(":")[2] for line in caught.value.context]
    assert shown == [
        "2: key `matrix.jobs`: expected a number from 1 to 9999, not 0",
        "3: key `matrix.store`: `../x` is outside of the project; name it on the command line",
        "4: key `matrix.backends`: not known (did you mean `matrix.backend`?)",
        "5: key `matrix.index-url`: has credentials: leave them to netrc, or to a variable",
        "6: key `images`: expected a reference for each os, such as slim=python:{python}-slim",
    ]


def test_paths_in_the_project_file_are_relative_to_it(project):
    cwd = project(
        '[tool.envcheck]\nprofile = ["train.toml", "ci", "./odd"]\n'
        'report = ["json:out/report.json", "text"]\npaths = {data = "data"}\n'
    )
    settings = config.resolve({}, cwd)
    assert settings.profile == ("../../train.toml", "ci", "../../odd")
    assert settings.report == ("json:../../out/report.json", "text")
    assert settings.paths[0][1].endswith("/data")
    assert config.os.path.isabs(settings.paths[0][1])


@pytest.mark.parametrize("target", ["../x.json", "/etc/x.json", "a/../../x", "link/x"])
def test_a_stranger_s_project_cannot_have_files_written_outside_of_it(project, target):
    cwd = project(f'[tool.envcheck]\nreport = ["json:{target}"]\n')
    config.os.symlink("/tmp", f"{cwd}/../../link")
    with pytest.raises(DataError) as caught:
        config.resolve({}, cwd)
    assert "outside of the project" in caught.value.context[0]


def test_a_tilde_in_a_report_of_the_project_is_a_folder_of_that_name(project):
    cwd = project('[tool.envcheck]\nreport = ["json:~/x"]\n')
    assert config.resolve({}, cwd).report == ("json:../../~/x",)


def test_the_project_s_own_profile_is_loaded_from_its_table(project):
    cwd = project(
        '[tool.envcheck]\nfail-on = "warning"\n\n[tool.envcheck.profile]\nname = "own"\n'
        "[[tool.envcheck.profile.memory]]\nminimum_gib = 2\n"
    )
    settings = config.resolve({}, cwd)
    profile = profiles.load(settings.profile, cwd)
    assert profile.names == ("own",)
    assert profile.memory[0].anchor == ("../../pyproject.toml", 6)
    assert settings.source("profile") == "../../pyproject.toml:4"


def test_every_problem_is_said_with_its_line_and_the_similar_key(project):
    cwd = project(
        '[tool.envcheck]\nfail_on = "note"\nfail-on = "all"\ntimeout = -1\nselect = 3\n'
        'want = ["cudaa"]\npaths = ["x"]\ncolor = ["never", "always"]\n'
    )
    with pytest.raises(DataError) as caught:
        config.resolve({}, cwd)
    assert caught.value.message == "../../pyproject.toml: [tool.envcheck] has 7 problems"
    assert caught.value.context == (
        "../../pyproject.toml:2: key `fail_on`: not known (did you mean `fail-on`?)",
        "../../pyproject.toml:3: key `fail-on`: `all` is not known: note, warning, error, never",
        "../../pyproject.toml:4: key `timeout`: expected a number of seconds, not -1",
        "../../pyproject.toml:5: key `select`: expected a string or a list of strings",
        "../../pyproject.toml:6: key `want`: `cudaa` is not known (did you mean `cuda`?)",
        "../../pyproject.toml:7: key `paths`: expected a path for each label, "
        "such as output=/data/run1",
        "../../pyproject.toml:8: key `color`: expected one of auto, always, never",
    )


def test_a_broken_file_matters_only_if_it_speaks_of_envcheck(project):
    assert config.resolve({}, project("[project\nbroken")).profile == ()
    with pytest.raises(DataError, match="is not TOML"):
        config.resolve({}, project("[tool.envcheck\n"))


def test_a_file_that_is_not_utf8(project):
    cwd = project(b"[tool.envcheck]\ncolor = '\xff'\n", "wb")
    with pytest.raises(DataError, match="not UTF-8"):
        config.resolve({}, cwd)


def test_the_search_ends_at_the_repository(tmp_path, monkeypatch):
    monkeypatch.delenv("ENVCHECK_FAIL_ON", raising=False)
    (tmp_path / "pyproject.toml").write_text('[tool.envcheck]\nfail-on = "note"\n')
    inner = tmp_path / "inner"
    (inner / ".git").mkdir(parents=True)
    assert config.resolve({}, str(tmp_path)).fail_on == "note"
    assert config.resolve({}, str(inner)).fail_on == "error"


def test_the_search_ends_at_the_home_directory(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.envcheck]\nfail-on = "note"\n')
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert config.project_file(str(home / "work")) is None
    assert config.project_file(str(tmp_path)) is not None


def test_a_misspelled_variable_is_a_note_because_the_prefix_may_be_anybody_s(project, monkeypatch):
    monkeypatch.setenv("ENVCHECK_FAILON", "never")
    settings = config.resolve({}, project(""))
    assert settings.fail_on == "error"
    assert settings.notes == (
        "ENVCHECK_FAILON is not a setting (did you mean `ENVCHECK_FAIL_ON`?); it is ignored",
    )


@pytest.mark.parametrize(
    ("variable", "said"),
    [("FAIL_ON", "all"), ("TIMEOUT", "soon"), ("TIMEOUT", "nan"), ("PATHS", "x"), ("WANT", "gpu")],
)
def test_a_variable_that_cannot_be_understood_names_itself(project, monkeypatch, variable, said):
    monkeypatch.setenv(f"ENVCHECK_{variable}", said)
    with pytest.raises(UsageError, match=f"ENVCHECK_{variable}: "):
        config.resolve({}, project(""))


JSON = json_values(SCALARS.filter(lambda value: value is not None), depth=2)


@given(st.sampled_from(sorted(config.SETTINGS)), JSON)
@settings(deadline=None)
def test_any_value_of_a_setting_is_understood_or_refused(key, said):
    try:
        config.interpret(key, said)
    except ValueError:
        return


@given(st.dictionaries(st.sampled_from(["fail_on", "select", "timeout", "paths", "want"]), JSON))
@settings(deadline=None)
def test_no_command_line_raises_anything_but_an_error_of_ours(said):
    try:
        config.resolve(said, "/")
    except EnvcheckError:
        return


@pytest.mark.skipif(not hasattr(config.os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_no_project_file(tmp_path):
    config.os.mkfifo(tmp_path / "pyproject.toml")
    (tmp_path / ".git").mkdir()
    assert config.project_file(str(tmp_path)) is None
