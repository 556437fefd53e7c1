"""Real environments with real wheels, damaged in the ways in which they get damaged."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.model.finding import Finding
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import Interpreter

if TYPE_CHECKING:
    from envcheck.model.facts import FactSheet

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = Path("lib", f"python{VERSION}", "site-packages")
ANY = "py3-none-any"


def elf(size: int = 4096) -> bytes:
    """A little-endian 64-bit ELF file with one segment that covers ``size`` bytes."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    header[32:40] = (64).to_bytes(8, "little")
    header[54:56] = (56).to_bytes(2, "little")
    header[56:58] = (1).to_bytes(2, "little")
    segment = bytearray(56)
    segment[:4] = (1).to_bytes(4, "little")  # PT_LOAD
    segment[32:40] = size.to_bytes(8, "little")
    return bytes(header + segment).ljust(size, b"\0")


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, bytes],
    *,
    requires: tuple[str, ...] = (),
    tag: str = ANY,
    headers: tuple[str, ...] = (),
) -> Path:
    """A wheel made by hand."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers]
    lines += [f"Requires-Dist: {line}" for line in requires]
    pure = "true" if tag.endswith("-any") else "false"
    contents = {
        **files,
        f"{info}/METADATA": ("\n".join(lines) + "\n\nA long description.\n").encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode(),
    }
    rows = []
    for path, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(data)}")
    contents[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    file = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    return file


def pip_install(env: Path, *wheels: Path) -> None:
    argv = [sys.executable, "-m", "pip", "--python", str(env / "bin" / "python"), "install"]
    flags = ["--no-index", "--no-deps", "--no-compile", "-q", "--disable-pip-version-check"]
    subprocess.run([*argv, *flags, *map(str, wheels)], check=True, timeout=120)
    for file in (env / SITE).glob("*.dist-info/direct_url.json"):
        file.unlink()  # as if they had come from an index


def native_tag() -> str:
    from packaging.tags import sys_tags

    return str(next(iter(sys_tags())))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy environment: torch (compiled), numpy, a library that needs both, a namespace."""
    folder = tmp_path_factory.mktemp("template")
    env = folder / "env"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(env)], check=True)
    torch = {
        "torch/__init__.py": b"from torch.version import __version__\n",
        "torch/version.py": b"__version__ = '2.13.0+cpu'\n",
        "torch/lib/libtorch.so": elf(),
        "torch/_C.so": elf(8192),
        "torch/tests/__init__.py": b"",
        "functorch/__init__.py": b"# functorch\n",
    }
    shared = {"nvidia_like/__init__.py": b"# shared\n"}
    pip_install(
        env,
        wheel(folder, "torch", "2.13.0+cpu", torch, requires=("numpy>=1.20",), tag=native_tag()),
        wheel(folder, "numpy", "1.26.4", {"numpy/__init__.py": b"__version__ = '1.26.4'\n"}),
        wheel(
            folder,
            "helper-lib",
            "1.0",
            {"helper_lib/__init__.py": b"", "helper_lib/more.py": b"x = 1\n"},
            requires=("torch>=2", "numpy", "absent; extra == 'more'", "gone; python_version < '3'"),
        ),
        wheel(folder, "part-one", "1", {**shared, "nvidia_like/one/__init__.py": b"1"}),
        wheel(folder, "part-two", "1", {**shared, "nvidia_like/two/__init__.py": b"2"}),
    )
    return env


@pytest.fixture
def env(template: Path, tmp_path: Path) -> Path:
    """A copy of the template, to be damaged."""
    shutil.copytree(template, tmp_path / "env", symlinks=True)
    return tmp_path / "env"


Examine = Callable[..., list[Finding]]


def sheet_of(env: Path, monkeypatch: pytest.MonkeyPatch, deep: bool, cwd: Path | None) -> FactSheet:
    """The facts; ``deep`` for distributions only (torch here is no torch)."""
    monkeypatch.chdir(cwd or env)
    target = Interpreter(str(env / "bin" / "python"), chosen_by="test")
    return target.start(AgentRequest(deep=deep, timeout=60.0)).finish()


