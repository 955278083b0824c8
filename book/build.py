"""Build the book to book/_build/html, warnings being errors.

The notebooks' outputs are cached, and a cache that does not notice a changed package would
show stale sounds and numbers. So everything that a page depends on beside its own source is
hashed here; when the hash changes, the build starts afresh.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "book" / "_build"
SETTINGS = ("FUSIONTOOLS_SCALE", "FUSIONTOOLS_DATA", "FUSIONTOOLS_SYNTH")


def fingerprint():
    """A hash of the package, its settings and its dependencies: what the execution cache
    cannot see.
    """
    digest = hashlib.sha256()
    files = [
        p
        for p in sorted((ROOT / "fusiontools").rglob("*"))
        if p.is_file() and "__pycache__" not in p.parts
    ]
    files += [ROOT / "requirements.txt", ROOT / "constraints.txt"]
    files += [ROOT / "book" / "minutes.json", ROOT / "book" / "pages.py"]  # in a table
    for path in files:
        data = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(data)}\n".encode() + data)
    digest.update(repr([os.environ.get(name) for name in SETTINGS]).encode())
    return digest.hexdigest()


def main():
    mark = BUILD / "package.sha256"
    key = fingerprint()
    if BUILD.exists() and (not mark.exists() or mark.read_text() != key):
        print("The package has changed: every page is built anew.")
        shutil.rmtree(BUILD)
    BUILD.mkdir(parents=True, exist_ok=True)
    mark.write_text(key)
    command = [
        str(Path(sys.executable).with_name("jupyter-book")),
        "build",
        str(ROOT),
        "--path-output",
        str(ROOT / "book"),
        "-W",
        "--keep-going",
    ]
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode:
        print(
            "The build failed: the first warning or error above says where.",
            file=sys.stderr,
        )
        return done.returncode
    print("\nThe book is ready. Open this file in a browser:")
    print(f"  {BUILD / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
