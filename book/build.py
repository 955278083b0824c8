"""Build the book to book/_build/html, warnings being errors.

The notebooks run two at a time, the longest first, and their outputs are cached. A cache
that does not notice a changed package would show stale sounds and numbers. So everything
that a page depends on beside its own source is hashed here; when the hash changes, the
build starts afresh.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import links
import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

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


def pages():
    """The pages with cells: path and notebook, the one that takes longest first."""
    from myst_nb.core.read import read_myst_markdown_notebook

    found = {}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        found[path] = nbformat.reads(links.COLAB.sub("", text), 4)  # as the build sees it
    for path in (ROOT / "book").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        if "```{code-cell}" in text:
            found[path] = read_myst_markdown_notebook(text, add_source_map=True, path=path)
    took = json.loads((ROOT / "book" / "minutes.json").read_text(encoding="utf-8"))
    minutes = {path: took.get(path.stem, {}).get("laptop", [1])[0] for path in found}
    return sorted(found.items(), key=lambda item: -minutes[item[0]])


def execute(path, notebook):
    """Run one page in its own folder: the notebook with outputs, seconds, what failed."""
    done = single_nb_execution(notebook, str(path.parent), timeout=3600, allow_errors=False)
    return notebook, done.time, done.exc_string


def fill_cache():
    """Run every page that is not in the cache yet; which ones failed.

    Two at a time: each takes one core, for its networks are small.
    """
    cache, failed, todo = get_cache(BUILD / ".jupyter_cache"), [], []
    for path, notebook in pages():
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            todo.append((path, notebook))
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # or two pages fight for both cores
    with ProcessPoolExecutor(max_workers=2) as pool:
        jobs = {pool.submit(execute, *page): page[0] for page in todo}
        for count, job in enumerate(as_completed(jobs), 1):
            path, (notebook, seconds, error) = jobs[job], job.result()
            says = f"{count} of {len(todo)} pages ran: {path.stem}, {seconds:.0f} s"
            if error:
                failed.append(path)
                print(f"{says}: FAILED\n{error}", flush=True)
                continue
            print(says, flush=True)
            data = {"execution_seconds": seconds}
            bundle = CacheBundleIn(notebook, str(path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


def main():
    mark = BUILD / "package.sha256"
    key = fingerprint()
    if BUILD.exists() and (not mark.exists() or mark.read_text() != key):
        print("The package has changed: every page is built anew.")
        shutil.rmtree(BUILD)
    BUILD.mkdir(parents=True, exist_ok=True)
    mark.write_text(key)
    failed = fill_cache()
    if failed:
        names = ", ".join(str(path.relative_to(ROOT)) for path in failed)
        print(f"The build failed: {names}. The error above says where.", file=sys.stderr)
        return 1
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
