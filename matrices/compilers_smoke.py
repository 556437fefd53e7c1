"""What the matrix `compilers` runs in each cell: the extension module that was built here."""

from lru import LRU

evicted = []
cache = LRU(2, callback=lambda key, value: evicted.append((key, value)))
cache["a"], cache["b"] = 1, 2
assert cache["a"] == 1
cache["c"] = 3
assert evicted == [("b", 2)]
assert sorted(cache.keys()) == ["a", "c"]
print("lru-dict:", cache.items())
