"""``python -m pal``: the command line."""

from pal.cli import main

if __name__ == "__main__":
    main()
