"""Trains tiny models: what ``envcheck smoke`` does, as a script that says one line for each trial.

Exit status 0 if all that could be tried passes, 1 if something fails, 77 if nothing could be tried.
"""

from __future__ import annotations

import sys


def main() -> int:
    from envcheck.smoke import PARTS, run

    results = []

    def report(record):  # type: ignore[no-untyped-def]
        if record.get("status") == "running":
            return
        results.append(record["status"])
        words = [record.get(key) for key in ("part", "device", "dtype", "status", "reason")]
        seconds = record.get("seconds")
        words.append("%.2f s" % seconds if isinstance(seconds, float) else "")
        print(" ".join(str(word) for word in words if word), flush=True)

    run(report, parts=PARTS)
    if "fail" in results:
        return 1
    return 0 if "pass" in results else 77


if __name__ == "__main__":
    sys.exit(main())
