"""Says very much."""

import os

from bait import PHASE

line = ("flood " * 200 + "\n").encode()
for _ in range(64):
    for stream in (1, 2):
        block = line * 400
        while block:
            block = block[os.write(stream, block) :]
one = b"y" * (32 << 20)  # a line without end
while one:
    one = one[os.write(1, one) :]
print("\nTRIED flood " + PHASE, flush=True)
