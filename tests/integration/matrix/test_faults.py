"""Faults of a whole run on real engines: it loses nothing, leaves nothing, and says what it was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import matrix_kills
import pytest
from index_faults import altered, drop, garbage, instead, slow, status, truncate
from index_server import IndexServer
from wheels import wheel

from envcheck import store

SEEDS = (1, 2)


@pytest.mark.docker
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments_containers_go_on(workplace, seed):
    text = matrix_kills.MATRIX.format(pythons=["3.9", "3.11"], systems=["slim", "alpine"])
    killed(workplace, text, "docker", seed, longest=4.0)


@pytest.mark.interpreters
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments_interpreters_go_on(workplace, seed):
    text = matrix_kills.MATRIX.format(pythons=["3.9", "3.10", "3.11"], systems=["slim"])
    killed(workplace, text, "interpreters", seed, longest=3.0)


def resume(workplace, index, *words):
    """The exit status of ``--resume``, and what it says."""
    process = matrix_kills.start(workplace, index, "--resume", *words)
    said = process.communicate(timeout=200)[1].decode()
    return process.returncode, said


def killed(workplace, text, backend, seed, longest):
    chance = random.Random(seed)
    moments = [chance.uniform(0.2, longest), 1, chance.uniform(0.2, longest)]
    with IndexServer(*matrix_kills.FILES) as index:
        outcome = matrix_kills.kill_and_resume(workplace, index, text, backend, moments)
    assert not outcome.problems, outcome


INDEX_MATRIX = """
schema = "envcheck.matrix/1"
[test]
requirements = ["steady"]
smoke = "none"
[axes]
python = ["3.11"]
os = ["slim"]
[steps]
imports = 1
facts = false
[limits]
memory = "256M"
disk = "50M"
"""
FILE, PAGE = "/files/{}-1.0-*.whl", "/simple/{}/"
#: package -> (what the index does wrong with its file or page, how often; causes; tries)
WRONG = {
    "well": (None, "", 0, {""}, {1}),
    "drops-once": (drop(after=100), FILE, 1, {""}, {1}),
    "drops": (drop(after=100), FILE, 0, {"download"}, {3}),
    "drops-nine": (drop(after=100), FILE, 9, {""}, {2}),
    "busy-twice": (status(503, retry_after="0"), FILE, 2, {""}, {1}),
    "broken": (status(500), FILE, 0, {"download"}, {3}),
    "forbidden": (status(403), FILE, 0, {"download"}, {1, 3}),
    "gone": (status(404), FILE, 0, {"download"}, {3}),
    "altered": (altered(), FILE, 0, {"hash"}, {1, 3}),
    "cut": (truncate(200), FILE, 0, {"hash", "download"}, {1, 3}),
    "portal": (instead(b"<html>log in first</html>"), FILE, 0, {"hash", "download"}, {1, 3}),
    "slow": (slow(2000), FILE, 0, {""}, {1}),
    "page-breaks": (drop(after=40), PAGE, 0, {"download"}, {3}),
    "page-portal": (instead(b"<html>log in first</html>"), PAGE, 0, {"not-found"}, {1}),
    "page-garbage": (garbage(), PAGE, 0, {"not-found"}, {1}),
    "page-busy": (status(503), PAGE, 1, {""}, {1}),
}


@pytest.mark.interpreters
def test_whatever_the_index_does_each_cell_says_it_and_others_go_on(workplace):
    text = INDEX_MATRIX + "".join(
        f'[variants.fault."{name}"]\nrequirements = ["{name}"]\n' for name in WRONG
    )
    with IndexServer(wheel("steady"), *(wheel(name) for name in WRONG)) as index:
        for name, (change, place, times, _causes, _attempts) in WRONG.items():
            if change:
                stem = name if place == PAGE else name.replace("-", "_")
                index.fault(place.format(stem), change, times=times)
        ran = workplace.run(text, index=index, backend="interpreters", timeout=200)
    told = {result.cell.axes["fault"]: result for result in ran.run.results}
    wrong = []
    for name, (_change, _place, _times, causes, attempts) in WRONG.items():
        result = told[name]
        if result.cause not in causes or result.attempts not in attempts:
            wrong.append((name, result.status, result.cause, result.attempts, result.sentence))
        elif bool(result.cause) == (result.status == "pass") or bool(result.cause) != bool(
            result.sentence
        ):
            wrong.append((name, result.status, result.cause, result.sentence))
    assert not wrong, "\n".join(map(str, wrong))
    assert not matrix_kills.left_behind(workplace, "interpreters")


@pytest.mark.interpreters
def test_killed_when_all_was_done_but_to_say_so(workplace):
    with IndexServer(*matrix_kills.FILES) as index:
        text = matrix_kills.MATRIX.format(pythons=["3.11"], systems=["slim"])
        ran = workplace.run(text, index=index, backend="interpreters")
        journal = ran.folder / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        assert b"ended" in lines[-1]
        journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:5])
        assert resume(workplace, index)[0] == 0
        assert matrix_kills.wrong_in_journal(workplace.store) == []
        assert resume(workplace, index)[0] == 2  # there is nothing left


@pytest.mark.interpreters
def test_two_at_once_on_one_store_and_cache_do_not_meet(workplace):
    """Two runs of one matrix get two numbers, share what they download, and neither removes what
    the other is using; one that is under way cannot be resumed by another."""
    text = matrix_kills.MATRIX.format(pythons=["3.10", "3.11"], systems=["slim"])
    with IndexServer(*matrix_kills.FILES) as index:
        file = workplace.folder / "kills.toml"
        file.write_text(text)
        words = [str(file), "--backend", "interpreters"]
        pair = [matrix_kills.start(workplace, index, *words) for _ in "ab"]
        while not list(workplace.store.glob("*/journal.jsonl")):
            assert pair[0].poll() is None
        code, said = resume(workplace, index)
        ended = [process.communicate(timeout=200)[1] for process in pair]
        assert [process.returncode for process in pair] == [0, 0], ended
    assert code == 2
    assert "is under way in another process" in said
    assert sorted(path.name for path in workplace.store.iterdir()) == ["kills-1", "kills-2"]
    for run in ("kills-1", "kills-2"):
        stored = store.read(str(workplace.store), run)
        assert not stored.missing
        assert stored.ended
        assert {result.status for result in stored.results} == {"pass"}
    assert not matrix_kills.left_behind(workplace, "interpreters")


@pytest.fixture
def small_store(workplace):
    """The workplace's store is a file system of its own of 40 KiB; ``grow()`` makes it larger."""
    workplace.store.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(workplace.store)], check=True
    )

    def grow():
        words = ["mount", "-o", "remount,size=16m", str(workplace.store)]
        subprocess.run(words, check=True)

    yield grow
    subprocess.run(["umount", "--lazy", str(workplace.store)], check=True)


