"""The agent: what runs inside the environment that is examined.

An island: standard library only, Python 3.7 grammar, relative imports only, nothing of envcheck.
It is bundled as one zipapp (``envcheck/targets/bundle.py``) where this package is called
``envcheck_agent``, and started as ``PYTHON -I -B agent.pyz``.
"""
