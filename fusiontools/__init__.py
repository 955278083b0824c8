"""fusiontools: the package under the book *Music Fusion, End to End*.

From the ground up: `music` (what music is here), `corpora` (where it comes from), `show`
(how it is heard and seen), `score` (how it is measured), `training` and `records` (how a
run survives, and what it leaves), `judges` (trained to judge), `report` (records as tables,
claims and figures) and `papers` (what is trained). Importing the package loads none of
them: each arrives when it is first named.
"""

import os

import lazy_loader

__version__ = "0.1.0"
_PARTS = ["corpora", "errors", "judges", "music", "papers", "records", "report", "score"]
_PARTS += ["show", "training"]
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, _PARTS)

# librosa keeps what it compiles beside itself or in the home, and stops where neither can
# be written: then a folder of this process will do.
if not any(os.access(p, os.W_OK) for p in (os.path.expanduser("~"), *lazy_loader.__path__)):
    import tempfile

    _compiled = tempfile.TemporaryDirectory(prefix="numba-")
    os.environ.setdefault("NUMBA_CACHE_DIR", _compiled.name)