@pytest.fixture
def examine(env: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """The failures and unknowns of PKG, IMP and ABI101 in ``env``."""
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def run(*, deep: bool = False, cwd: Path | None = None) -> list[Finding]:
        sheet = sheet_of(env, monkeypatch, deep, cwd)
        assert sheet.document["probes"]["distributions"]["status"] == "ok"
        own = [c for c in checks.load(("PKG", "IMP", "ABI")) if _ours(c.code)]
        report = evaluate(sheet, own)
        return [f for f in report.findings if f.status not in ("pass", "skip")]

    return run


def _ours(code: str) -> bool:
    return code.startswith(("PKG1", "PKG2", "IMP10", "ABI10"))


def one(findings: list[Finding], code: str) -> Finding:
    """The only open finding, of this code."""
    assert [(f.code, f.title) for f in findings if not f.cause] == [
        (f.code, f.title) for f in findings if f.code == code and not f.cause
    ]
    found = [finding for finding in findings if finding.code == code and not finding.cause]
    assert len(found) == 1, findings
    return found[0]


@pytest.mark.parametrize("deep", [False, True])
def test_a_healthy_environment_is_quiet(examine: Examine, deep: bool) -> None:
    assert examine(deep=deep) == []


def test_metadata_is_gone(env: Path, examine: Examine) -> None:
    (env / SITE / "numpy-1.26.4.dist-info" / "METADATA").unlink()
    found = one(examine(), "PKG101")
    assert found.severity == "error"
    assert "numpy 1.26.4 has no METADATA" in found.title
    assert found.remedy is not None
    assert "numpy==1.26.4" in found.remedy.commands[-1]


@pytest.mark.parametrize(
    ("data", "word"),
    [(b"", "empty"), (b"\n\n", "empty"), (b"Metadata-Version: 2.1\nName: num", "inside a line")],
)
def test_metadata_is_broken(env: Path, examine: Examine, data: bytes, word: str) -> None:
    (env / SITE / "numpy-1.26.4.dist-info" / "METADATA").write_bytes(data)
    found = one(examine(), "PKG101")
    assert word in found.title
    assert found.severity == "error"


def test_metadata_is_garbage(env: Path, examine: Examine) -> None:
    (env / SITE / "numpy-1.26.4.dist-info" / "METADATA").write_bytes(b"\xff\xfe\0\n" * 5000)
    assert one(examine(), "PKG101").subject == "numpy"


def test_metadata_was_cut_at_a_line(env: Path, examine: Examine) -> None:
    file = env / SITE / "helper_lib-1.0.dist-info" / "METADATA"
    file.write_bytes(file.read_bytes().partition(b"Requires-Dist")[0])
    found = one(examine(), "PKG101")
    assert found.severity == "warning"
    assert "shorter" in found.title


def test_two_dist_infos(env: Path, examine: Examine) -> None:
    old = env / SITE / "torch-2.13.0+cpu.dist-info"
    new = env / SITE / "torch-2.9.1.dist-info"
    shutil.copytree(old, new)
    text = (new / "METADATA").read_text().replace("2.13.0+cpu", "2.9.1")
    (new / "METADATA").write_text(text)
    found = one(examine(), "PKG102")
    assert "2.13.0+cpu" in found.title
    assert "2.9.1" in found.title
    assert "files on disk are those of 2.13.0+cpu" in found.detail
    assert f"Stale: {new}" in found.detail
    assert found.remedy is not None
    assert str(new) in found.remedy.commands[0]
    assert str(old) not in " ".join(found.remedy.commands)


def test_two_dist_infos_without_a_version_in_the_sources(env: Path, examine: Examine) -> None:
    old = env / SITE / "helper_lib-1.0.dist-info"
    new = env / SITE / "helper_lib-0.9.dist-info"
    shutil.copytree(old, new)
    text = (new / "METADATA").read_text().replace("Version: 1.0", "Version: 0.9")
    (new / "METADATA").write_text(text)
    found = one(examine(), "PKG102")
    assert "those of 1.0: only its RECORD" in found.detail


def test_interrupted_installation(env: Path, examine: Examine) -> None:
    (env / SITE / "torch").rename(env / SITE / "~orch")
    findings = examine()
    found = one(findings, "PKG103")
    assert found.severity == "error"
    assert "installation of torch was interrupted" in found.title
    assert {f.code for f in findings} == {"PKG103", "PKG104"}  # the latter under the former


def test_interrupted_before_anything_was_put_in_place(env: Path, examine: Examine) -> None:
    for name in ("torch", "torch-2.13.0+cpu.dist-info", "functorch"):
        (env / SITE / name).rename(env / SITE / ("~" + name[1:]))
    findings = examine()
    open_findings = [f for f in findings if not f.cause]
    assert {f.code for f in open_findings} == {"PKG103"}
    assert any(f.subject == "torch" and f.severity == "error" for f in open_findings)
    assert [f.subject for f in findings if f.code == "PKG121" and f.cause == "PKG103"] == ["torch"]


def test_a_harmless_leftover(env: Path, examine: Examine) -> None:
    (env / SITE / "~orch").mkdir()
    found = one(examine(), "PKG103")
    assert found.severity == "warning"
    assert "torch 2.13.0+cpu itself is whole" in found.detail


def test_missing_library(env: Path, examine: Examine) -> None:
    (env / SITE / "torch" / "lib" / "libtorch.so").unlink()
    found = one(examine(), "PKG104")
    assert "torch/lib/libtorch.so" in found.detail
    assert found.remedy is not None
    assert "--torch-backend cpu" in found.remedy.commands[-1]
    assert "torch==2.13.0" in found.remedy.commands[-1]
    assert "+cpu" not in found.remedy.commands[-1]


def test_missing_source_is_found_with_deep(env: Path, examine: Examine) -> None:
    (env / SITE / "helper_lib" / "more.py").unlink()
    assert examine() == []
    assert "helper_lib/more.py" in one(examine(deep=True), "PKG104").detail


def test_removed_tests_are_nobody_s_problem(env: Path, examine: Examine) -> None:
    shutil.rmtree(env / SITE / "torch" / "tests")
    assert examine(deep=True) == []


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (elf(8192)[:3000], "ends too early"),
        (elf(8192)[:40], "ends too early"),
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 8192\n", "Git LFS"),
    ],
)
def test_damaged_library(env: Path, examine: Examine, data: bytes, word: str) -> None:
    (env / SITE / "torch" / "_C.so").write_bytes(data)
    found = one(examine(), "PKG105")
    assert found.severity == "error"
    assert "torch/_C.so" in found.title
    assert word in found.title


