"""Talks to the terminal, and to people."""

import sys

from bait import PHASE, tried

words = "\x1b[2J\x1b[31;1m\x1b]0;owned\x07\x1b]8;;http://example.invalid\x07click\x1b]8;;\x07\x1bP+q\x1b\\\x9b5n\r\n\x08\x08\u202etxt.exe\u2066\u200b\x00::error::owned\n##[error]owned\n"
for stream in (sys.stdout, sys.stderr):
    stream.buffer.write(words.encode("utf-8") + b"\xff\xfe\xc3\n")
    stream.flush()
tried()
if PHASE == "import":
    raise ImportError(words)
