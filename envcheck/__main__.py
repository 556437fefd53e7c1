"""``python -m envcheck``."""

from envcheck.cli.main import console

if __name__ == "__main__":
    console()