def test_a_stripped_library_is_only_noted(env: Path, examine: Examine) -> None:
    (env / SITE / "torch" / "_C.so").write_bytes(elf(6000))
    assert one(examine(), "PKG105").severity == "note"


def test_an_edited_file_of_the_same_size_is_found_with_deep(env: Path, examine: Examine) -> None:
    file = env / SITE / "helper_lib" / "more.py"
    file.write_bytes(b"x = 2\n")
    later = (env / SITE / "helper_lib-1.0.dist-info" / "RECORD").stat().st_mtime + 60
    os.utime(file, (later, later))
    assert examine() == []
    found = one(examine(deep=True), "PKG105")
    assert (found.severity, found.subject) == ("note", "helper-lib")


def test_files_with_two_owners(env: Path, examine: Examine, tmp_path: Path) -> None:
    files = {"cv2/__init__.py": b"# one\n"}
    pip_install(env, wheel(tmp_path, "vision", "1", files))
    pip_install(env, wheel(tmp_path, "vision-headless", "1", {"cv2/__init__.py": b"# other\n"}))
    found = one(examine(), "PKG106")
    assert "vision" in found.title
    assert "vision-headless" in found.title
    assert "On disk is what vision-headless brought" in found.detail


def test_record_is_gone(env: Path, examine: Examine) -> None:
    (env / SITE / "numpy-1.26.4.dist-info" / "RECORD").unlink()
    found = one(examine(), "PKG107")
    assert found.remedy is not None
    command = found.remedy.commands[-1]
    assert "--ignore-installed" in command or "uv" in command


