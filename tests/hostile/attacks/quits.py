"""Ends the process as if all were well, before anything is imported."""

import os

from bait import tried

tried()
os._exit(0)
