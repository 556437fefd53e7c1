"""CUDA_VISIBLE_DEVICES as torch parses it (``torch.cuda._parse_visible_devices``, 2.13).

A test compares this with the real function; what reads odd here is odd there.
"""


def parse(value):
    """Returns (kind, selection, rest).

    kind: ``ordinals``, ``gpu`` (UUIDs), ``mig`` (UUIDs) or ``error`` (torch raises ValueError);
    selection: the entries that count, ints or strings; rest: the entry at which reading stopped or
    that emptied the list, None if every entry counts.
    """
    for kind, prefix in (("gpu", "GPU-"), ("mig", "MIG-")):
        if value.startswith(prefix):
            return (kind,) + _with_prefix(value, prefix)
    chosen = []
    for entry in value.split(","):
        try:
            number = _leading_number(entry.strip())
        except ValueError:
            return "error", [], entry
        if number in chosen:
            return "ordinals", [], entry
        if number < 0:
            return "ordinals", chosen, entry
        chosen.append(number)
    return "ordinals", chosen, None


def _with_prefix(value, prefix):
    chosen = []
    for entry in value.split(","):
        if entry in chosen:
            return [], entry
        if not entry.startswith(prefix):
            return chosen, entry
        chosen.append(entry)
    return chosen, None


def _leading_number(text):
    """As strtoul; -1 for what begins with no number. Raises ValueError for a bare sign."""
    end = 0
    for position, letter in enumerate(text):
        if not (letter.isdigit() or (position == 0 and letter in "+-")):
            break
        end = position + 1
    return int(text[:end]) if end else -1
