"""``python -m envcheck.accelerator launch``: see ``launch.py``."""

import sys

from envcheck.accelerator.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
