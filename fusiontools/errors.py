"""The one error hierarchy of the package.

Every message answers three questions: what was found, where, and what to do about it.
Nothing else in the package raises a bare ``ValueError`` at a user who did nothing wrong but
bring an odd file. Used in every chapter.
"""

from collections.abc import Collection

__all__ = [
    "MALFORMED",
    "CorpusError",
    "DownloadError",
    "FusionError",
    "MissingDataError",
    "MusicFileError",
    "NoNotesError",
    "RecordError",
    "UnitError",
    "UnsafeArchiveError",
    "check_method",
]


# What code that trusts its input raises where a file holds something else than it should:
# lists for names, texts for numbers, fields that are missing, nests without an end, sizes
# that no memory has.
MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,  # RecursionError, and what torch says
    TypeError,
    ValueError,
)


class FusionError(Exception):
    """Base of every error that `fusiontools` raises on purpose.

    Parameters
    ----------
    found : str
        What was found, as a sentence without its full stop.
    where : object, optional
        The file, corpus or argument that it was found in.
    do : str, optional
        What the reader can do about it.

    Examples
    --------
    >>> print(FusionError("the file is empty", where="song.mid", do="export it again"))
    song.mid: the file is empty. What to do: export it again.
    """

    def __init__(self, found: str, where: object = None, do: str | None = None) -> None:
        self.found, self.where, self.do = found, where, do
        message = f"{where}: {found}." if where is not None else f"{found}."
        super().__init__(message + (f" What to do: {do}." if do else ""))

    def __reduce__(
        self,
    ) -> tuple:  # so that an error survives the trip home from a worker process
        return type(self), (self.found, self.where, self.do)


class UnitError(FusionError, ValueError):
    """Seconds where beats were needed, or beats where seconds were."""


class MusicFileError(FusionError, ValueError):
    """A file that is not the music that its name promises: empty, cut off, absurd."""


class NoNotesError(MusicFileError):
    """Readable music in which nothing sounds, or nothing that was asked for."""


class CorpusError(FusionError):
    """A corpus that cannot be used as asked: unknown, empty, or without a readable file."""


class MissingDataError(CorpusError, FileNotFoundError):
    """A corpus that is not on this machine."""


class DownloadError(CorpusError):
    """A download that did not arrive, or arrived with the wrong checksum."""


class UnsafeArchiveError(CorpusError):
    """An archive that would write outside its folder, hold links, or grow absurd."""


class RecordError(FusionError, ValueError):
    """What a run left behind and cannot be used.

    A record with a field missing, a damaged checkpoint, another run's folder.
    """


def check_method(
    name: str, trained: Collection[str], untrained: Collection[str] = ()
) -> None:
    """Raise a `FusionError` unless the method is one of those that can be trained; it tells
    those that need no training apart from what there is not.

    Examples
    --------
    >>> check_method("ours", ["ours", "theirs"])
    """
    if name not in trained:
        needs = f"{name!r} needs no training"
        says = needs if name in untrained else f"there is no method {name!r}"
        raise FusionError(says, "method", f"choose one of {', '.join(trained)}")
