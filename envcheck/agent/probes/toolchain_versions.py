"""What build tools say about themselves: all are asked at once, each in a killable child."""

import os

from ..protocol import IS_WINDOWS, command

DEADLINE = 5.0  # seconds for `--version`
COMPILE_DEADLINE = 20.0  # seconds for a one-line program
_SOURCES = {
    "c": ("c", '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n'),
    "c++": ("cpp", "#include <vector>\nint main() { return (int)std::vector<int>(0).size(); }\n"),
}


def ask(tools, deep):
    """Fill ``version`` and, with ``deep``, ``compiles`` of these records."""
    present = [tool for tool in tools if tool["path"]]
    started = [(tool, command([tool["path"], "--version"], DEADLINE)) for tool in present]
    for tool, child in started:
        outcome = child.wait()
        tool["version"] = version(outcome.text())
        if not outcome.ok:
            tool["error"] = outcome.reason(tool["name"])
        elif tool["version"] is None:
            tool["error"] = "%s --version did not name a version" % tool["name"]
    if deep and not IS_WINDOWS:
        compilers = [tool for tool in present if tool["tool"] in _SOURCES]
        if compilers:
            _translate(compilers)


def version(text):
    """The first version number in what a tool prints: of `gcc (Debian 12.2.0-14) 12.2.0`, 12.2.0.

    A number in parentheses is the packager's; it counts only if there is no other. None if none.
    """
    import re

    head = "\n".join(text.split("\n")[:8])[:2000]
    # nvcc says `release 13.0, V13.0.48`; its first number is that of a build date's line
    found = re.search(r"\brelease (\d+(?:\.\d+)+)", head)
    if not found:
        outside = re.sub(r"\([^()]*\)", " ", head)
        pattern = r"(?<![\w.])v?(\d+(?:\.\d+)+)"
        found = re.search(pattern, outside) or re.search(pattern, head)
    return found.group(1) if found else None


def _translate(compilers):
    """Whether each compiler makes a program of one line, in a directory that is removed again."""
    import shutil
    import tempfile

    try:
        folder = tempfile.mkdtemp(prefix="envcheck-")
    except OSError as error:
        for tool in compilers:
            tool["error"] = "no temporary directory to compile in: %s" % error
        return
    try:
        started = [(tool, _start(tool, folder)) for tool in compilers]
        for tool, child in started:
            outcome = child.wait()
            if outcome.status in ("ok", "exit"):
                tool["compiles"] = outcome.ok
            if not outcome.ok:
                tool["error"] = _complaint(outcome) or outcome.reason(tool["name"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(tool, folder):
    suffix, text = _SOURCES[tool["tool"]]
    source = os.path.join(folder, "program." + suffix)
    with open(source, "w") as file:
        file.write(text)
    output = os.path.join(folder, "program-" + suffix)
    return command([tool["path"], source, "-o", output], COMPILE_DEADLINE, env={"TMPDIR": folder})


def _complaint(outcome):
    """The line that says what is wrong, without the temporary path before it."""
    for line in outcome.text_err().splitlines():
        for mark in ("fatal error: ", "error: "):
            if mark in line:
                return line.partition(mark)[2][:300]
    return ""
