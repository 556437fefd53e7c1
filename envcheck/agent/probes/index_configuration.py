"""Where pip and uv are told to find distributions: variables, pip.conf, uv.toml.

The values come with their credentials: whoever makes a fact of them leaves those out
(``network.public_address``).
"""

import os
import sys

from ..protocol import IS_MACOS, IS_WINDOWS, read_text

_PIP = ("index-url", "extra-index-url", "find-links")
_PIP_SECTIONS = ("global", "install", "download", "wheel", ":env:")
_UV_VARIABLES = (
    ("UV_DEFAULT_INDEX", "index-url"),
    ("UV_INDEX_URL", "index-url"),
    ("UV_INDEX", "extra-index-url"),
    ("UV_EXTRA_INDEX_URL", "extra-index-url"),
    ("UV_FIND_LINKS", "find-links"),
)


def read():
    """(settings, errors): of each tool the strongest source first. A setting is a dict of
    ``tool setting value source``; an error a sentence.
    """
    settings, errors = [], []
    for name in _PIP:
        variable = "PIP_" + name.upper().replace("-", "_")
        _add(settings, "pip", name, os.environ.get(variable, ""), variable)
    for path in pip_files():
        values, problem = _read(path, read_ini)
        if problem:
            errors.append("%s: %s" % (path, problem))
        for section, name, value in values:
            if section in _PIP_SECTIONS and name in _PIP:
                _add(settings, "pip", name, value, path)
    for variable, name in _UV_VARIABLES:
        _add(settings, "uv", name, os.environ.get(variable, ""), variable, named=True)
    for path in uv_files():
        values, problem = _read(path, read_uv)
        if problem:
            errors.append("%s: %s" % (path, problem))
        for name, value in values:
            _add(settings, "uv", name, value, path, named=True)
    return settings, errors


def _add(settings, tool, name, value, source, named=False):
    for word in value.split():
        if named and "=" in word.partition("://")[0]:
            word = word.partition("=")[2]  # uv: `name=address`
        settings.append({"tool": tool, "setting": name, "value": word, "source": source})


def _read(path, parse):
    """(values, problem); a file that is not there is no problem."""
    if not os.path.isfile(path):
        return (), ""
    text = read_text(path, 1 << 18)
    if text is None:
        return (), "it cannot be read"
    try:
        return parse(text), ""
    except ValueError as error:
        return (), str(error)


def pip_files():
    """Pip's configuration files, the strongest first."""
    home = os.path.expanduser("~")
    chosen = os.environ.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return []
    name = "pip.ini" if IS_WINDOWS else "pip.conf"
    files = [chosen] if chosen else []
    files.append(os.path.join(sys.prefix, name))
    if IS_WINDOWS:
        files.append(os.path.join(os.environ.get("APPDATA", home), "pip", name))
        files.append(os.path.join(home, "pip", name))
        files.append(os.path.join(os.environ.get("PROGRAMDATA", "C:\\ProgramData"), "pip", name))
        return files
    if IS_MACOS:
        files.append(os.path.join(home, "Library", "Application Support", "pip", name))
        files.append(os.path.join("/Library/Application Support", "pip", name))
    user = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    files.append(os.path.join(user, "pip", name))
    files.append(os.path.join(home, ".pip", name))
    for folder in (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        files.append(os.path.join(folder, "pip", name))
    files.append(os.path.join("/etc", name))
    return files


def uv_files():
    """Uv's configuration files, the strongest first."""
    chosen = os.environ.get("UV_CONFIG_FILE", "")
    if chosen:
        return [chosen]
    if os.environ.get("UV_NO_CONFIG", "") not in ("", "0", "false"):
        return []
    home = os.path.expanduser("~")
    if IS_WINDOWS:
        return ["uv.toml", os.path.join(os.environ.get("APPDATA", home), "uv", "uv.toml")]
    user = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return ["uv.toml", os.path.join(user, "uv", "uv.toml"), "/etc/uv/uv.toml"]


def read_ini(text):
    """[(section, option, value)] of a pip.conf, as configparser reads it; lines of a value joined
    by newlines. Raises ValueError for a line that configparser would refuse.
    """
    values = []
    section = option = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if line[0].isspace() and option is not None:
            values[-1] = (section, option, values[-1][2] + "\n" + stripped)
        elif stripped[0] == "[":
            name, bracket, _ = stripped[1:].partition("]")
            if not bracket:
                raise ValueError("line %d: the section's name is not closed" % number)
            section, option = name, None
        else:
            marks = [stripped.find(mark) for mark in "=:" if mark in stripped]
            if section is None or not marks:
                raise ValueError("line %d is neither a section nor `option = value`" % number)
            end = min(marks)
            option = stripped[:end].strip().lower().replace("_", "-")
            values.append((section, option, stripped[end + 1 :].strip()))
    return values


def read_uv(text):
    """[(setting, value)] of a uv.toml: the lines that matter, not the whole of TOML."""
    values = []
    table = ""
    entry = {}
    lines = iter(text.splitlines())
    for line in lines:
        line = line.strip()
        if line.startswith("["):
            _close(values, table, entry)
            table, entry = line.partition("#")[0].strip(), {}
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip().strip('"'), value.strip()
        if not equals or name.startswith("#"):
            continue
        while value.startswith("[") and "]" not in value:
            more = next(lines, None)
            if more is None:
                raise ValueError("the list of %s is not closed" % name)
            value += " " + more.partition(" #")[0].strip()
        if table == "[[index]]":
            entry[name] = value
        elif name in _PIP and table in ("", "[pip]"):
            values += [(name, text) for text in _strings(value)]
    _close(values, table, entry)
    return values


def _close(values, table, entry):
    """An ``[[index]]`` table is complete."""
    if table == "[[index]]" and "url" in entry:
        is_default = entry.get("default", "").startswith("true")
        name = "index-url" if is_default else "extra-index-url"
        values += [(name, text) for text in _strings(entry["url"])]


def _strings(value):
    """The quoted strings in a TOML value."""
    found = []
    while value:
        marks = [(value.find(mark), mark) for mark in "\"'" if mark in value]
        if not marks or value[0] == "#":
            break
        start, mark = min(marks)
        end = value.find(mark, start + 1)
        if end < 0:
            break
        found.append(value[start + 1 : end])
        value = value[end + 1 :]
    return found
