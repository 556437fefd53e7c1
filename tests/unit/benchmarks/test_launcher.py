"""The launcher measures a command, its descendants and their memory."""

import os
import shutil
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, adopts orphans"),
    pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"),
]

SPIN = "import time\nwhile time.process_time() < {}: pass\n"
ENV = dict(os.environ)


def python(code, **options):
    from benchmarks.launcher import measure

    return measure([sys.executable, "-I", "-S", "-c", code], env=ENV, **options)


def test_a_busy_loop_costs_at_least_what_it_burnt():
    assert python(SPIN.format(0.2)).cpu >= 0.2


def test_grandchildren_are_counted():
    child = SPIN.format(0.2)
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', {child!r}])"
    assert python(code).cpu >= 0.2


def test_descendants_that_nobody_waited_for_are_adopted_and_counted():
    spin = _indent(SPIN.format(0.2), 8)
    code = f"import os\nif os.fork() == 0:\n    if os.fork() == 0:\n{spin}    os._exit(0)\n"
    usage = python(code)
    assert usage.cpu >= 0.2
    assert usage.left == 0


def _indent(text, columns):
    return "".join(" " * columns + line + "\n" for line in text.splitlines())


def test_peak_memory_is_the_childs_not_the_parents():
    ballast = bytearray(100 << 20)  # in this process: must not show in the child
    small, large = python("pass"), python("x = bytearray(50 << 20)")
    assert len(ballast) > 0
    assert small.peak < 40
    assert 49 < large.peak - small.peak < 60


def test_memory_of_processes_together_is_more_than_of_the_largest():
    child = "x = bytearray(50 << 20); import time; time.sleep(0.3)"
    start = f"subprocess.Popen([sys.executable, '-I', '-S', '-c', {child!r}])"
    code = f"import subprocess, sys\na, b = {start}, {start}\na.wait(), b.wait()"
    usage = python(code, memory=True)
    assert usage.together > 1.6 * 50
    assert usage.peak < 1.6 * 50


def test_status_and_output_are_the_commands():
    usage = python("import sys; print('words'); sys.exit(7)")
    assert (usage.code, usage.output, usage.timed_out) == (7, b"words\n", False)
    assert python("import os; os.kill(os.getpid(), 9)").code == -9


def test_a_terminal_is_one():
    code = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns)"
    assert python(code, terminal=True).output.split() == [b"True", b"100"]
    assert python("import sys; print(sys.stdout.isatty())").output.split() == [b"False"]


def test_what_does_not_end_is_killed_with_its_children():
    fork = "os.setsid() if os.fork() == 0 else None"
    code = f"import os, time\nprint(os.getpid(), flush=True)\n{fork}\ntime.sleep(60)"
    usage = python(code, timeout=1.0)
    assert usage.timed_out
    pid = int(usage.output)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_is_not_there_exits_127():
    from benchmarks.launcher import measure

    usage = measure(["/nowhere/program"], env=ENV)
    assert usage.code == 127
    assert b"/nowhere/program" in usage.output
