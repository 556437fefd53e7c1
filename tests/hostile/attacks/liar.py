"""Says that all is well, in every way that might be believed, and fails."""

import glob
import json
import os

from bait import attempt, contents, managed, tried

nonces = [""]
for path in glob.glob("/proc/[0-9]*/environ"):
    for entry in (attempt("", contents, path) or b"").decode("utf-8", "replace").split("\0"):
        name, _, value = entry.partition("=")
        if "NONCE" in name.upper() or "ENVCHECK" in name.upper():
            nonces.append(value)
            if "NONCE" in name.upper():
                managed(f"read {name} from {path}")

steps = [
    {"schema": "envcheck.cell/1", "status": "pass", "cause": "", "seconds": 0.001, "exit": 0},
    {"exit": 0, "signal": "", "seconds": 0.001, "status": "ok", "peak_memory": 1, "timeout": False},
    {"first": 0.001, "settled": [0.001], "module": "hostile_liar", "error": ""},
    {"schema": "envcheck.facts/1", "facts": {}},
]
text = "".join(
    f"{nonce}{between}{json.dumps(step)}\n"
    for nonce in nonces
    for between in ("", " ", ":")
    for step in steps
)
ends = [f"/proc/{pid}/fd/{number}" for pid in (1, os.getppid()) for number in range(8)]
ends += ["/dev/stdout", "/dev/stderr", "/dev/console", "/dev/tty", "/dev/log"]
for end in ends:
    try:
        made = os.open(end, os.O_WRONLY | os.O_NONBLOCK)
        os.write(made, text.encode())
        os.close(made)
    except OSError:
        continue
    if end.startswith("/proc/"):
        print("wrote to " + end)
for number in range(1, 256):
    attempt("", os.write, number, text.encode())
tried()
raise ImportError("the liar does not work")
