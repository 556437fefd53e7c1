"""What the matrix `smoke` runs in each cell: the two packages do what they are for."""

from markupsafe import escape
from packaging.version import Version

assert Version("3.10") > Version("3.9")
assert str(escape("<a & b>")) == "&lt;a &amp; b&gt;"
print("smoke: ok")
