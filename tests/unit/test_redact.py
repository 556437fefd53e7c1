"""Nothing secret leaves, nothing needed is lost, and commands still work when they are pasted."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

from envcheck import config
from envcheck.model.finding import Anchor, Evidence, Finding, Remedy
from envcheck.redact import (
    Identity,
    Redactor,
    redact_document,
    redact_report,
    redact_sheet,
    suspicious,
)
from envcheck.secret_shapes import scan

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

WHO = Identity(homes=("/home/ann", "/root"), users=("ann",), hosts=("gpu-box-7",))
HEX = "0123456789abcdef0123456789abcdef01234567"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.abcdefgh"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(WHO)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ann/x:/home/ann", "~/x:~"),
        ("/root/.cache", "~/.cache"),
        ("file:///home/ann/wheel.whl", "file://~/wheel.whl"),
        ("/home/anna/x", "/home/<user>/x"),
        ("/Users/bob/x", "/Users/<user>/x"),
        (r"C:\Users\bob\x", r"C:\Users\<user>\x"),
        ("/data/home/ann/x", "/data/home/<user>/x"),
        ("/scratch/ann/run", "/scratch/<user>/run"),
        ("ann@gpu-box-7:22", "<user>@<host>:22"),
        ("someone@example.org wrote", "<user>@<host> wrote"),
        ("/net/gpu-box-7/data", "/net/<host>/data"),
    ],
)
def test_names_of_people_and_machines(redactor: Redactor, text: str, expected: str) -> None:
    assert redactor.text(text) == expected


@pytest.mark.parametrize(
    "secret",
    [
        "hf_" + "a1B2" * 8,
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "11ABCDE0_" * 4,
        "glpat-abcdefghijklmnopqrst",
        "sk-proj-" + "a1B2" * 8,
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-1234567890-abcdef",
        "AIza" + "a1B2" * 9,
        "nvapi-" + "a1B2" * 6,
        "pypi-" + "AgEI" * 8,
        JWT,
    ],
)
@pytest.mark.parametrize("around", ["{}", "value {} here", "x={}", "'{}'", "(see {})", "a/{}"])
def test_tokens_by_their_shape(redactor: Redactor, secret: str, around: str) -> None:
    written = redactor.text(around.format(secret))
    assert secret not in written
    assert secret[6:] not in written
    assert "<redacted>" in written


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://bob:s3cr3t@index.example/simple", "s3cr3t"),
        ("https://t0ken@index.example/simple", "t0ken"),
        ("git+ssh://git:abc@host.example/x", "abc"),
        ("x @ https://h.example/x.whl?v=1&sig=a%2Fb%3D ; extra == 'y'", "a%2Fb"),
        ("https://h.example/x?X-Amz-Credential=AK/2026&X-Amz-Signature=0ff1ce", "0ff1ce"),
        ("https://u:p@h.example/x.whl?access_token=abc", "abc"),
        (f"WANDB_API_KEY={HEX}", HEX),
        (f'"wandb_api_key": "{HEX}"', HEX),
        ("password=hunter2", "hunter2"),
        ("HF_TOKEN='very secret'", "very"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalr"),
        ("Serial Number: 1320221056789", "1320221056789"),
        ("GPU-5a1b2c3d-1111-2222-3333-444455556666", "5a1b2c3d"),
        ("MIG-5a1b2c3d-1111-2222-3333-444455556666/1/0", "5a1b2c3d"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ],
)
def test_secrets_by_what_stands_before(redactor: Redactor, text: str, secret: str) -> None:
    written = redactor.text(text)
    assert secret not in written
    assert "<redacted>" in written
    assert redactor.hidden


@pytest.mark.parametrize(
    "text",
    [
        "tokenizers==0.22.1",
        "tiktoken: 0.8.0",
        "sentencepiece>=0.2 and tokenizers<=0.23",
        "HF_TOKEN = present",
        "HF_TOKEN: malformed (a newline at its end)",
        "credentials.list could not be observed: permission denied",
        "token: the file cannot be read",
        "python@sha256:0123456789abcdef0123456789abcdef",
        "torch @ file:///tmp/torch.whl",
        "https://index.example/simple",
        "https://h.example/x.whl?version=1&format=wheel#sha256=abc",
        "GPU-0 and MIG-1g.5gb",
        "sha256 " + HEX,
        "NVIDIA A10G, driver 550.54.14",
        "/home/runner/proj/x",
        "/usr/lib/python3.11/site-packages/annotated_types",
        "disk-full, task-based, risk-free-of-any-charges",
    ],
)
def test_what_is_no_secret_stays(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text
    assert not redactor.hidden


HOME = "/home/ann"


@pytest.mark.parametrize(
    "command",
    [
        f"printf %s {HOME}/.venv/bin/python",
        f"printf %s '{HOME}/my project/bin/python'",
        f'printf %s "{HOME}/my project/$((1+1))"',
        f"printf %s --python={HOME}/x",
        f"printf %s a'b '{HOME}",
        f"printf %s 'it'\\''s {HOME}/x'",
        f"printf %s {HOME}/x:{HOME}/y",
        "printf %s '~/x'",
        "printf %s 'torch~=2.0'",
    ],
)
def test_a_command_does_the_same_after_redaction(redactor: Redactor, command: str) -> None:
    def run(text: str) -> bytes:
        environ = {"HOME": HOME, "PATH": "/usr/bin:/bin"}
        return subprocess.run(["sh", "-c", text], env=environ, capture_output=True).stdout

    written = redactor.command(command)
    assert HOME not in written
    assert run(written) == run(command).replace(b"~/", b"/home/ann/")


def test_a_command_for_oneself_keeps_the_paths_of_others(redactor: Redactor) -> None:
    command = "/home/bob/venv/bin/python -m pip install torch"
    assert redactor.command(command) == command
    assert redactor.command(command, pasteable=False).startswith("/home/USER/venv")
    url = "pip install https://bob:secret@index.example/torch.whl"
    assert "secret" not in redactor.command(url)


def test_places_of_requirements(
    reports: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")

    def shown(path: str) -> str:
        finding = reports.ACCELERATE._replace(anchor=Anchor(path, 3))
        anchor = redact_report(reports.report(finding)).findings[0].anchor
        assert anchor.line == 3
        return anchor.path

    assert shown(str(tmp_path / "project" / "a" / "p.toml")) == "a/p.toml"
    assert shown(str(tmp_path / "p.toml")) == "~/p.toml"
    assert shown("envcheck/profiles/torch.toml") == "envcheck/profiles/torch.toml"


def test_the_home_on_the_target(reports: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("USER", "ann")
    site = reports.known("/srv/people/bob/.local/lib/python3.11/site-packages")
    sheet = reports.sheet({"interpreter.user_site.path": site})
    remedy = Remedy("see /srv/people/bob/x", ("/srv/people/bob/x/python -m pip", "/home/ann/p"))
    finding = reports.ACCELERATE._replace(remedy=remedy)
    redacted = redact_report(reports.report(finding, of=sheet), pasteable=True)
    assert redacted.findings[0].remedy.text == "see ~/x"
    assert redacted.findings[0].remedy.commands == (remedy.commands[0], "~/p")
    assert redacted.sheet["interpreter.user_site.path"].startswith("~/.local/")


def test_common_names_are_no_names() -> None:
    redactor = Redactor(Identity(homes=("/",), users=("root", "me"), hosts=("localhost",)))
    text = "/usr/lib/root/me/localhost"
    assert redactor.text(text) == text


def test_a_report(reports: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("USER", "ann")
    finding = Finding(
        "NET101",
        "fail",
        "error",
        "the proxy https://u:pw1@proxy.example answers 407",
        detail="HF_TOKEN=hf_abcdefghijkl was refused",
        evidence=(Evidence("network.proxies", "https://u:pw1@proxy.example", "/home/ann/.netrc"),),
        remedy=Remedy("Ask /home/ann", ("cat /home/ann/.netrc",)),
        waiver=None,
    )
    report = reports.report(finding, profiles=("x",), notes=("see /home/ann",))
    redacted = redact_report(report)
    written = repr(redacted.findings) + repr(redacted.notes) + repr(redacted.target)
    for secret in ("pw1", "hf_abc", "/home/ann"):
        assert secret not in written
    assert redacted.notes == ("see ~", "redacted: 2 values")
    assert redacted.findings[0].remedy.commands == ("cat ~/.netrc",)
    assert redacted.sheet["interpreter.prefix"] == "~/proj/.venv"
    assert redacted.target["name"] == "~/proj/.venv/bin/python"
    assert report.findings[0].detail == finding.detail, "the original is not touched"


def test_members_whose_name_says_it(reports: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    facts = {
        "devices.list": reports.known([{"name": "A", "uuid": "5a1b-2c3d", "serial": "132022105"}]),
        "credentials.token": reports.known("present"),
        "nvidia.serial": reports.known("13202210"),
    }
    document, count = redact_document(reports.sheet(facts).document)
    (device,) = document["facts"]["devices.list"]["value"]
    assert device == {"name": "A", "uuid": "<redacted>", "serial": "<redacted>"}
    assert document["facts"]["credentials.token"]["value"] == "present"
    assert document["facts"]["nvidia.serial"]["value"] == "<redacted>"
    assert count == 3
    sheet = redact_sheet(reports.sheet(facts))
    assert sheet["devices.list"] == [device]


_json = json_values()


@given(st.dictionaries(st.sampled_from(["schema", "target", "agent", "facts", "x"]), _json))
def test_any_document(document: dict[str, object]) -> None:
    redacted, _ = redact_document(document)
    assert redacted.keys() == document.keys()
    json.dumps(redacted)


def test_nested_without_end() -> None:
    value: object = "x"
    for _ in range(5000):
        value = [value]
    json.dumps(redact_document({"facts": {"a.b": {"status": "known", "value": value}}})[0])


PIECES = [
    "hf_" + "a1B2" * 8, "ghp_" + "a" * 36, "https://", "u:p@", "host", "=", ":", " ", "/", "TOKEN",
    "password", "Bearer ", "basic ", "a1b2c3d4e5f6a7b8", "/home/", "C:\\Users\\", "bob", "@", JWT,
    "GPU-5a1b2c3d-1111-2222-3333-444455556666", "Serial", "number", "api_key", "'", '"',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_the_quick_look_misses_nothing(text: str) -> None:
    if scan(text, set(), names=True) != text:
        assert suspicious(text)


@given(st.text(alphabet="hf_ghp@:/=.-eyJAKtoken \n\"'~", max_size=120))
def test_twice_is_once(text: str) -> None:
    redactor = Redactor(WHO)
    once = redactor.text(text)
    assert redactor.text(once) == once


def test_identity_is_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("USER", "ann")
    home, user, host = config.identity()
    assert (home, user) == ("/home/ann", "ann")
    assert host
