"""Predictions from a recorded index, held against what pip and uv were recorded to say of it.

Where what is asked changes, or the rules of what will not import do, the index is recorded again:
``python -m benchmarks.prediction_accuracy --core --record tests/data/predictions/index.xz``.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from envcheck.index import recording
from envcheck.index.session import IndexSession
from envcheck.model.matrix import Index

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:  # `benchmarks` is not installed
    sys.path.append(ROOT)

from benchmarks import prediction_comparison  # noqa: E402
from benchmarks.prediction_question import Question  # noqa: E402

RECORDING = os.path.join(prediction_comparison.DATA, "index.xz")


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    with IndexSession("", Index(), replayed=recording.read(RECORDING)) as session:
        return prediction_comparison.compare(session, core=True).questions


def wrong(questions: list[Question], kind: str) -> list[str]:
    return [one.line for one in questions if one.kind == kind and not one.agrees and not one.right]


def test_enough_is_asked(questions: list[Question]) -> None:
    asked = Counter(one.kind for one in questions)
    assert asked["tags"] >= 28
    assert asked["file"] >= 3000
    assert asked["closure"] >= 340
    assert asked["row"] >= 500


def test_every_target_takes_the_tags_that_pip_has_in_its_order(questions: list[Question]) -> None:
    assert wrong(questions, "tags") == []


def test_the_file_is_the_one_that_pip_takes(questions: list[Question]) -> None:
    assert wrong(questions, "file") == []


def test_closures_are_those_of_uv_unless_it_is_explained(questions: list[Question]) -> None:
    assert wrong(questions, "closure") == []


def test_classes_releases_and_causes_are_right(questions: list[Question]) -> None:
    assert wrong(questions, "row") == []


def test_what_differs_is_rare(questions: list[Question]) -> None:
    assert sum(not one.agrees for one in questions) <= len(questions) // 200
