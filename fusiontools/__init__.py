"""fusiontools: the package under the book *Music Fusion, End to End*.

From the ground up: `music` (what music is here), `corpora` (where it comes from), `show`
(how it is heard and seen), `score` (how it is measured), `training` and `records` (how a
run survives, and what it leaves), `judges` and `papers` (what is trained). Importing the
package loads none of them: each arrives when it is first named.
"""

import importlib

__version__ = "0.1.0"
__all__ = [
    "corpora",
    "errors",
    "judges",
    "music",
    "papers",
    "records",
    "score",
    "show",
    "training",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
