"""Reads the YAML that ``accelerate config`` writes: mappings, lists of scalars, scalars.

The standard library has no YAML. What this reader is not sure of it refuses (``UnsureError``): a
wrong value would be worse than none. ``MalformedError``: no YAML reader finds a mapping there.
Scalars resolve as PyYAML resolves them (YAML 1.1): an unquoted ``no`` is false.
"""


class UnsureError(ValueError):
    """It may be YAML, but more of it than is understood here."""


class MalformedError(ValueError):
    """It is no YAML; the message names the line."""


_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = ("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_INDICATORS = "{}[]&*!|>%@`,?"
_DEPTH = 8


def parse(text):
    """The mapping in ``text``; None if there is nothing but comments.

    Raises UnsureError or MalformedError.
    """
    lines = []
    for number, line in enumerate(text.lstrip("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        _check_characters(line, number)
        bare = line.lstrip(" ")
        if not bare or bare[0] == "#":
            continue
        if "\t" in bare:
            _refuse_tab(text, bare, number)
        if line.rstrip() == "---" and not lines:
            continue
        if line[:3] in ("---", "...") or line[0] == "%":
            raise UnsureError("line %d: more than one document, or a directive" % number)
        lines.append((len(line) - len(bare), bare.rstrip(), number))
    if not lines:
        return None
    if lines[0][0] != 0:
        raise UnsureError("line %d: the document is indented" % lines[0][2])
    value, end = _mapping(lines, 0, 0, 0)
    if end < len(lines):
        raise UnsureError("line %d: indentation that was not expected" % lines[end][2])
    return value


def _check_characters(line, number):
    for char in line:
        if (char < " " and char != "\t") or char == "\x7f" or "\x80" <= char <= "\x9f":
            raise UnsureError("line %d has control characters" % number)
        if char in "\u2028\u2029\ufeff" or "\ud800" <= char <= "\udfff":
            raise UnsureError("line %d has characters that YAML treats specially" % number)


def _refuse_tab(text, bare, number):
    """A tab as indentation is an error, unless the line may be inside a value of several lines."""
    if bare[0] == "\t" and ": " in bare and not any(mark in text for mark in "'\"|>"):
        raise MalformedError("line %d is indented with a tab, which YAML does not allow" % number)
    raise UnsureError("line %d has a tab" % number)


def _mapping(lines, index, indent, depth):
    """The block mapping whose keys stand at ``indent``: (dict, index of the line after it)."""
    if depth > _DEPTH:
        raise UnsureError("it is nested too deeply")
    values = {}
    while index < len(lines) and lines[index][0] == indent:
        _, text, number = lines[index]
        if text == "-" or text.startswith("- "):
            break
        try:
            key, rest = _split(text, number)
        except MalformedError as error:
            if indent == 0:
                raise
            raise UnsureError(str(error)) from None  # it may be a value on a line of its own
        index += 1
        if rest:
            rest, index = _continued(rest, lines, index, indent)
            values[key] = scalar(rest, number)
        elif index < len(lines) and _is_item(lines[index], indent):
            values[key], index = _sequence(lines, index, lines[index][0])
        elif index < len(lines) and lines[index][0] > indent:
            values[key], index = _mapping(lines, index, lines[index][0], depth + 1)
            if index < len(lines) and lines[index][0] > indent:
                raise UnsureError("line %d: indentation that was not expected" % lines[index][2])
        else:
            values[key] = None
    if not values:
        raise UnsureError("line %d: a list where a mapping was expected" % lines[index][2])
    return values, index


def _is_item(line, indent):
    return line[0] >= indent and (line[1] == "-" or line[1].startswith("- "))


def _sequence(lines, index, indent):
    values = []
    while index < len(lines) and lines[index][0] == indent and _is_item(lines[index], indent):
        _, text, number = lines[index]
        index += 1
        rest, index = _continued(_uncommented(text[1:].strip()), lines, index, indent)
        if rest[:1] not in ("'", '"') and (
            ": " in rest or rest.endswith(":") or rest[:2] in ("- ", "-")
        ):
            raise UnsureError("line %d: a list of something else than scalars" % number)
        values.append(scalar(rest, number) if rest else None)
    return values, index


def _continued(rest, lines, index, indent):
    """``rest`` and the lines that belong to it: longer scalars are folded when they are written."""
    while rest and index < len(lines) and lines[index][0] > indent:
        if rest[0] in _INDICATORS or "#" in lines[index - 1][1] + lines[index][1]:
            raise UnsureError("line %d: a value of several lines" % lines[index][2])
        if lines[index][2] != lines[index - 1][2] + 1:
            raise UnsureError("line %d: a value of several lines with a gap" % lines[index][2])
        rest += " " + lines[index][1]
        index += 1
    return rest, index


def _split(text, number):
    """(key, what stands after its colon without a comment)."""
    if text[0] in "'\"":
        end = text.find(text[0], 1)
        if end < 0 or text[end + 1 : end + 2] != ":" or text[end + 2 : end + 3] not in ("", " "):
            raise UnsureError("line %d: a quoted key" % number)
        return _text_of(scalar(text[: end + 1], number), number), _uncommented(
            text[end + 2 :].strip()
        )
    if text[0] in _INDICATORS or text.startswith(": ") or text == ":":
        raise UnsureError("line %d begins with `%s`" % (number, text[0]))
    key, colon, rest = text.partition(": ")
    if " #" in key:
        key, colon = key.partition(" #")[0].rstrip(), ""
        colon = ":" if key.endswith(":") else ""
        key, rest = key[: len(key) - len(colon)], ""
    elif not colon and text.endswith(":"):
        key, colon = text[:-1], ":"
    if not colon:
        raise MalformedError("line %d is not `key: value`" % number)
    return _text_of(scalar(key.rstrip(), number), number), _uncommented(rest.strip())


def _text_of(key, number):
    if not isinstance(key, str) or key.endswith(":"):
        raise UnsureError("line %d: a key that is no word" % number)
    return key


def _uncommented(rest):
    if rest.startswith("#"):
        return ""
    if rest[:1] in ("'", '"'):
        closing = rest.rfind(rest[0])
        after = rest[closing + 1 :]
        return rest[: closing + 1] if closing > 0 and after.lstrip()[:1] == "#" else rest
    return rest.partition(" #")[0].rstrip()


def scalar(text, number):
    """The value of one scalar as PyYAML resolves it."""
    if text in ("{}", "[]"):
        return {} if text == "{}" else []
    if text == "<<":
        raise UnsureError("line %d: a merge key" % number)
    if text[:1] == "'":
        return _single_quoted(text, number)
    if text[:1] == '"':
        return _double_quoted(text, number)
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] in _INDICATORS or text[:2] in ("- ", ": ", "-") or text in ("=", ":"):
        raise UnsureError("line %d: a value that begins with `%s`" % (number, text[0]))
    if " #" in text or text.endswith(":"):
        raise UnsureError("line %d: a comment or a colon inside a value" % number)
    if ": " in text:
        raise MalformedError("line %d has a second `key: value` in it" % number)
    return _plain(text, number)


def _plain(text, number):
    bare = text[1:] if text[0] in "+-" else text
    if not bare[:1].isdigit() and not bare.startswith("."):
        return text
    digits = bare.replace("_", "")
    if not bare.isascii():
        raise UnsureError("line %d: digits that are not ASCII" % number)
    if digits.isdigit():
        if len(digits) > 1 and digits[0] == "0":
            raise UnsureError("line %d: a number that may be octal" % number)
        return int(text[: len(text) - len(bare)] + digits)
    whole, dot, fraction = digits.partition(".")
    if dot and whole.isdigit() and (not fraction or fraction.isdigit()):
        return float(text.replace("_", ""))
    dotted = digits.split(".")
    if len(dotted) > 2 and all(part.isdigit() for part in dotted):
        return text  # a version or an address
    raise UnsureError("line %d: a number or date of a form that is not read here" % number)


def _single_quoted(text, number):
    inner = text[1:-1]
    if len(text) < 2 or text[-1] != "'" or "'" in inner.replace("''", ""):
        raise UnsureError("line %d: a quoted value that does not end where it should" % number)
    return inner.replace("''", "'")


def _double_quoted(text, number):
    inner = text[1:-1]
    if len(text) < 2 or text[-1] != '"' or '"' in inner or "\\" in inner:
        raise UnsureError("line %d: a quoted value with escapes" % number)
    return inner
