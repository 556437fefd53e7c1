"""The agent: what runs inside the environment that is examined.

An island: standard library only, Python 3.7 grammar, relative imports only, nothing of envcheck.
There this package is called ``envcheck_agent``: in one file that is started as ``PYTHON -I -B FILE``
(``envcheck/targets/bundle.py``), or in memory (``boot.py``, ``envcheck/targets/remote.py``).
"""
