"""What is written in one ``.dist-info`` or ``.egg-info``, read by hand: a few system calls each.

Nothing here raises for anything a file may hold; what is wrong with it is a word in ``problems``.
"""

import errno
import os

_HEAD = 8192  # bytes; most headers end before
_HEADER_LIMIT = 1 << 20  # bytes of METADATA that are looked at
_VALUE_LIMIT = 300  # characters kept of a name, version …
_REQUIRES_LIMIT = 3000  # requirements kept of one distribution
_REQUIREMENT_LIMIT = 2000  # characters kept of one of them


def read(path, limit):
    """(bytes, size of the file), or (None, why): ``missing`` or an error message."""
    try:
        fd = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        return None, _why(error)
    try:
        if limit > _HEAD:  # a buffer of the whole limit would have to be allocated
            limit = min(limit, os.fstat(fd).st_size + 1)
        data = os.read(fd, limit)
        if len(data) < limit:
            return data, len(data)
        return data, os.fstat(fd).st_size
    except OSError as error:
        return None, _why(error)
    finally:
        os.close(fd)


_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def _why(error):
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "missing"
    return getattr(error, "strerror", None) or str(error)


def clean(text):
    """``text`` without surrogates: bytes that are not UTF-8 become a backslash and hex digits."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text


def header(path):
    """The header of a METADATA file as text that begins with a newline, its problems, its size.

    Problems: ``metadata-missing``, ``metadata-empty``, ``metadata-unreadable: …``,
    ``metadata-truncated`` (it ends inside a line), ``metadata-open`` (it ends with a whole field
    but without a line's end: RECORD's size decides), ``metadata-huge`` (the header has no end),
    ``metadata-bom`` and ``metadata-not-utf-8``, at which ``importlib.metadata`` gives up.
    """
    data, size = read(path, _HEAD)
    if data is not None and size > len(data) and _blank_line(data) < 0:
        data, size = read(path, _HEADER_LIMIT)
    if data is None:
        return "", [_problem("metadata", size)], 0
    return header_in(data, size)


def header_in(data, size):
    """The same of the first bytes of METADATA, of which there are ``size`` in all."""
    end = _blank_line(data)
    problems = []
    if not (data[:end] if end >= 0 else data).strip():
        return "", ["metadata-empty"], size
    if end >= 0:
        data = data[:end]
    elif size > len(data):
        problems.append("metadata-huge")
    elif not data.endswith(b"\n"):
        whole = _whole_field(data[data.rfind(b"\n") + 1 :])
        problems.append("metadata-open" if whole else "metadata-truncated")
    try:
        text = "\n" + data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\n" + data.decode("utf-8", "backslashreplace")
        problems.append("metadata-not-utf-8")
    if text[1:2] == "\ufeff":
        text = "\n" + text[2:]
        problems.append("metadata-bom")
    return text if "\nName:" in text else _usual_case(text), problems, size


def _whole_field(line):
    """Whether ``line`` may be all of a field: files written by hand often end without a newline."""
    key, colon, value = line.partition(b":")
    return bool(colon and value.strip() and key.replace(b"-", b"").isalpha())


def _blank_line(data):
    """Where the header ends, -1 if there is no blank line. The body may have other line ends."""
    end = data.find(b"\n\n")
    other = data.find(b"\r\n\r\n", 0, end if end >= 0 else len(data))
    return other if other >= 0 else end


def _usual_case(text):
    """The header with its keys as the specification writes them: their case is free."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        key, colon, rest = line.partition(":")
        if colon and key.replace("-", "").isalpha():
            lines[index] = key.title() + colon + rest
    return "\n".join(lines)


def _problem(what, why):
    return what + "-missing" if why == "missing" else "%s-unreadable: %s" % (what, why)


def value(text, key):
    """The first value of ``key`` (as ``Name``) in a header, None if it is not there."""
    start = text.find("\n" + key + ":")
    if start < 0:
        return None
    start += len(key) + 2
    end = text.find("\n", start)
    line = (text[start:end] if end >= 0 else text[start:]).strip()
    return line[:_VALUE_LIMIT] or None


def values(text, key):
    """All values of ``key``, continuation lines joined."""
    found = []
    for part in text.split("\n" + key + ":")[1 : _REQUIRES_LIMIT + 1]:
        line, _, rest = part.partition("\n")
        while rest[:1] in (" ", "\t"):
            more, _, rest = rest.partition("\n")
            line += " " + more.strip()
        line = line.strip()
        if line:
            found.append(line[:_REQUIREMENT_LIMIT])
    return found


