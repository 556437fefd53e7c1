"""Facts of one machine are judged on another as they are judged there."""

from __future__ import annotations

import json

import pytest


def findings(text):
    report = json.loads(text)
    return [
        (finding["code"], finding["status"], finding.get("subject"), finding["title"])
        for finding in report["findings"]
    ]


@pytest.mark.docker
@pytest.mark.parametrize("tag", ["3.12-slim", "3.11-musl"])
def test_saved_facts_give_the_same_findings(envcheck, tmp_path, tag):
    sheet = tmp_path / "sheet.json"
    image = f"envcheck-base:{tag}"
    saved = envcheck("facts", "--image", image)
    assert saved.returncode == 0, saved.stderr
    sheet.write_text(saved.stdout)
    options = ("--profile", "torch", "--report", "json", "--fail-on", "never")
    there = envcheck("doctor", "--image", image, *options)
    here = envcheck("doctor", "--facts", str(sheet), *options)
    assert findings(here.stdout) == findings(there.stdout)
    piped = envcheck("doctor", "--facts", "-", *options, input=saved.stdout)
    assert findings(piped.stdout) == findings(there.stdout)


@pytest.mark.docker
def test_slim_and_musl_differ_in_their_libc(envcheck):
    done = envcheck("diff", "image:envcheck-base:3.11-slim", "image:envcheck-base:3.11-musl")
    assert done.returncode in (0, 1), done.stderr
    assert "host.libc.family" in done.stdout
