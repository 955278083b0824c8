"""``python -m fusiontools``."""

from fusiontools.cli import main

if __name__ == "__main__":
    main()
