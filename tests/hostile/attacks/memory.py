"""Takes memory without end."""

from bait import managed, only_in_a_cell, tried

only_in_a_cell()

held = []
tried()
while len(held) < 1024:  # 16 GiB
    held.append(b"x" * (16 << 20))
managed("held 16 GiB")
