"""The package's own source, shown where it is explained: the code that runs, no copy.

Used in chapters 1, 3, 4, 5, 6 and 7.
"""

import html
import inspect
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fusiontools.errors import FusionError

__all__ = ["Source", "source"]


@dataclass(frozen=True)
class Source:
    """Source code, as a cell shows it. Make one with `source`."""

    code: str
    name: str
    place: str

    def _repr_html_(self):
        name, place = html.escape(self.name), html.escape(self.place)
        return (
            f'<figure class="ft-source" role="group" aria-label="Source of {name}">'
            f"<style>{_style()}</style>"
            f"<figcaption><code>{name}</code> <span>{place}</span></figcaption>"
            f"{_highlighted(self.code)}</figure>"
        )

    def __repr__(self):
        return f"# {self.place}\n{self.code}"


def source(obj: Any, docstring: bool = False) -> Source:
    """Show the source of a function, class, method or module of the package, highlighted.

    Parameters
    ----------
    obj : object
        What to show.
    docstring : bool
        Whether its docstring is shown too. The chapters say in prose what it says, so it is
        left out by default.

    Returns
    -------
    Source
        The last line of a notebook cell shows it; ``print`` gives plain text.

    Raises
    ------
    FusionError
        If Python knows no source for it (built-ins, compiled code).

    Examples
    --------
    >>> from fusiontools.music import intervals
    >>> source(intervals)
    # fusiontools/music/notes.py
    def intervals(notes: Notes) -> np.ndarray:
        return np.diff(notes.pitch)
    """
    # what a decorator wraps is what the reader wants to see
    obj = inspect.unwrap(obj) if callable(obj) else obj
    try:
        code, file = inspect.getsource(obj), inspect.getsourcefile(obj)
    except (OSError, TypeError):
        found = f"Python has no source for {obj!r}"
        raise FusionError(found, do="show a function, a class or a module") from None
    lines = inspect.cleandoc("\n" + code) if not inspect.ismodule(obj) else code
    name = getattr(obj, "__qualname__", getattr(obj, "__name__", type(obj).__name__))
    return Source(lines if docstring else _without_docstring(lines), name, _place(file))


def _place(file):
    """The file as a path from the package's root: the same on every machine."""
    parts = Path(file).parts
    first = parts.index("fusiontools") if "fusiontools" in parts else -1
    return "/".join(parts[first:])


def _without_docstring(code):
    import ast

    lines = code.splitlines()
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    gone = set()
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, documented) or ast.get_docstring(node) is None:
            continue
        # a body that is only a docstring keeps it: it would be no body without
        if len(node.body) > 1:
            first, last = node.body[0].lineno, node.body[0].end_lineno
            while last < len(lines) and not lines[last].strip():  # blank lines under it
                last += 1
            gone.update(range(first, last + 1))
    return "\n".join(line for i, line in enumerate(lines, 1) if i not in gone)


def _highlighted(code):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(code, PythonLexer(), HtmlFormatter(nowrap=False, cssclass="ft-code"))


@lru_cache
def _style():
    """Colours for light and dark pages, as book, JupyterLab and the system each say it."""
    from pygments.formatters import HtmlFormatter
    from pygments.styles import get_style_by_name
    from pygments.token import Punctuation, Whitespace

    # every colour of both has a contrast of 4.5 : 1 or more with its page
    xcode = get_style_by_name("xcode")
    left_out = {Punctuation: "#000000", Whitespace: "#000000"}
    everything = type("Light", (xcode,), {"styles": xcode.styles | left_out})
    light = HtmlFormatter(style=everything, cssclass="ft-code")
    dark = HtmlFormatter(style="github-dark", cssclass="ft-code")

    def rules(formatter, scope):
        lines = formatter.get_style_defs(scope + " .ft-code").splitlines()
        return "".join(r.split("/*")[0].strip() for r in lines if ".ft-code ." in r)

    base = (
        ".ft-source{margin:.75em 0;border:1px solid #8884;border-radius:8px;"
        "overflow:hidden;max-width:100%}"
        ".ft-source figcaption{padding:.3em .8em;border-bottom:1px solid #8884;"
        "font-size:.85em;text-align:left;margin:0}"
        ".ft-source figcaption span{margin-left:.6em}"
        ".ft-source pre{margin:0;padding:.7em .8em;overflow-x:auto;background:transparent;"
        "border:0;font-size:.85em;line-height:1.45}"
    )
    night = rules(dark, 'html[data-theme="dark"]')
    night += rules(dark, 'body[data-jp-theme-light="false"]')
    return base + rules(light, "") + night