@pytest.mark.root
@pytest.mark.interpreters
def test_a_full_disk_under_the_store_ends_the_run_and_loses_nothing(workplace, small_store):
    text = matrix_kills.MATRIX.format(pythons=["3.9", "3.10", "3.11"], systems=["slim"])
    with IndexServer(*matrix_kills.FILES) as index:
        ran = workplace.run(text, "--jobs", "1", index=index, backend="interpreters")
        assert ran.code == 3, ran.err
        assert "No space left on device" in ran.err
        assert "Traceback" not in ran.err
        before = matrix_kills.results(workplace.store)
        assert not matrix_kills.left_behind(workplace, "interpreters")
        small_store()
        code, said = resume(workplace, index)
    assert code == 1, said  # 3.9 is excluded by Requires-Python
    after = matrix_kills.results(workplace.store)
    assert len(after) == 3
    assert {name: after[name] for name in before} == before
    assert not matrix_kills.wrong_in_journal(workplace.store)


def damage(file):
    """One bit in the middle."""
    data = bytearray(file.read_bytes())
    if data:
        data[len(data) // 2] ^= 1
        file.chmod(0o600)
        file.write_bytes(data)


CHECKED = wheel(
    "checked",
    files={
        "checked/data.bin": bytes(5000),
        "checked/__init__.py": "import os\n"
        "data = open(os.path.join(os.path.dirname(__file__), 'data.bin'), 'rb').read()\n"
        "assert data == bytes(5000), 'damaged'\n",
    },
)


@pytest.mark.interpreters
@pytest.mark.parametrize("part", ["wheels", "pages", "metadata", "uv", "uv/archive-v0"])
def test_a_damaged_cache_changes_no_result(workplace, part):
    """One bit in every file of it, or half of each; what installs is what the index has."""
    matrix = INDEX_MATRIX.replace("steady", "checked")
    with IndexServer(CHECKED) as index:
        assert workplace.run(matrix, index=index, backend="interpreters").code == 0
        for change in (damage, lambda file: os.truncate(file, file.stat().st_size // 2)):
            files = [path for path in (workplace.cache / part).rglob("*") if path.is_file()]
            assert files
            for file in files:
                change(file)
            ran = workplace.run(matrix, index=index, backend="interpreters")
            assert ran.code == 0, (ran.err, ran.log("3.11-slim"))
            assert [result.status for result in ran.run.results] == ["pass"]


JUMPING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static const long DAY = 86400, JUMPS[] = {0, 3, -2, 3650, -40, 0, -3650};  /* days */
static int (*real)(clockid_t, struct timespec *);
int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        struct timespec steady;
        real(CLOCK_MONOTONIC, &steady);
        long tick = steady.tv_sec * 2 + steady.tv_nsec / 500000000;
        now->tv_sec += JUMPS[tick % (sizeof JUMPS / sizeof *JUMPS)] * DAY;
    }
    return failed;
}
time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *into, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


@pytest.fixture
def jumping_clock(tmp_path):
    """A library under which the wall clock jumps by days and years, twice a second."""
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(JUMPING)
    words = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(words, check=True)
    asked = "import time\nfor _ in range(8): print(int(time.time())); time.sleep(0.4)"
    env = {**os.environ, "LD_PRELOAD": str(library)}
    done = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True)
    seen = [int(line) for line in done.stdout.split()]
    assert max(seen) - min(seen) > 86400  # it works
    return str(library)


