"""How many cells at once."""

from __future__ import annotations

import threading
import time

from envcheck.matrix import schedule
from envcheck.matrix.schedule import Budget, Machine
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject, size

GIB = 1 << 30


def cells(count: int, **limits: str) -> list[Cell]:
    return [
        Cell(
            id=f"3.{number}-slim",
            axes={"python": f"3.{number}", "os": "slim", "installer": "uv"},
            test=Subject(),
            index=Index(),
            steps=Steps(),
            limits=Limits(**limits),
        )
        for number in range(count)
    ]


def test_sizes():
    assert size("1.5G") == 3 * GIB // 2
    assert size("512M") == GIB // 2


def test_jobs_are_as_many_as_cores_and_memory_allow():
    machine = Machine(memory=16 * GIB, disk=100 * GIB, cores=8)
    assert schedule.jobs(cells(20, memory="1G"), machine) == 8
    assert schedule.jobs(cells(20, memory="5G"), machine) == 3
    assert schedule.jobs(cells(2, memory="1G"), machine) == 2
    assert schedule.jobs(cells(2, memory="64G"), machine) == 1


def test_a_batch_fits_on_the_disk_and_every_cell_is_in_one():
    many = cells(50, disk="6G")
    batches = list(schedule.batches(many, 20 * GIB))
    assert [cell for batch in batches for cell in batch] == many
    assert {len(batch) for batch in batches[:-1]} == {3}
    assert [len(batch) for batch in schedule.batches(many[:2], 0)] == [1, 1]
    assert max(map(len, schedule.batches(cells(50, disk="1M"), 20 * GIB))) == schedule.BATCH


def test_memory_is_shared_out():
    budget = Budget(4 * GIB)
    running, most = [], []

    def work(cell: Cell) -> None:
        with budget.share(cell):
            running.append(cell)
            most.append(len(running))
            time.sleep(0.01)
            running.remove(cell)

    threads = [threading.Thread(target=work, args=(cell,)) for cell in cells(6, memory="2G")]
    for thread in [*threads, threading.Thread(target=work, args=(cells(1, memory="9G")[0],))]:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 2
