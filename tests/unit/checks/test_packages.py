"""Installed distributions, from literal facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import json_values

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.model.finding import Finding

    Judged = Callable[..., list[Finding]]

SITE = "/env/lib/python3.11/site-packages"
TARGET = {
    "interpreter.version": "3.11.7",
    "interpreter.implementation": "CPython",
    "interpreter.executable": "/env/bin/python",
    "interpreter.tags": ["cp311-cp311", "cp311-abi3", "py3-none-any", "cp311-none-any"],
    "interpreter.is_venv": True,
    "host.os": "linux",
    "host.arch": "x86_64",
    "host.libc.family": "glibc",
    "host.tags": ["linux_x86_64", "manylinux_2_17_x86_64"],
    "distributions.leftovers": [],
    "distributions.duplicates": [],
    "distributions.clobbered": [],
    "distributions.conda": None,
    "distributions.files.extent": "sample",
    "distributions.files.checked": 3,
    "distributions.hidden": [],
    "distributions.pth": [],
    "distributions.orphans": None,
    "distributions.unreadable": [],
    "distributions.torch_numpy": None,
}


def dist(name: str, version: str = "1.0", **fields: Any) -> dict[str, Any]:
    path = f"{SITE}/{name}-{version}.dist-info"
    record = {"name": name, "version": version, "path": path, "location": SITE, "origin": "site"}
    return {**record, "format": "dist-info", "installer": "pip", "record": True, **fields}


def installed(*records: dict[str, Any], **facts: Any) -> dict[str, Any]:
    names = {key.replace("__", "."): value for key, value in facts.items()}
    return {**TARGET, "distributions.installed": [dist("pip"), *records], **names}


def test_an_editable_installation_without_its_source(judged: Judged) -> None:
    gone = dist("mine", editable=True, problems=["source-missing: /home/me/mine"])
    (found,) = judged("PKG111", installed(gone))
    assert (found.status, found.severity, found.subject) == ("fail", "error", "mine")
    assert "/home/me/mine, which is not there" in found.title
    assert found.remedy
    assert found.remedy.commands == ("/env/bin/python -m pip uninstall -y mine",)
    link = {**gone, "format": "egg-link", "path": f"{SITE}/mine.egg-link"}
    (found,) = judged("PKG111", installed(link))
    assert found.remedy
    assert found.remedy.commands == (f"rm -r -- {SITE}/mine.egg-link",)
    (found,) = judged("PKG111", installed(dist("mine", editable=True)))
    assert found.status == "pass"


def test_requirements_that_no_version_meets(judged: Judged) -> None:
    users = [dist("old", requires=["numpy<2"]), dist("new", requires=["numpy>=2"])]
    (found,) = judged("PKG122", installed(dist("numpy", "1.26.0"), *users))
    (command,) = found.remedy.commands
    assert command == "/env/bin/python -m pip install --upgrade new old numpy"
    uv = {"interpreter__venv__config": {"uv": "0.9"}}
    (found,) = judged("PKG122", installed(dist("numpy", "1.26.0"), *users, **uv))
    (command,) = found.remedy.commands
    flags = "--upgrade-package new --upgrade-package old --upgrade-package numpy"
    assert command == f"uv pip install --python /env/bin/python {flags} new old numpy"


def test_metadata_that_this_user_may_not_read(judged: Judged) -> None:
    item = dist("a", problems=["metadata-unreadable: Permission denied"])
    (found,) = judged("PKG101", installed(item))
    assert found.remedy
    assert found.remedy.commands == (f"chmod -R a+rX {SITE}",)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("record-empty", "has an empty RECORD"),
        ("record-unreadable: Permission denied", "cannot be read (Permission denied)"),
        ("record-of-another: b-2.dist-info", "not its own (b-2.dist-info)"),
    ],
)
def test_what_is_wrong_with_a_record(judged: Judged, problem: str, words: str) -> None:
    (found,) = judged("PKG107", installed(dist("a", problems=[problem])))
    assert words in found.title


@pytest.mark.parametrize("file", ["a/py.typed", "a/_x.pyi", "a/tests/data.bin", "../../bin/a"])
def test_what_an_image_may_lack(judged: Judged, file: str) -> None:
    (found,) = judged("PKG104", installed(dist("a", missing=[file], missing_count=1)))
    assert found.status == "pass"
    (found,) = judged("PKG104", installed(dist("a", missing=[file, "a/x.py"], missing_count=2)))
    assert found.status == "fail"


@pytest.mark.parametrize("seconds", [10**400, float("inf"), float("nan"), "1", True, None, -1])
def test_odd_costs_of_a_start_up_file(judged: Judged, seconds: object) -> None:
    item = {"file": "/env/a.pth", "lines": 1, "code": "import a", "seconds": seconds}
    (found,) = judged("IMP104", installed(distributions__pth=[item]))
    assert found.status in ("pass", "skip")


def test_a_missing_requirement(judged: Judged) -> None:
    needs = dist("accelerate", requires=["torch>=2.0.0", "x; extra == 'y'", "w; os_name == 'nt'"])
    (found,) = judged("PKG121", installed(needs))
    assert (found.status, found.severity, found.subject) == ("fail", "error", "torch")
    assert found.title == "torch is missing: accelerate 1.0 requires it"
    assert found.remedy is not None
    assert found.remedy.commands == ("/env/bin/python -m pip install 'torch>=2.0.0'",)


def test_an_operating_system_decides_for_itself(judged: Judged) -> None:
    place = "/usr/lib/python3/dist-packages"
    needs = dist("PyGObject", installer=None, location=place, requires=["pycairo"])
    (found,) = judged("PKG121", installed(needs))
    assert (found.severity, found.remedy) == ("note", None)


def test_extras_of_extras(judged: Judged) -> None:
    facts = installed(
        dist("a", requires=["b[x]"]),
        dist("b", requires=["c[y]; extra == 'x'", "never; extra == 'z'"]),
        dist("c", requires=["b[x]", "gone; extra == 'y'"]),
    )
    assert [found.subject for found in judged("PKG121", facts)] == ["gone"]


def test_a_marker_that_cannot_be_decided(judged: Judged) -> None:
    facts = installed(dist("a", requires=["b; platform_machine == 'arm64'"]))
    del facts["host.arch"]
    (found,) = judged("PKG121", facts)
    assert (found.status, found.required) == ("unknown", False)


@pytest.mark.parametrize(
    ("have", "wanted", "fits"),
    [
        ("2.13.0+cpu", "torch==2.13.0", True),
        ("2.13.0+cpu", "torch<2.13", False),
        ("3.0rc1", "torch>=2", True),
        ("not-a-version", "torch>=2", True),  # PKG108 speaks of it
    ],
)
def test_versions_fit(judged: Judged, have: str, wanted: str, fits: bool) -> None:
    (found,) = judged("PKG122", installed(dist("torch", have), dist("user", requires=[wanted])))
    assert found.status == ("pass" if fits else "fail")


def test_the_first_on_the_path_counts(judged: Judged) -> None:
    facts = installed(
        dist("torch", "2.0", origin="PYTHONPATH"),
        dist("torch", "1.0", shadowed=True),
        dist("user", requires=["torch>=2"]),
    )
    (found,) = judged("PKG122", facts)
    assert found.status == "pass"


def test_requires_python(judged: Judged) -> None:
    facts = installed(dist("new", requires_python=">=3.12"), dist("ok", requires_python=">=3.8"))
    (found,) = judged("PKG123", facts)
    assert found.subject == "new"
    facts["interpreter.version"] = "3.13.0+"
    assert judged("PKG123", facts)[0].status == "pass"


def test_an_invalid_version_and_requirement(judged: Judged) -> None:
    facts = installed(dist("old", "2004d-x_y", requires=["pytz (>dev)"]))
    (found,) = judged("PKG108", facts)
    assert found.subject == "old"
    assert found.remedy
    assert found.remedy.commands[0].startswith("rm -r -- ")  # installers refuse to touch it
    assert judged("PKG124", facts)[0].subject == "old"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"missing": ["a/__init__.py"]}, "fail"),
        ({"missing": ["a/tests/x.py", "../../bin/a", "a-1.dist-info/REQUESTED"]}, "pass"),
        ({"missing": ["a/tests/x.py"], "missing_count": 900}, "fail"),
        ({"missing": ["a/__init__.py"], "installer": None}, "fail"),
        ({"missing": ["a.py"], "installer": None, "location": "/usr/lib/python3.11/x"}, "pass"),
        ({"missing": ["a.py"], "installer": "debian"}, "pass"),
        ({"missing": ["a/__init__.py"], "editable": True}, "pass"),
    ],
)
def test_missing_files(judged: Judged, fields: dict[str, Any], status: str) -> None:
    (found,) = judged("PKG104", installed(dist("a", **fields)))
    assert found.status == status
    if status == "pass":
        assert "3 looked at" in found.title


def test_foreign_wheels_of_a_whole_environment_are_one_finding(judged: Judged) -> None:
    tag = "cp311-cp311-musllinux_1_2_x86_64"
    records = [dist(f"d{number}", tags=[tag]) for number in range(9)]
    (found,) = judged("ABI101", installed(*records, dist("ok", tags=["py3-none-any"])))
    assert found.title == "9 distributions are made for musl, not for glibc"


@pytest.mark.parametrize("generation", ["1", "2", None])
def test_numpy_of_another_generation(judged: Judged, generation: str | None) -> None:
    facts = installed(
        dist("torch", "2.2.0"), dist("numpy", "2.1.0"), distributions__torch_numpy=generation
    )
    (found,) = judged("ABI102", facts)
    assert found.status == {"1": "fail", "2": "pass", None: "skip"}[generation]


def test_many_failures_are_few_findings(judged: Judged) -> None:
    records = [dist(f"d{number}", problems=["metadata-missing"]) for number in range(40)]
    found = judged("PKG101", installed(*records))
    assert len(found) == 9
    assert found[-1].title == "32 more like these"
    assert "d39" not in found[-1].detail
    assert "d8" in found[-1].detail
    assert found[-1].severity == "error"


def test_a_version_that_all_accept(judged: Judged) -> None:
    facts = installed(
        dist("numpy", "1.0"),
        dist("a", requires=["numpy>=1.20,<3"]),
        dist("b", requires=["numpy>=0.9"]),
    )
    (found,) = judged("PKG122", facts)
    assert found.remedy is not None
    assert "upgrade a" in found.remedy.text
    assert found.remedy.commands[0].endswith(" 'numpy>=1.20,<3'")


def test_extras_of_one_name_are_followed(judged: Judged) -> None:
    facts = installed(
        dist("a", requires=["b[x]"]),
        dist("b", requires=["c[x]; extra == 'x'"]),
        dist("c", requires=["gone; extra == 'x'"]),
    )
    assert [found.subject for found in judged("PKG121", facts)] == ["gone"]


def test_numpy_s_generation_is_not_known(judged: Judged) -> None:
    facts = installed(dist("torch", "2.2.0"), dist("numpy", "2.1.0"))
    del facts["distributions.torch_numpy"]
    assert judged("ABI102", facts)[0].status == "unknown"


def test_pip_replaced_what_conda_brought(judged: Judged) -> None:
    conda = ["numpy=1.26.4=py311_0", "python=3.11.7=h1"]
    facts = installed(dist("numpy", "2.0.0"), distributions__conda=conda)
    (found,) = judged("PKG110", facts)
    assert (found.severity, found.subject) == ("note", "numpy")
    assert judged("PKG110", installed(dist("numpy")))[0].status == "skip"


PROFILE = """
[[distribution]]
requires = "torch>=2.2"
reason = "it trains"
[[distribution]]
requires = "tqdm"
[[distribution]]
requires = "peft>=0.18"
optional = true
severity = "warning"
"""


def test_a_profile_s_distributions_are_there(judged: Judged) -> None:
    facts = installed(dist("torch", "2.13.0+cpu"), dist("tqdm"), dist("peft", "0.20"))
    assert [f.status for f in judged("PKG201", facts, profile=PROFILE)] == ["pass"]
    assert [f.status for f in judged("PKG202", facts, profile=PROFILE)] == ["pass"]
    assert [f.status for f in judged("PKG203", facts, profile=PROFILE)] == ["pass"]


def test_a_profile_s_distributions_are_not_there(judged: Judged) -> None:
    missing = judged("PKG201", installed(), profile=PROFILE)
    assert [(f.status, f.subject, f.required) for f in missing] == [
        ("fail", "torch", True),
        ("fail", "tqdm", True),
    ]
    assert missing[0].anchor is not None
    assert "/env/bin/python" in missing[0].detail
    assert "it trains" in missing[0].detail
    assert missing[0].remedy is not None
    assert missing[0].remedy.commands == ("/env/bin/python -m pip install 'torch>=2.2'",)
    (absent,) = judged("PKG203", installed(), profile=PROFILE)
    assert absent.status == "skip"


def test_a_profile_s_versions(judged: Judged) -> None:
    facts = installed(dist("torch", "1.13"), dist("tqdm"), dist("peft", "0.1"))
    (torch,) = judged("PKG202", facts, profile=PROFILE)
    assert (torch.status, torch.severity) == ("fail", "error")
    (peft,) = judged("PKG203", facts, profile=PROFILE)
    assert (peft.status, peft.severity, peft.required) == ("fail", "warning", False)
    (odd,) = judged("PKG202", installed(dist("torch", "odd")), profile=PROFILE)
    assert (odd.status, odd.required) == ("unknown", True)


def test_without_a_profile_nothing_is_required(judged: Judged) -> None:
    assert judged("PKG201", installed())[0].status == "skip"


def test_torch_on_musl_is_explained_by_the_platform() -> None:
    from envcheck import profiles

    facts = {**installed(), "host.libc.family": "musl", "host.distribution.name": "Alpine"}
    document = {"facts": {k: {"status": "known", "value": v} for k, v in facts.items()}}
    profile = profiles.loads('name = "t"\n[[distribution]]\nrequires = "torch>=2"\n')
    report = evaluate(FactSheet(document), checks.load(("OS", "PKG")), profile=profile)
    (found,) = [f for f in report.findings if f.code == "PKG201" and f.status == "fail"]
    assert found.cause == "OS101"
    assert found.remedy is not None
    assert not any("pip" in command for command in found.remedy.commands)


KEYS_OF_RECORDS = ["name", "version", "requires", "path", "damaged", "file", "owners", "tags"]
VALUES = json_values(keys=st.sampled_from(KEYS_OF_RECORDS), size=4)
KEYS = [*TARGET, "distributions.installed"]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_facts_make_a_check_crash(odd: dict[str, Any]) -> None:
    values = {**installed(dist("torch", requires=["numpy"]), dist("numpy")), **odd}
    document = {"facts": {key: {"status": "known", "value": v} for key, v in values.items()}}
    own = checks.load(("PKG", "IMP"))
    report = evaluate(FactSheet(document), [c for c in own if c.code[:4] in ("PKG1", "IMP1")])
    assert [f for f in report.findings if f.status == "crash"] == []