def test_missing_and_conflicting_requirements(env: Path, examine: Examine, tmp_path: Path) -> None:
    needs = ("numpy<1", "absent>=2", "torch==2.13.0", "helper-lib[more]")
    pip_install(env, wheel(tmp_path, "picky", "1", {"picky.py": b""}, requires=needs))
    findings = examine()
    assert {(f.code, f.subject) for f in findings} == {
        ("PKG122", "numpy"),
        ("PKG121", "absent"),
    }
    texts = " ".join(f.title + f.detail for f in findings)
    assert "numpy 1.26.4 is installed, but picky 1 requires numpy<1" in texts
    assert "helper-lib: absent; extra == 'more'" in texts


def test_pip_agrees_about_requirements(env: Path, examine: Examine, tmp_path: Path) -> None:
    pip_install(
        env, wheel(tmp_path, "picky", "1", {"picky.py": b""}, requires=("absent", "numpy>9"))
    )
    argv = [sys.executable, "-m", "pip", "--python", str(env / "bin" / "python"), "check"]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=120).stdout
    assert said.count("picky 1") == 2
    assert sorted(f.code for f in examine()) == ["PKG121", "PKG122"]


def test_requires_another_python(env: Path, examine: Examine, tmp_path: Path) -> None:
    file = wheel(tmp_path, "old", "1", {"old.py": b""}, headers=("Requires-Python: <3",))
    argv = [sys.executable, "-m", "pip", "--python", str(env / "bin" / "python"), "install", "-q"]
    flags = ["--no-index", "--no-deps", "--ignore-requires-python"]
    subprocess.run([*argv, *flags, str(file)], check=True)
    assert "requires Python <3" in one(examine(), "PKG123").title


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("cp311-cp311-musllinux_1_2_x86_64", "made for musl"),
        (f"cp{VERSION.replace('.', '')}-abi3-manylinux_2_17_s390x", "s390x architecture"),
        ("cp27-cp27mu-manylinux1_x86_64", "another Python"),
        ("cp311-cp311-win_amd64", "made for Windows"),
    ],
)
def test_foreign_wheels(env: Path, examine: Examine, tmp_path: Path, tag: str, words: str) -> None:
    file = wheel(tmp_path, "foreign", "1", {"foreign/__init__.py": b""}, tag=tag)
    renamed = file.with_name("foreign-1-py3-none-any.whl")
    file.rename(renamed)
    with zipfile.ZipFile(renamed) as archive:
        archive.extractall(env / SITE)
    (env / SITE / "foreign-1.dist-info" / "INSTALLER").write_text("pip\n")
    found = one(examine(), "ABI101")
    assert found.subject == "foreign"
    assert words in found.title


def test_pythonpath_takes_torch(
    env: Path, examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / "torch").mkdir(parents=True)
    (other / "torch" / "__init__.py").write_text("")
    (other / "torch" / "version.py").write_text("__version__ = '2.13.0+cu128'\n")
    monkeypatch.setenv("PYTHONPATH", str(other))
    found = one(examine(), "IMP101")
    assert found.severity == "error"
    assert str(other / "torch") in found.title
    assert "Installed is torch 2.13.0+cpu" in found.detail
    assert "2.13.0+cu128" in found.detail


def test_pythonpath_into_another_environment(
    template: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch, env: Path, tmp_path: Path
) -> None:
    names = [f"module_{number}" for number in range(8)]
    pip_install(env, *(wheel(tmp_path, name, "1", {f"{name}.py": b""}) for name in names))
    other = tmp_path / "other"
    shutil.copytree(env / SITE, other)
    monkeypatch.setenv("PYTHONPATH", str(other))
    (found,) = [f for f in examine() if f.code.startswith("IMP")]
    assert found.code == "IMP101"
    assert found.subject == str(other)
    assert "hides 12 installed distributions" in found.title


