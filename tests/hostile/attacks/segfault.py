"""Dies of a signal."""

import ctypes

from bait import tried

tried()
ctypes.string_at(0)
