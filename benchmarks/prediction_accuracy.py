"""Predictions held against what pip, uv and containers said (``prediction_truth``, ``…_observed``).

    python -m benchmarks.prediction_accuracy [--record FILE | --replay FILE]

Writes ``reports/prediction-accuracy.md`` and ``.json``. A disagreement is explained in
``tests/data/predictions/disagreements.toml``, with who is right and the evidence; one that is not
makes the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from typing import TYPE_CHECKING

from benchmarks import prediction_comparison, prediction_report

if TYPE_CHECKING:
    from envcheck.index.recording import Recording
    from envcheck.index.session import IndexSession

REPORTS = "reports"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("--replay", metavar="FILE")
    parser.add_argument("--cache", metavar="FOLDER", help="where to keep what comes; else nowhere")
    parser.add_argument(
        "--core", action="store_true", help="what the recording of the tests is for"
    )
    options = parser.parse_args()
    from envcheck.index import recording

    replayed = recording.read(options.replay) if options.replay else None
    with (
        tempfile.TemporaryDirectory() as empty,
        _session(options.cache or empty, replayed) as session,
    ):
        found = prediction_comparison.compare(session, core=options.core)
        if options.record:
            recording.write(_smaller(session.recording), options.record)
    prediction_report.write(found, os.path.join(REPORTS, "prediction-accuracy"))
    unexplained = [one for one in found.disagreements if not one.right]
    for one in unexplained:
        print(one.line)
    print(found.summary)
    return 1 if unexplained else 0


def _smaller(recorded: Recording) -> Recording:
    """Of times the days only: they are half of a recording."""
    from msgspec.structs import replace

    listings = {
        name: replace(one, files=[replace(f, uploaded=f.uploaded[:10]) for f in one.files])
        for name, one in recorded.listings.items()
    }
    return replace(recorded, listings=listings)


def _session(cache: str, replayed: Recording | None) -> IndexSession:
    from envcheck.index.session import IndexSession
    from envcheck.model.matrix import Index

    os.environ["PIP_CONFIG_FILE"] = os.devnull  # what others are not asked with
    for name in [name for name in os.environ if name in ("PIP_FIND_LINKS", "UV_FIND_LINKS")]:
        del os.environ[name]
    return IndexSession(cache, Index(), replayed=replayed)


if __name__ == "__main__":
    sys.exit(main())
