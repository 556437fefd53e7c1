"""One module a probe: see ``registry.py`` and CONTRIBUTING.md."""