def split_name(stem):
    """(name, version or None) of ``torch-2.13.0+cpu``; egg-info may end in ``-py3.11``."""
    name, _, version = stem.partition("-")
    return name, version.partition("-")[0] or None


def dist_info(location, directory):
    """A record of the distribution that ``location/directory`` describes (``….dist-info``)."""
    base = os.path.join(location, directory)
    named, versioned = split_name(directory[: -len(".dist-info")])
    text, problems, size = header(base + os.sep + "METADATA")
    record = described(location, base, text, problems, named, versioned)
    record["metadata_size"] = size
    installer = read(base + os.sep + "INSTALLER", 200)[0]
    if installer:
        record["installer"] = clean(_first_line(installer)) or None
    _wheel(record, read(base + os.sep + "WHEEL", 8192)[0])
    url = read(base + os.sep + "direct_url.json", 65536)[0]
    if url is not None:
        _direct_url(record, url)
    return record


def egg_info(location, name):
    """A record of an ``.egg-info`` (directory or file) or of an egg's ``EGG-INFO``."""
    base = os.path.join(location, name)
    stem = os.path.basename(location if name == "EGG-INFO" else name)
    named, versioned = split_name(stem.rpartition(".egg")[0])
    path = base
    if os.path.isdir(base):
        path = os.path.join(base, "PKG-INFO")
    text, problems, size = header(path)
    record = described(location, base, text, problems, named, versioned)
    record["metadata_size"] = size
    record["format"] = "egg-info"
    if path != base:
        # setuptools' own format; its extras are sections, which no other installer reads either
        data = read(os.path.join(base, "requires.txt"), 1 << 18)[0]
        if data and not record["requires"]:
            record["requires"] = requires_txt(data.decode("utf-8", "backslashreplace"))
    return record


def described(location, base, text, problems, named, versioned):
    """What a header says, with the directory's name where it says nothing."""
    name, version = value(text, "Name"), value(text, "Version")
    open_end = "metadata-open" in problems
    if open_end:
        problems.remove("metadata-open")
    if open_end and (name is None or version is None):
        problems.append("metadata-truncated")
    elif text:
        if name is None:
            problems.append("metadata-no-name")
        if version is None:
            problems.append("metadata-no-version")
    if problems and named:  # a name that was cut off is worse than none
        name, version = named, versioned or version
    return {
        "name": clean(name or named),
        "version": clean(version or versioned or "") or None,
        "path": clean(base),
        "location": clean(location),
        "format": "dist-info",
        "metadata_open": open_end,
        "installer": None,
        "requires": values(text, "Requires-Dist"),
        "requires_python": value(text, "Requires-Python"),
        "problems": problems,
        "named": clean(named),
        "versioned": clean(versioned or "") or None,
    }


def _wheel(record, data):
    if not data:
        return
    text = "\n" + data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    record["tags"] = values(text, "Tag")[:200]
    pure = value(text, "Root-Is-Purelib")
    record["pure"] = None if pure is None else pure.lower() == "true"


def _first_line(data):
    return data.decode("utf-8", "backslashreplace").strip().partition("\n")[0].strip()[:50]


def _direct_url(record, data):
    """PEP 610: as pip writes it in a requirement, without credentials."""
    from .jsontext import loads
    from .protocol import without_credentials

    try:
        document = loads(data.decode("utf-8"))
        url = document["url"]
        vcs = document.get("vcs_info") or {}
        folder = document.get("dir_info") or {}
        text = without_credentials(url)
        if vcs:
            text = "%s+%s@%s" % (vcs["vcs"], text, vcs["commit_id"])
        if document.get("subdirectory"):
            text += "#subdirectory=" + document["subdirectory"]
        record["editable"] = bool(folder.get("editable"))
        record["direct_url"] = clean(text)[:_REQUIREMENT_LIMIT]
        if record["editable"] and url.startswith("file://"):
            source_missing(record, _local(url))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        record["problems"].append("direct-url-malformed")


def _local(url):
    path = url[len("file://") :]
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    return path[1:] if os.name == "nt" else path


def source_missing(record, path):
    """Note that an editable install leads to ``path``, if that is not there."""
    if os.path.isabs(path) and "\0" not in path and not os.path.exists(path):
        record["problems"].append("source-missing: %s" % clean(path))


def requires_txt(text):
    """Requirements of setuptools' own format, those of its extras left out."""
    found = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            break
        if line and not line.startswith("#"):
            found.append(line[:_REQUIREMENT_LIMIT])
    return found[:_REQUIRES_LIMIT]
