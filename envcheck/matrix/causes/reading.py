"""An installer's log, taken apart: its own lines, and what build backends wrote.

Both installers show what a build wrote indented, below a heading of their own; so a build cannot
speak in the installer's name. Seen with uv 0.13.8 and pip 23.0 to 26.3.
"""

from __future__ import annotations

import re
import signal as signals
from typing import NamedTuple

from envcheck.matrix.causes.wording import subject

_UV_FAILED = re.compile(r"^error: Failed to (?:download and )?build `([^`]+)`")
#: How ``uv build`` begins.
_STREAMS = frozenset({"Building wheel from source distribution...", "Building wheel..."})
_UV_BLOCK = re.compile(r"^ {2,}\[(stdout|stderr)\]$")
_UV_SIGNAL = re.compile(r"Call to `[^`]*` failed \(signal: (\d+)")
_PIP_SIGNAL = re.compile(r"^ *│ exit code: -(\d+)$")
_PIP_WHAT = re.compile(r"^ *× (.+?) did not run successfully\.")
_PIP_BLOCK = re.compile(r"^( *)╰─> (?:\[\d+ lines? of output\]|No available output\.)")
_PIP_NAME = re.compile(
    r"^ *(?:Building wheel for|Building editable for|Running setup\.py \w+ for) (\S+)"
)
_PIP_COLLECTING = re.compile(r"^(?:Collecting|Processing|Obtaining) (\S.*?)(?: \(from .*)?$")
_PIP_FILE = re.compile(r"^ {2}(?:Downloading|Using cached|Saved) (\S+?)(?: \([\d.]+ ?\w+\))?$")
_PIP_FAILED = re.compile(
    r"(?:ERROR: Failed (?:building wheel for|to build) '?(?!one or more)([\w.:/-]+)'?"
    r"|^Failed to build '?([\w.:/-]+)'?)"
)


class Build(NamedTuple):
    """A build that failed: of what, in which act, and what it wrote; ``signal``: that ended it."""

    name: str
    act: str
    lines: list[str]
    signal: str = ""


class Reading(NamedTuple):
    """A log. ``own``: what the installer itself says."""

    own: list[str]
    build: Build | None


def read(log: str, installer: str) -> Reading:
    """``log`` of ``installer`` (``pip 24.0``, ``uv 0.13.8``) taken apart."""
    lines = log.split("\n")
    if installer.startswith("pip"):
        return _of_pip(lines)
    return _of_uv_build(lines) if _STREAMS.intersection(lines) else _of_uv(lines)


def _of_uv_build(lines: list[str]) -> Reading:
    """``uv build`` passes on what the backend writes as it comes; its own word is the last."""
    starts = [number for number, text in enumerate(lines) if text.startswith("error: ")]
    ends = [number for number in starts if _UV_FAILED.match(lines[number])]
    if not ends:
        return Reading(lines, None)
    reading = _of_uv(lines[ends[-1] :])
    if not reading.build or reading.build.lines or not reading.build.act:
        return reading
    written = [text for text in lines[: ends[-1]] if text not in _STREAMS]
    return reading._replace(build=reading.build._replace(lines=_trimmed(written)))


def _of_uv(lines: list[str]) -> Reading:
    own: list[str] = []
    written: list[str] = []
    name, act, signal, indent = "", "", "", 0
    for text in lines:
        depth = len(text) - len(text.lstrip())
        if indent and (not text.strip() or depth >= indent):
            if not (depth == indent and _UV_BLOCK.match(text)):
                written.append(text[indent:])
            continue
        indent = 0
        if (name or act) and _UV_BLOCK.match(text):
            indent = depth
            continue
        own.append(text)
        if found := _UV_FAILED.match(text):
            name = found[1]
        elif "Call to `" in text:
            act = text.partition("Call to `")[2].partition("`")[0]
            signal = _signal(_UV_SIGNAL.search(text))
    failed = bool(name) and any("build" in text for text in own)
    return Reading(own, Build(subject(name), act, _trimmed(written), signal) if failed else None)


def _of_pip(lines: list[str]) -> Reading:
    own: list[str] = []
    written: list[str] = []
    name, act, indent, collected, signal = "", "", 0, "", ""
    files: dict[str, str] = {}
    for text in lines:
        depth = len(text) - len(text.lstrip())
        if indent and (not text.strip() or depth >= indent):
            written.append(text[indent:])
            continue
        indent = 0
        if (heading := _PIP_BLOCK.match(text)) and act:
            indent = len(heading[1]) + 4
            written = []
            continue
        own.append(text)
        signal = _signal(_PIP_SIGNAL.match(text)) or signal
        if found := _PIP_WHAT.match(text):
            act = found[1]
        if found := _PIP_NAME.match(text):
            name = found[1].removesuffix(":")
        elif found := _PIP_COLLECTING.match(text):
            collected, name = found[1], ""
            about, _, versioned = subject(collected).partition(" ")
            files |= {about: versioned} if versioned else {}
        elif found := _PIP_FILE.match(text):
            about, _, versioned = subject(found[1]).partition(" ")
            files |= {about: versioned} if versioned else {}
        elif found := _PIP_FAILED.search(text):
            name = found[1] or found[2]
    if not act:
        return Reading(own, None)
    name = subject(name or collected)
    if name in files:
        name = f"{name} {files[name]}"
    return Reading(own, Build(name, act, _trimmed(written), signal))


def _signal(match: re.Match[str] | None) -> str:
    """The signal's name."""
    if match is None:
        return ""
    try:
        return signals.Signals(int(match[1])).name
    except ValueError:
        return f"signal {match[1]}"


def _trimmed(lines: list[str]) -> list[str]:
    while lines and lines[-1].strip() in ("", "[end of output]"):
        lines.pop()
    return lines
