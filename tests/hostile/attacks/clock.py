"""Is slow, and stops the clocks."""

import time

from bait import tried

time.sleep(0.4)
tried()
for name in (
    "time",
    "monotonic",
    "perf_counter",
    "process_time",
    "time_ns",
    "monotonic_ns",
    "perf_counter_ns",
):
    setattr(time, name, lambda: 0)
