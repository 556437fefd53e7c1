"""The rules that judge what a tool said, on literal outputs."""

import pytest

from benchmarks.launcher import Usage
from benchmarks.verdicts import Expectation, text_of, verdict

FAULT = Expectation(
    right=(r"nvidia-smi.*did not answer",),
    wrong=((r"no nvidia driver", "says that there is no driver"),),
)
CONTROL = Expectation(healthy=True, wrong=((r"too old", "calls it too old"),))


def usage(output, code=0, *, timed_out=False):
    return Usage(0.1, 0.1, 10.0, 0.0, code, 0, output.encode(), timed_out)


def judged(output, code=0, expected=FAULT, *, judges=True, exits=True, baseline="", **more):
    return verdict(
        usage(output, code, **more), expected, judges=judges, exits=exits, baseline=baseline
    )


@pytest.mark.parametrize(
    ("output", "code", "answer"),
    [
        ("GPU301 nvidia-smi did not answer within 4 s", 1, "right"),
        ("\x1b[31mnvidia-smi\x1b[0m   did   not answer", 1, "right"),
        ("all is well", 0, "silent"),
        ("NVIDIA-SMI: Could not collect", 0, "silent"),
        ("No NVIDIA Driver detected", 0, "wrong: says that there is no driver"),
        (
            "nvidia-smi did not answer. No NVIDIA driver detected.",
            1,
            "wrong: says that there is no driver",
        ),
        ("", -11, "crash: signal 11"),
        ("", 139, "crash: signal 11"),
        (
            "Traceback (most recent call last):\n  File x\nValueError: odd\n",
            1,
            "crash: ValueError: odd",
        ),
    ],
)
def test_faults(output, code, answer):
    assert judged(output, code) == answer


def test_a_hang_outranks_what_was_printed_before():
    assert judged("nvidia-smi did not answer", timed_out=True) == "hang"


def test_a_traceback_that_is_reported_with_success_is_no_crash():
    text = "Traceback (most recent call last): shown as evidence\nnvidia-smi did not answer"
    assert judged(text, 0) == "right"


def test_words_of_different_lines_do_not_make_a_diagnosis():
    assert judged("nvidia-smi\ndid not answer") == "silent"


@pytest.mark.parametrize(
    ("output", "code", "options", "answer"),
    [
        ("fine", 0, {}, "right"),
        ("fine", 1, {}, "wrong: false alarm (exit 1)"),
        ("fine", 1, {"exits": False}, "right"),
        ("❌ CRITICAL CONFLICT", 0, {}, "wrong: false alarm: ❌ CRITICAL CONFLICT"),
        ("❌ CRITICAL CONFLICT", 0, {"baseline": "❌ CRITICAL CONFLICT"}, "right"),
        ("❌ CRITICAL CONFLICT", 0, {"judges": False}, "right"),
        ("the driver is too old", 0, {"judges": False}, "wrong: calls it too old"),
        ("0 errors, 0 warnings", 0, {}, "right"),
    ],
)
def test_controls(output, code, options, answer):
    assert judged(output, code, CONTROL, **options) == answer


def test_text_is_free_of_escapes():
    assert text_of(usage("\x1b]0;title\x07a\x1b[1m b\x1b[0m\r\n   c")) == "a b\nc"


def test_every_fault_has_a_name_of_its_own_and_says_what_is_right():
    from benchmarks.faults import FAULTS

    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        assert fault.expected.healthy or fault.expected.right, fault.name
