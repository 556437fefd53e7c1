"""Entry of the agent. As ``boot.py``, it must parse on every Python that exists, 2.7 included."""

import sys

if sys.version_info < (3, 7):
    import platform

    _TEMPLATE = (
        '{"schema": "envcheck.facts/1", "agent": {"status": "unsupported", '
        '"reason": "the agent needs Python 3.7 or newer"}, "probes": {}, "facts": {'
        '"interpreter.version": {"status": "known", "value": "%s", '
        '"source": "platform.python_version()"}, '
        '"interpreter.implementation": {"status": "known", "value": "%s", '
        '"source": "platform.python_implementation()"}, '
        '"interpreter.executable": {"status": "known", "value": "%s", "source": "sys.executable"}}}'
    )
    _PATH = (sys.executable or "").replace("\\", "\\\\").replace('"', '\\"')
    _FACTS = (platform.python_version(), platform.python_implementation(), _PATH)
    print(_TEMPLATE % _FACTS)  # noqa: T201
else:
    from envcheck_agent.main import main

    main(sys.argv[1:])