@pytest.mark.interpreters
@pytest.mark.skipif(sys.platform != "linux", reason="platform: LD_PRELOAD")
def test_a_clock_that_jumps_changes_nothing_but_dates(workplace, jumping_clock):
    text = matrix_kills.MATRIX.format(pythons=["3.10", "3.11"], systems=["slim"])
    with IndexServer(*matrix_kills.FILES) as index:
        for number in (1, 2):
            began = time.monotonic()
            ran = workplace.run(text, index=index, backend="interpreters", LD_PRELOAD=jumping_clock)
            lasted = time.monotonic() - began
            assert ran.code == 0, ran.err
            assert ran.run.header.id == f"tried-{number}"
            for result in ran.run.results:
                assert 0 < result.seconds < lasted
                assert all(0 <= step.seconds < lasted for step in result.steps)
                assert 0 <= result.download.seconds < lasted
        assert index.downloads() == {file.name: 1 for file in matrix_kills.FILES}
        for words in (("show", "tried-1"), ("history",), ("compare", "tried-1", "tried-2")):
            env = workplace.variables(index, LD_PRELOAD=jumping_clock)
            done = subprocess.run(workplace.argv(*words), env=env, capture_output=True, text=True)
            assert done.returncode in (0, 1), (words, done.stderr)
            assert "Traceback" not in done.stderr
    assert not matrix_kills.left_behind(workplace, "interpreters")


GREEDY = {
    "modest": ("", ""),
    "hungry": ("data = [bytearray(1 << 20) for _ in range(4096)]\n", "memory"),
    "sleepy": ("import time\ntime.sleep(600)\n", "timeout"),
    "messy": (
        "import os, tempfile\n"
        "with tempfile.NamedTemporaryFile() as file:\n"
        "    for _ in range(512): file.write(bytes(1 << 20)); file.flush()\n",
        "disk",
    ),
}


@pytest.mark.docker
def test_out_of_memory_over_time_out_of_disk_are_the_cells_own_and_told_apart(workplace):
    text = INDEX_MATRIX.replace('requirements = ["steady"]', "requirements = []")
    text += 'scratch = "32M"\n[limits.seconds]\nimport = 6\n' + "".join(
        f'[variants.kind.{name}]\nrequirements = ["{name}"]\n' for name in GREEDY
    )
    files = [wheel(name, files={f"{name}.py": code}) for name, (code, _) in GREEDY.items()]
    with IndexServer(*files) as index:
        ran = workplace.run(text, index=index)
    told = {result.cell.axes["kind"]: result for result in ran.run.results}
    assert {name: result.cause for name, result in told.items()} == {
        name: cause for name, (_, cause) in GREEDY.items()
    }, ran.err
    assert {result.attempts for result in told.values()} == {1}  # none is tried again
    assert all(result.sentence for name, result in told.items() if name != "modest")
    assert told["sleepy"].step("import").status == "timeout"
    assert told["hungry"].step("import").oom
    assert not matrix_kills.left_behind(workplace, "docker")
