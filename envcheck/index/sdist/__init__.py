"""How an sdist is built, by what lies in it: read, not run."""