def test_torch_on_pythonpath_that_nothing_owns(
    env: Path, examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(str(env / SITE / "torch"), str(tmp_path / "path" / "torch"))
    shutil.rmtree(env / SITE / "torch-2.13.0+cpu.dist-info")
    shutil.rmtree(env / SITE / "functorch")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    findings = {f.code: f for f in examine()}
    assert sorted(findings) == ["IMP101", "PKG121"]
    assert "belongs to no distribution" in findings["IMP101"].title


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (b"numpy.core._multiarray_umath", ["ABI102"]),
        (b"numpy._core._multiarray_umath\0numpy.core._multiarray_umath", []),
    ],
)
def test_torch_of_numpy_1_beside_numpy_2(
    env: Path, examine: Examine, tmp_path: Path, names: bytes, codes: list[str]
) -> None:
    library = elf(8192)[:4096] + names + elf(8192)[4096 + len(names) :]
    files = {"torch/__init__.py": b"", "torch/lib/libtorch_python.so": library}
    pip_install(env, wheel(tmp_path, "torch", "2.2.0", files, tag=native_tag()))
    pip_install(env, wheel(tmp_path, "numpy", "2.1.0", {"numpy/__init__.py": b""}))
    assert [f.code for f in examine()] == codes


def test_a_script_named_torch(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "torch.py").write_text("")
    found = one(examine(cwd=tmp_path / "work"), "IMP102")
    assert found.severity == "error"
    assert str(tmp_path / "work" / "torch.py") in found.title


def test_a_folder_without_code_hides_nothing(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "work" / "torch").mkdir(parents=True)
    assert examine(cwd=tmp_path / "work") == []


def test_a_folder_without_code_where_torch_is_missing(
    env: Path, examine: Examine, tmp_path: Path
) -> None:
    for name in ("torch", "torch-2.13.0+cpu.dist-info", "helper_lib", "helper_lib-1.0.dist-info"):
        shutil.rmtree(env / SITE / name)
    shutil.rmtree(env / SITE / "functorch")
    (tmp_path / "work" / "torch").mkdir(parents=True)
    found = one(examine(cwd=tmp_path / "work"), "IMP102")
    assert found.severity == "note"


def test_a_checkout_is_only_noted(examine: Examine, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "helper_lib").mkdir(parents=True)
    (work / "helper_lib" / "__init__.py").write_text("")
    (work / "pyproject.toml").write_text("")
    assert one(examine(cwd=work), "IMP102").severity == "note"


