"""The symbols of the formulas: which a page uses, and which the notation page explains.

A symbol is a letter with its accent or font, and with what hangs on it: words, such as the
"bal" of a loss, and other symbols. Numbers, operators and words of prose are none, and
neither are counters (`COUNTERS`). A hat and a prime are free: the notation page says once
what they do to any symbol.
"""

import re
from typing import NamedTuple

import links

GREEK = """alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda mu nu
xi rho sigma tau phi varphi chi psi omega ell Gamma Delta Theta Lambda Xi Sigma Phi Psi
Omega"""
LETTER = re.compile(rf"[A-Za-z]|\\({'|'.join(GREEK.split())})")
DRESS = re.compile(
    r"\\(bar|tilde|vec|mathcal|mathbb|mathbf)"
)  # makes another symbol of one
WORD = re.compile(r"\\(text|mathrm|operatorname)\*?\s*(?:\{([^{}]*)\}|([A-Za-z]))")
TOKEN = re.compile(r'"[^"]*"|«[^«»]*»|\\[A-Za-z]+|\\.|\S')
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$]+?)(?<!\s)\$(?!\d)", re.S)
COUNTERS = set("ijkmnt")
CONSTANTS = {"e", r"\pi"}
FAMILIES = {r"\mathcal L", r"\lambda"}  # a loss and its weight: the subscript says which


class Symbol(NamedTuple):
    base: str
    hung: tuple = ()  # on it: words as strings, and symbols

    def __str__(self):
        return self.base + (f"_{{{', '.join(map(str, self.hung))}}}" if self.hung else "")


def formulas(text):
    """The formulas of a Markdown text, without their dollar signs."""
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", links.outside_code(text), flags=re.S)
    return [block or inline for block, inline in MATH.findall(text)]


def cut(formula):
    """A formula as tokens. A word of prose is one, «so»; another, "in quotes"."""

    def word(found):
        text = found[2] or found[3]
        return f" «{text}» " if found[1] == "text" else f' "{text}" '

    return TOKEN.findall(WORD.sub(word, formula).replace(r"\hat", ""))


def argument(tokens, at):
    """What a command or a script takes, and where that ends."""
    if at >= len(tokens) or tokens[at] != "{":
        end = at + 1
        while end < len(tokens) and DRESS.fullmatch(tokens[end - 1]):
            end += 1
        return tokens[at:end], end
    depth, end = 1, at + 1
    while depth and end < len(tokens):
        depth += {"{": 1, "}": -1}.get(tokens[end], 0)
        end += 1
    return tokens[at + 1 : end - 1], end


def read(tokens, script=False):
    """The symbols among tokens, in order; in a script, a word of prose counts."""
    found, at = [], 0
    while at < len(tokens):
        token, at = tokens[at], at + 1
        if DRESS.fullmatch(token):
            inner, at = argument(tokens, at)
            dressed, *beside = read(inner) or [Symbol("")]
            base, hung = f"{token} {dressed.base}", list(dressed.hung)
        elif LETTER.fullmatch(token) or token[0] == '"' or (token[0] == "«" and script):
            base, hung, beside = token.strip('"«»'), [], []
        else:
            continue
        while at < len(tokens) and tokens[at] in ("_", "^", "'"):
            kind, at = tokens[at], at + 1
            inner, at = ([], at) if kind == "'" else argument(tokens, at)
            parts = read(inner, script=True)
            named = any(part[0] in '"«' for part in inner)
            (hung if kind == "_" or named else beside).extend(parts)  # else an exponent
        hung = [part for part in hung if part.hung or part.base not in COUNTERS]
        found += [Symbol(base, tuple(hung)), *beside]
    return found


def symbols(text):
    """All symbols of a Markdown text."""
    return {symbol for formula in formulas(text) for symbol in read(cut(formula))}


def columns(*names, page=None):
    """The cells of the notation page's tables that stand under these headings."""
    found, at = [], []
    page = page or (links.BOOK / "notation.md").read_text(encoding="utf-8")
    for line in page.split("\n"):
        row = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|"):
            at = []
        elif not at:
            at = [i for i, name in enumerate(row) if name in names] or [len(row)]
        else:
            found += [row[i] for i in at if i < len(row)]
    return found


def notation():
    """The symbols of the notation page: the book's, and those of the papers."""
    book = {symbol for cell in columns("Symbol", "Book") for symbol in symbols(cell)}
    return book, {symbol for cell in columns("Paper") for symbol in symbols(cell)}


def is_known(symbol, known):
    """Whether a symbol has a row, or is made of some that have."""
    base = Symbol(symbol.base)
    if symbol in known or base.base in COUNTERS | CONSTANTS:
        return True
    if base not in known or symbol.base in FAMILIES:
        return base in known
    return bool(symbol.hung) and all(is_known(part, known) for part in symbol.hung)


def meanings():
    """What the rows of the notation page explain, up to where it turns to the papers: each
    symbol as it is written, as often as it has a row.
    """
    page = (links.BOOK / "notation.md").read_text(encoding="utf-8")
    rows = columns("Symbol", page=page.split("## Reading the papers")[0])
    written = [formula.split("=")[0] for row in rows for formula in formulas(row)]
    outside = re.compile(r",\s*(?![^({]*[)}])")  # a comma outside of brackets
    return [name.strip() for formula in written for name in outside.split(formula)]
