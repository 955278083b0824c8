"""Point the book at another repository: `python book/address.py
https://github.com/you/fork`.

The address stands in _config.yml. Wherever else a reader needs it (the first cell of a
notebook, a link to Colab, the README) it is written out, because a notebook on Colab has no
_config.yml to look into. This rewrites all of them together. It knows only the address that
stands in _config.yml now: links to other people's repositories stay as they are.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent
PLACES = (
    "_config.yml",
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "CHANGELOG.md",
    "SECURITY.md",
    "pyproject.toml",
    "fusiontools/*.py",
    ".github/**/*.md",
    ".github/**/*.yml",
    ".devcontainer/*.json",
    "notebooks/**/*.ipynb",
    "book/**/*.md",
)
ADDRESS = re.compile(
    r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?(/[A-Za-z0-9._~-]+){2,}"
)


def places(root):
    """The files that may name the repository, sorted; what was built is not among them."""
    found = {path for pattern in PLACES for path in root.glob(pattern) if path.is_file()}
    return sorted(
        p
        for p in found
        if not {"_build", ".ipynb_checkpoints"} & set(p.relative_to(root).parts)
    )


def current(root):
    """The address that stands in _config.yml."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"][
        "url"
    ]


def checked(text):
    """An address as it is written everywhere: https, a host, a path of at least two names,
    and no more.

    Raises
    ------
    ValueError
        If it is anything else. The message says what was found.
    """
    address = text.strip().rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(address):
        raise ValueError(
            f"{text!r} is no address of a repository: it should look like https://github.com/you/your-fork"
        )
    return address


def forms(address):
    """Every way to name a repository in a link, the address itself first. The others exist
    for GitHub only.
    """
    where = urlsplit(address)
    if where.netloc != "github.com":
        return [address]
    owner, name = where.path.strip("/").split("/", 1)
    hosts = (
        "colab.research.google.com/github",
        "raw.githubusercontent.com",
        "mybinder.org/v2/gh",
    )
    return [
        address,
        *(f"{host}/{owner}/{name}" for host in hosts),
        f"https://{owner}.github.io/{name}",
    ]


def named(address):
    """A pattern that finds an address, and not a longer one that begins alike."""
    return re.compile(re.escape(address) + r"(?![\w~-])(?!\.(?!git\b)\w)")


def rewrite(root, new):
    """Put a new address wherever the current one stands.

    Returns
    -------
    changed, left : list of pathlib.Path, list of str
        The files that were written, and the links of kinds that the new address does not
        have.
    """
    old = forms(current(root))
    new = dict(zip(old, forms(new)))
    changed, left = [], []
    for path in places(root):
        # bytes, so that line endings stay as they are
        before = path.read_bytes().decode("utf-8")
        after = before
        for form in old:
            if form in new:
                # an address that was checked holds no backslash
                after = named(form).sub(new[form], after)
            elif named(form).search(after):
                left.append(f"{path.relative_to(root)}: {form}")
        if after != before:
            path.write_bytes(after.encode("utf-8"))
            changed.append(path)
    return changed, left


def main(arguments):
    if len(arguments) != 1:
        print(
            "Give one address, as in: python book/address.py https://github.com/you/your-fork",
            file=sys.stderr,
        )
        return 2
    try:
        new = checked(arguments[0])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    changed, left = rewrite(ROOT, new)
    for path in changed:
        print(f"changed  {path.relative_to(ROOT)}")
    if not changed:
        print(f"Nothing to change: the address is {new} already.")
    for link in left:
        print(f"left     {link} (a kind of link that only GitHub has: change it by hand)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