def test_user_site_in_a_venv_does_not_matter(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "user" / "lib" / f"python{VERSION}" / "site-packages"
    (site / "numpy-0.1.dist-info").mkdir(parents=True)
    (site / "numpy-0.1.dist-info" / "METADATA").write_text("Name: numpy\nVersion: 0.1\n\n")
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    assert examine() == []


def test_a_virtual_environments_own_come_before_the_user_site(
    env: Path, examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = env / "pyvenv.cfg"  # with system site-packages a venv uses the user's directory too
    config.write_text(config.read_text().replace("packages = false", "packages = true"))
    site = tmp_path / "user" / "lib" / f"python{VERSION}" / "site-packages"
    (site / "numpy-1.99.dist-info").mkdir(parents=True)
    (site / "numpy-1.99.dist-info" / "METADATA").write_text("Name: numpy\nVersion: 1.99\n\n")
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    code = "from importlib.metadata import version; print(version('numpy'))"
    done = subprocess.run([env / "bin/python", "-c", code], capture_output=True, text=True)
    assert done.stdout == "1.26.4\n"
    assert [f.subject for f in examine() if f.code == "IMP103" and f.subject == "numpy"] == []


def test_a_costly_start_up_file(env: Path, examine: Examine) -> None:
    (env / SITE / "slow.pth").write_text(
        "import time; t = time.process_time()\n"
        "import time; end = time.process_time() + 0.05\n"
        "import time; exec('while time.process_time() < end: 1')\n"
    )
    assert examine() == []
    found = one(examine(deep=True), "IMP104")
    assert found.severity == "note"
    assert "slow.pth costs" in found.title


def test_an_orphan_is_found_with_deep(env: Path, examine: Examine) -> None:
    (env / SITE / "copied.py").write_text("")
    assert examine() == []
    assert one(examine(deep=True), "IMP105").subject == str(env / SITE / "copied.py")


def test_editable_and_direct_urls(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = env / SITE / "helper_lib-1.0.dist-info"
    url = {
        "url": "https://user:secret@host/repo.git",
        "vcs_info": {"vcs": "git", "commit_id": "abc"},
    }
    (info / "direct_url.json").write_text(json.dumps(url))
    (env / SITE / "numpy-1.26.4.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": "file:///src/numpy", "dir_info": {"editable": True}})
    )
    sheet = sheet_of(env, monkeypatch, deep=False, cwd=None)
    assert "secret" not in json.dumps(sheet.document)
    records = {record["name"]: record for record in sheet["distributions.installed"]}
    assert records["helper-lib"]["direct_url"] == "git+https://host/repo.git@abc"
    assert records["numpy"]["editable"] is True
    assert records["torch"]["installer"] == "pip"
    assert set(records["torch"]["imports"]) == {"torch", "functorch"}


def test_eggs_and_links(env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = env / SITE
    (site / "flat-1.0.egg-info").write_text("Metadata-Version: 1.0\nName: flat\nVersion: 1.0\n")
    (site / "deep_er-2.0-py3.11.egg-info").mkdir()
    (site / "deep_er-2.0-py3.11.egg-info" / "PKG-INFO").write_text("Name: deep-er\nVersion: 2.0\n")
    (site / "deep_er-2.0-py3.11.egg-info" / "requires.txt").write_text("numpy>=1\n\n[dev]\nx\n")
    (tmp_path / "src" / "linked.egg-info").mkdir(parents=True)
    (tmp_path / "src" / "linked.egg-info" / "PKG-INFO").write_text("Name: linked\nVersion: 3\n")
    (site / "linked.egg-link").write_text(f"{tmp_path / 'src'}\n.\n")
    sheet = sheet_of(env, monkeypatch, deep=False, cwd=None)
    records = {record["name"]: record for record in sheet["distributions.installed"]}
    assert records["flat"]["version"] == "1.0"
    assert records["deep-er"]["requires"] == ["numpy>=1"]
    assert (records["linked"]["version"], records["linked"]["editable"]) == ("3", True)


def test_hostile_directories(env: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    site = env / SITE
    names = (
        b"\xff\xfe-1.0.dist-info",
        b"\x1b[31mred-1.0.dist-info",
        b"a\nb-1.dist-info",
        b"-.dist-info",
    )
    for name in names:
        folder = os.fsencode(site) + b"/" + name
        os.mkdir(folder)
        with open(folder + b"/METADATA", "wb") as file:
            file.write(b"Name: \x1b[2J\xff\nVersion: 1\nRequires-Dist: " + b"x" * 100000 + b"\n\n")
        with open(folder + b"/RECORD", "wb") as file:
            file.write(b'"a,b\n,,,,\n\0/__init__.py,sha256=,-5\n../../../../etc/passwd,x,99\n' * 50)
    (site / "loop.dist-info").symlink_to(site / "loop.dist-info")
    (site / "fifo-1.dist-info").mkdir()
    os.mkfifo(site / "fifo-1.dist-info" / "METADATA")
    (site / "folder-1.dist-info" / "METADATA").mkdir(parents=True)
    (site / "huge-1.dist-info").mkdir()
    (site / "huge-1.dist-info" / "METADATA").write_bytes(
        b"Name: huge\nVersion: 1\n" + b"A: b\n" * 500000
    )
    findings = examine(deep=True)
    assert not [f for f in findings if f.status == "crash"]
    assert any(f.code == "PKG101" for f in findings)
    json.dumps(sheet_of(env, monkeypatch, deep=False, cwd=None).document).encode("utf-8")
