"""envcheck: whether an environment for machine learning works, why it does not, what mends it.

Importing this costs nothing; the public names load when they are used::

    sheet = envcheck.examine(python="/opt/venv/bin/python")
    report = envcheck.judge(sheet, profiles=["transformers-training"])
    for finding in report.findings: ...
"""

__version__ = "0.1.0"

_PUBLIC = {
    "EnvcheckError": "envcheck.errors",
    "Evidence": "envcheck.model.finding",
    "Fact": "envcheck.model.facts",
    "FactSheet": "envcheck.model.facts",
    "Finding": "envcheck.model.finding",
    "Remedy": "envcheck.model.finding",
    "Report": "envcheck.model.finding",
    "examine": "envcheck.api",
    "judge": "envcheck.api",
}

__all__ = ["__version__", *sorted(_PUBLIC)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
