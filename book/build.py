"""Build the book to book/_build/html, warnings being errors.

The notebooks run two at a time, and their outputs are cached. A cache that does not notice
a changed package would show stale sounds and numbers, and one that notices every change
would run the whole book for a comment. So each page has a key: a hash of the files that its
cells depend on (depends.py). A page runs when its cells or its key have changed. Then
Sphinx sets anew what changed, in a copy of the last book, which takes the book's place when
all of it is right: until then, and if anything fails, the last good book stays.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import depends
import links
import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "book" / "_build"
FIRST = "01_music_as_numbers"  # it reads the corpora that come along: the others find them
SETTINGS = ("FUSIONTOOLS_SCALE", "FUSIONTOOLS_DATA", "FUSIONTOOLS_SYNTH")


def key(files):
    """A hash of what a page depends on beside its own cells."""
    digest = hashlib.sha256()
    for path in [*files, ROOT / "requirements.txt", ROOT / "constraints.txt"]:
        data = depends.content(path)
        digest.update(f"{path.relative_to(ROOT)} {len(data)}\n".encode() + data)
    settings = [os.environ.get(name) for name in SETTINGS]
    digest.update(f"{settings} {sys.version_info[:2]}".encode())
    return digest.hexdigest()


def pages():
    """The pages with cells, path and notebook: `FIRST`, then what takes longest."""
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

    def turn(item):
        return item[0].stem != FIRST, -minutes[item[0]]

    return sorted(found.items(), key=turn)


def keys(found):
    """The key of each page, by its path."""
    graph, told = depends.Graph(ROOT), {}
    for path, notebook in found:
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        told[path] = key(graph.files("\n".join(code)))
    return told


def execute(path, notebook):
    """Run one page in its own folder: the notebook with outputs, seconds, what failed."""
    done = single_nb_execution(notebook, str(path.parent), timeout=3600, allow_errors=False)
    return notebook, done.time, done.exc_string


def is_cached(cache, notebook, wanted):
    try:
        return cache.match_cache_notebook(notebook).data.get("key") == wanted
    except KeyError:
        return False


def fill_cache():
    """Run every page that is not in the cache yet; which ones failed.

    Two at a time: each takes one core, for its networks are small.
    """
    cache, failed, found = get_cache(BUILD / ".jupyter_cache"), [], pages()
    wanted = keys(found)
    todo = [page for page in found if not is_cached(cache, page[1], wanted[page[0]])]
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
            data = {"execution_seconds": seconds, "key": wanted[path]}
            bundle = CacheBundleIn(notebook, str(path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    for path in set(wanted) - set(failed):
        mark = links.mark(path)  # newer than the page that Sphinx has: it reads it again
        if not mark.exists() or mark.read_text() != wanted[path]:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(wanted[path])
    return failed


def check_pages(html):
    """Remove the pages that _toc.yml no longer has; the names of those that it has, and
    that are not there.
    """
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    wanted = {f"{name}.html" for name in re.findall(r"\b(?:root|file): (\S+)", toc)}
    made = {
        page for part in ("book", "notebooks") for page in html.glob(f"{part}/**/*.html")
    }
    found = {page.relative_to(html).as_posix(): page for page in made}
    for name in set(found) - wanted:
        found[name].unlink()
    return sorted(wanted - set(found))


def set_pages(html, trees):
    """Let Sphinx set what is not as it was; 0 if nothing was wrong."""
    from jupyter_book.sphinx import build_sphinx

    os.chdir(ROOT)  # the extensions in _config.yml are named from here
    wrong = build_sphinx(
        ROOT,
        html,
        doctreedir=trees,
        path_config=ROOT / "_config.yml",
        noconfig=True,
        confoverrides={
            "external_toc_path": str(ROOT / "_toc.yml"),
            "latex_individualpages": False,  # it has to be said, even where no LaTeX is
        },
        jobs=2,
        warningiserror=True,
        keep_going=True,
    )
    missing = [] if wrong else check_pages(html)
    if missing:
        print(f"There is no page {', '.join(missing)}.", file=sys.stderr)
    return int(bool(wrong or missing))


def renew(folders, make):
    """Let `make` work on copies of some folders, which take their place if it gives 0.

    Whenever it is stopped, the folders stay as they were, or are found again by the next
    call.
    """
    new = [folder.with_name(f"{folder.name}.new") for folder in folders]
    old = [folder.with_name(f"{folder.name}.old") for folder in folders]
    for folder, fresh, last in zip(folders, new, old):
        if last.exists() and not folder.exists():  # stopped between two renamings
            last.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(last, ignore_errors=True)
        if folder.exists():
            shutil.copytree(folder, fresh)
    if wrong := make(*new):
        return wrong
    for folder, fresh, last in zip(folders, new, old):
        if folder.exists():
            folder.rename(last)
        fresh.rename(folder)
        shutil.rmtree(last, ignore_errors=True)
    return 0


def main():
    BUILD.mkdir(parents=True, exist_ok=True)
    html = BUILD / "html"
    failed, wrong = fill_cache(), "the first warning or error"
    if failed:
        wrong = f"{', '.join(str(path.relative_to(ROOT)) for path in failed)}: the error"
    if failed or renew([html, BUILD / ".doctrees"], set_pages):
        print(f"\nThe build failed. See {wrong} above.", file=sys.stderr)
        if (html / "index.html").exists():
            print(f"The last good book still stands in {html}.", file=sys.stderr)
        return 1
    print("\nThe book is ready. Open this file in a browser:")
    print(f"  {html / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
