"""Links that work wherever a page is read.

A notebook is read in the book, on Colab, in JupyterLab and on GitHub, and only the book
knows roles such as {term} and {cite}. So a notebook holds ordinary Markdown links: to
another notebook by its file, to a prose page by its address in the repository, because
Colab has nothing but the notebook. `plain` makes them out of roles. While the book is built
(`setup`), the same addresses become links between its own pages, and the roles that prose
pages may hold become links too.
"""

import json
import os
import re
import sys
import zlib
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import address

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
ROLE = re.compile(r"\{(term|cite:t|cite|doc)\}`([^`]*)`")
HEADING = re.compile(r"^#{1,3} (.+?)\s*$", re.M)
COLAB = re.compile(r'"# @title .*?\\n",\s*')  # first line of a cell that Colab folds
ENTRY = re.compile(r"^### (.+)\n+(?:\*Also: (.+?)\.\*)?", re.M)


def blob():
    """Where a file of the repository is shown: the beginning of its address."""
    return f"{address.current(ROOT)}/blob/main/"


def slug(title):
    """The anchor that GitHub, JupyterLab and MyST give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def outside_code(text):
    """The text without its fenced blocks."""
    return re.sub(r"^(`{3,}|~{3,}).*?^\1", "", text, flags=re.M | re.S)


def markdown_of(path):
    """The Markdown of a page: of a notebook, its Markdown cells in a row."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def anchors(path):
    """The anchors of a page's headings."""
    return {slug(title) for title in HEADING.findall(outside_code(markdown_of(path)))}


@cache
def terms():
    """The words of the glossary, as a dict from the word to its anchor."""
    found = {}
    for title, also in ENTRY.findall((BOOK / "glossary.md").read_text(encoding="utf-8")):
        for name in [title, *filter(None, also.split(", "))]:
            assert name.lower() not in found, f"the glossary has {name!r} twice"
            found[name.lower()] = slug(title)
    return found


def names_of(entry):
    """Who wrote a work, as a text cites it; None if nobody is known."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    last = [" ".join(map(str, person.rich_last_names)) for person in people]
    if len(last) > 2:
        return f"{last[0]} et al."
    return " and ".join(last) or None


@cache
def works():
    """The works of references.bib by key: who, as a sentence says it; who, in brackets; and
    when, with a letter where two works would read alike.
    """
    from pybtex.database import parse_file
    from pybtex.richtext import Text

    entries = parse_file(str(BOOK / "references.bib")).entries
    labels, found = {}, {}
    for key, entry in entries.items():
        short = names_of(entry) or entry.fields["key"]
        labels[key] = (short, entry.fields.get("year", "n.d."))
    for key, (short, year) in labels.items():
        alike = [k for k, label in labels.items() if label == (short, year)]
        letter = "abcdefgh"[alike.index(key)] if len(alike) > 1 else ""
        title = f"*{Text.from_latex(entries[key].fields['title'])}*"
        found[key] = (names_of(entries[key]) or title, short, year + letter)
    return found


def references():
    """The page of references, made from references.bib: its headings, then its works."""
    from pybtex.database import parse_file
    from pybtex.plugin import find_plugin

    style = find_plugin("pybtex.style.formatting", "unsrt")()
    backend = find_plugin("pybtex.backends", "markdown")()
    source = (BOOK / "references.bib").read_text(encoding="utf-8")
    entries = parse_file(str(BOOK / "references.bib")).entries
    page = (BOOK / "references.md").read_text(encoding="utf-8").split("\n## ")[0].rstrip()
    for part, key in re.findall(r"^% (.+?) -{5,}|^@\w+\{([^,\s]+),", source, re.M):
        if part:
            page += f"\n\n## {part}"
            continue
        _, short, year = works()[key]
        text = style.format_entry("", entries[key]).text.render(backend)
        text = re.sub(r"\\([-.()])", r"\1", text)  # needs no backslash where it stands
        page += f"\n\n### {short}, {year}\n\n{text}"
    return page + "\n"


def beside(path, page):
    """A file as a page names it."""
    return Path(os.path.relpath(path, page.parent)).as_posix()


def target(path, page):
    """Where a link from a page to another leads."""
    if path == page:
        return ""
    if page.suffix == ".ipynb" and path.suffix == ".md":
        return blob() + path.relative_to(ROOT).as_posix()
    return beside(path, page)


def link(role, content, page):
    """One role as a Markdown link."""
    content = " ".join(content.split())
    text, _, name = content.removesuffix(">").rpartition(" <")
    if role == "term":
        if name.lower() not in terms():
            raise KeyError(f"{page.name}: the glossary has no entry {name!r}")
        where = target(BOOK / "glossary.md", page)
        return f"[{text or name}]({where}#{terms()[name.lower()]})"
    if role == "doc":
        files = [(page.parent / f"{name}{end}").resolve() for end in (".md", ".ipynb")]
        found = [file for file in files if file.is_file()]
        if not found:
            raise KeyError(f"{page.name}: there is no page {name!r}")
        title = text or HEADING.search(markdown_of(found[0]))[1]
        return f"[{title}]({target(found[0], page)})"
    cited = []
    for key in map(str.strip, content.split(",")):
        if key not in works():
            raise KeyError(f"{page.name}: references.bib has no work {key!r}")
        said, short, year = works()[key]
        where = target(BOOK / "references.md", page)
        shown = f"{said} ({year})" if role == "cite:t" else f"{short}, {year}"
        cited.append(f"[{shown}]({where}#{slug(f'{short}, {year}')})")
    return ", ".join(cited) if role == "cite:t" else f"({'; '.join(cited)})"


def plain(text, page):
    """Markdown with its roles turned into links, and in a notebook links to prose pages
    given their address; `page` is the file that the text stands in.
    """
    text = ROLE.sub(lambda role: link(role[1], role[2], page), text)
    if page.suffix == ".ipynb":
        text = re.sub(r"\]\(\.\./(book/[^)#\s]+\.md)", rf"]({blob()}\1", text)
    return text


def within(text, page):
    """Markdown whose links to pages of the book name a file instead of an address."""
    ours = re.compile(r"\]\(" + re.escape(blob()) + r"((?:book|notebooks)/[^)#\s]+)")
    return ours.sub(lambda found: f"]({beside(ROOT / found[1], page)}", text)


def over_markdown(page, change, text):
    """A page's text with `change` applied to its Markdown, of a notebook to each cell."""
    if page.suffix != ".ipynb":
        return change(text, page)
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = change("".join(cell["source"]), page)
            cell["source"] = source.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def mark(page):
    """The file that the build writes when a page's cells have run anew."""
    return BOOK / "_build" / "ran" / page.stem


def setup(app):
    """The book's build calls this: each page is changed as it is read. It is read anew when
    its cells have run; and all are when a page that they link into has changed, or this
    file.
    """

    def read(app, docname, source):
        page = Path(app.env.doc2path(docname))
        if mark(page).exists():
            app.env.note_dependency(str(mark(page)))
        for change in (plain, within):
            source[0] = over_markdown(page, change, source[0])
        source[0] = COLAB.sub("", source[0])

    def outdated(app, env, added, changed, removed):
        linked = {"book/glossary", "book/references"} & (added | changed)
        return env.found_docs if linked else []

    app.connect("source-read", read)
    app.connect("env-get-outdated", outdated)
    version = zlib.crc32(Path(__file__).read_bytes())
    return {"env_version": version, "parallel_read_safe": True}
