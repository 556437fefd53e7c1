"""nvidia-smi: the last source, because it is slow, may hang and prints for people.

Read line by line: a line that is not understood is evidence, never a value.
"""

from .protocol import command

QUERY = ("index", "name", "uuid", "driver_version", "memory.total", "compute_cap")
SHORT = ("index", "name", "uuid", "driver_version", "memory.total")  # before R450: no compute_cap
_SAMPLE = 240  # characters kept as evidence


def ask(program, deadline):
    """Run it once, or twice if it does not know a field. Returns (dict of facts, Outcome)."""
    outcome = _query(program, QUERY, deadline)
    if outcome.status == "exit" and outcome.returncode == 2:
        outcome = _query(program, SHORT, deadline)
    facts = parse(outcome.text())
    if outcome.status == "exit":
        facts["code"] = outcome.returncode
        facts["message"] = sample(outcome.text() or outcome.text_err())
    elif outcome.ok:
        facts["code"] = 0
    return facts, outcome


def _query(program, fields, deadline):
    argv = [program, "--query-gpu=" + ",".join(fields), "--format=csv,noheader,nounits"]
    return command(argv, deadline).wait()


def parse(text):
    """``driver``, ``devices`` as far as lines could be understood, ``sample`` of what could not."""
    facts = {"driver": None, "devices": [], "sample": None}
    odd = []
    for line in text.split("\n")[:512]:
        line = line.strip()
        if not line:
            continue
        device = _device(line)
        if device is not None:
            driver = device.pop("driver")
            if device["uuid"] not in [other["uuid"] for other in facts["devices"]]:
                facts["devices"].append(device)
        else:
            driver = _driver(line)
        if driver:
            facts["driver"] = facts["driver"] or driver
        elif device is None:
            odd.append(line)
    if odd:
        facts["sample"] = sample("\n".join(odd))
    return facts


def _device(line):
    """A line of the query, counted from both ends: a name may have commas."""
    cells = [cell.strip() for cell in line.split(",")]
    for after in (4, 3):  # columns after the name
        if len(cells) < after + 2 or not _digits(cells[0], 4):
            continue
        uuid, driver, memory = cells[-after : len(cells) - after + 3]
        if uuid.startswith(("GPU-", "MIG-")) and is_driver(driver):
            capability = cells[-1] if after == 4 and _is_capability(cells[-1]) else None
            return {
                "index": int(cells[0]),
                "name": ", ".join(cells[1:-after])[:200],
                "uuid": uuid[:80],
                "compute_capability": capability,
                "memory": int(memory) << 20 if _digits(memory, 11) else None,
                "driver": driver,
            }
    return None


def _driver(line):
    """The driver's version from a line that is only that, or from the table's head."""
    if is_driver(line):
        return line
    word = line.partition("Driver Version:")[2].split()
    return word[0] if word and is_driver(word[0]) else None


def is_driver(word):
    """Whether ``word`` is a driver's version: 470.82, 535.183.01 …"""
    parts = word.split(".")
    return len(parts) in (2, 3) and len(parts[0]) == 3 and all(_digits(part, 4) for part in parts)


def _is_capability(word):
    parts = word.split(".")
    return len(parts) == 2 and all(_digits(part, 3) for part in parts)


def _digits(word, most):
    return len(word) <= most and word.isdigit() and word.isascii()


def sample(text):
    """Bounded and printable, whatever it was."""
    head = text.strip()[:_SAMPLE].encode("unicode_escape").decode("ascii")
    return head[: 2 * _SAMPLE] + ("…" if len(text.strip()) > _SAMPLE else "")
