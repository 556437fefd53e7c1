"""JSON by its C core alone, where there is one.

Importing ``json`` brings ``re`` and ``enum`` with it, 5 ms of processor time: a fifteenth of a
whole run. What ``json.dumps`` and ``json.loads`` put together is put together here; where an
interpreter has no such core, or another one, ``json`` itself is used.
"""

try:
    from _json import encode_basestring_ascii, make_encoder, make_scanner
except ImportError:
    make_encoder = None

_BLANK = " \t\n\r"


def dumps(value):
    """As ``json.dumps(value)``: ASCII, one line. Raises TypeError and ValueError as that does."""
    if make_encoder is not None:
        try:
            encode = make_encoder(
                {}, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, True
            )
            return "".join(encode(value, 0))
        except Exception:
            pass  # `json` says better what is the matter, or manages
    import json

    return json.dumps(value)


def loads(text):
    """As ``json.loads(text)`` for text. Raises ValueError."""
    if make_encoder is not None:
        try:
            start = len(text) - len(text.lstrip(_BLANK))
            value, end = make_scanner(_Plain())(text, start)
            if not text[end:].strip(_BLANK):
                return value
        except Exception:
            pass
    import json

    return json.loads(text)


class _Plain:
    """What the scanner wants to know of a decoder: nothing special."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float  # NaN, Infinity and -Infinity are what float() reads too

    def __init__(self):
        self.memo = {}


def _refuse(value):
    raise TypeError("%s is not JSON" % type(value).__name__)
