"""``python -m fusiontools``."""

import sys

if __name__ == "__main__":
    try:
        from fusiontools.cli import main
    except KeyboardInterrupt:  # before there is a door that could say so
        sys.exit(130)
    main()
