"""The agent: what runs inside the environment that is examined.

An island: standard library only, Python 3.7 grammar, relative imports only, nothing of envcheck.
Where it runs, this package is called ``envcheck_agent``: in one file for ``PYTHON -I -B FILE``
(``envcheck/targets/bundle.py``), or in memory (``boot.py``, ``envcheck/targets/remote.py``).
"""
