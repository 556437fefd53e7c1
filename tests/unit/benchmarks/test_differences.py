"""What a program was seen to do, in one line that is the same in every run."""

from benchmarks.parity.differences import observation
from benchmarks.parity.worker import HUNG, Outcome, swapped

TRACEBACK = """\
/tmp/some folder/program.0.py:12: UserWarning: mind the gap
  warnings.warn("mind the gap")
OBSERVED 3 steps
Traceback (most recent call last):
  File "/tmp/some folder/program.0.py", line 14, in <module>
RuntimeError: [/src/gloo/pair.cc:53] Closed by [127.0.0.1]:4242: process 77, /home/u/a.bin
"""


def test_what_was_said_warned_of_and_raised_without_what_is_of_this_run_only():
    assert observation(Outcome((1,), (TRACEBACK,))) == (
        "3 steps; warns: mind the gap; raises RuntimeError: Closed by [address]: process N, …/a.bin"
    )


def test_ranks_that_saw_the_same_are_said_once():
    assert observation(Outcome((0, 0), ("OBSERVED x\n", "OBSERVED x\n"))) == "every rank: x"
    assert observation(Outcome((0, 0), ("OBSERVED x\n", "OBSERVED y\n"))) == (
        "rank 0: x · rank 1: y"
    )


def test_a_process_that_hung_or_was_ended_by_a_signal_is_described_by_that():
    assert observation(Outcome((-9,), ("",))) == "hangs until it is killed"
    assert observation(Outcome((-6,), ("what(): gloo\n",))) == "exits with status -6"
    assert not Outcome((HUNG,), ("",)).ok


def test_nothing_in_a_cell_can_become_html_or_fill_the_page():
    cell = observation(Outcome((0,), ("OBSERVED <b>" + "x" * 1000 + "\n",)))
    assert "<" not in cell
    assert len(cell) <= 420


def test_import_lines_are_swapped_and_nothing_else():
    text = "from accelerate import Accelerator\nfrom accelerate.utils import x\n# from accelerate"
    assert swapped(text + "\naccelerate", "ours") == (
        "from envcheck.accelerator import Accelerator\nfrom envcheck.accelerator.utils import x\n"
        "# from accelerate\naccelerate"
    )
    assert swapped(text, "accelerate") == text
