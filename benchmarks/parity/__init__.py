"""The same training by a plain torch loop, by ``envcheck.accelerator`` and by Accelerate.

``scripts/`` are programs in Accelerate's API; only their import line is swapped. ``plain`` has the
loops that they are measured by. ``worker`` runs either in processes of their own.
"""
