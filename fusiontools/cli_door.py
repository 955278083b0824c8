"""What every command shares: what it needs and may write is checked before it works, and
what the system refuses is one line.

Imports nothing heavy. `fusiontools.cli` is the door itself.
"""

import codecs
import errno
import importlib.util
import os
import shlex
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from fusiontools.cli_told import error_facts, legible, print_json, say
from fusiontools.errors import FusionError

__all__ = ["Legible", "check_folder", "check_free", "guarded", "needs", "notice"]
__all__ += ["option", "say"]

HOME = "git+https://github.com/music-fusion-book/music-fusion-book"
INSTALL = f'pip install "fusiontools[train] @ {HOME}"'
INSTALL += ', or, in a copy of the repository, pip install ".[train]"'
# modules of which one will do, and what people call them
MODULES = {
    "torch": ("PyTorch", "torch"),
    "safetensors": ("safetensors", "safetensors"),
    "lightning": ("lightning-fabric", "lightning_fabric", "lightning"),
    "sound": ("soundfile", "soundfile"),
}
MEMORY = ("out of memory", "allocate memory", "not enough memory", "storage size calc")
STOPS = (130, 143)  # exit codes of what was interrupted, and told to end
_STOPPED = FusionError("it was stopped", do="give the same command again")
WHOLE = 92  # letters of a notice that is told in full
_USAGE: Any = typer.BadParameter.__base__  # whatever was not understood


def option(metavar: str | None, help: str, *names: str, **bounds: Any) -> Any:
    """An option of a command, as `typer.Option` takes it."""
    return typer.Option(*names, metavar=metavar, help=help, **bounds)


class Legible(TyperCommand):
    """A command that says which number it asks for, where it is given none such."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = _number(str(error.message or ""), error.param) or error.message
            raise


def _number(says, param):
    """The number that is asked for; None where the library's message is of something else.

    Older libraries keep the bounds in a parameter's type.
    """
    if not any(word in says for word in ("integer", "number", "float", " than ", "range")):
        return None
    kind = getattr(param, "type", None)
    low, high = (getattr(param, k, getattr(kind, k, None)) for k in ("min", "max"))
    if low is not None:
        return f"a whole number from {low}" + (f" to {high}" if high is not None else " on")
    if "integer" in says:
        return "a whole number such as 9"
    return f"a number {'from 0 to 1' if param.metavar == '0..1' else 'such as 1.5'}"


def needs(*modules: str) -> None:
    """Raise a `FusionError` unless modules are installed, before anything is done.

    Parameters
    ----------
    *modules : str
        Keys of `MODULES`.

    Examples
    --------
    >>> needs("safetensors")
    """
    for module in modules:
        title, *any_of = MODULES[module]
        if not any(map(importlib.util.find_spec, any_of)):
            raise FusionError(f"{title} is not installed", "this command", INSTALL)


def notice(text: str, weights: Path | None = None) -> None:
    """Tell, on standard error, what weights learned from; terms that are long, where.

    Examples
    --------
    >>> notice("Weights trained on mine. Terms: mine: CC0.")
    """
    if len(text) > WHOLE:
        more = "python -m fusiontools notice"
        more += "" if weights is None else f" {shlex.quote(str(weights))}"
        text = f"{text.partition(' Terms: ')[0]} Their terms: {more}"
    say(text, err=True)


def check_free(
    file: Path, option: str, suffixes: Collection[str], force: bool, *inputs: Path
) -> None:
    """Refuse a file that is not meant to be, or cannot be, written, before the work.

    Parameters
    ----------
    file : pathlib.Path
    option : str
        That names it.
    suffixes : collection of str
        The ends of names that are known.
    force : bool
        Whether a file that is there may be replaced.
    *inputs : pathlib.Path
        What is read, and so not replaced.
    """
    if file.suffix.lower() not in suffixes:
        found = f"let its name end in {' or '.join(suffixes)}: {legible(str(file))}"
        raise typer.BadParameter(found, param_hint=option)
    try:
        there = file.exists()
    except OSError as error:  # such as a name that no disk can hold
        raise _refused(error) from None
    if not file.parent.is_dir():
        raise FusionError("no such folder", file.parent, "make it first, or choose another")
    if file.is_dir():
        raise FusionError("this is a folder", file, "choose another name")
    if file.resolve() in {path.resolve() for path in inputs}:
        raise FusionError("this file is read here", file, "choose another name")
    if there and not force:
        do = "choose another name, or add --force to replace it"
        raise FusionError("it is there already", file, do)
    if not os.access(file.parent, os.W_OK):
        do = "choose a folder that may be written to"
        raise FusionError("nothing may be written here", file.parent, do)


def check_folder(folder: Path) -> None:
    """Refuse a folder that is none, or cannot be made, before the work."""
    whole = folder.absolute()
    there = next(place for place in (whole, *whole.parents) if place.exists())
    if not there.is_dir():
        do = "choose a folder's name"
        raise FusionError("this is a file: a folder cannot be written there", there, do)
    if not os.access(there, os.W_OK | os.X_OK):
        do = "choose a folder that may be written to"
        raise FusionError("nothing may be written here", there, do)


@contextmanager
def guarded(as_json: bool = False) -> Iterator[None]:
    """Around a command: what goes wrong that is no fault of ours is one red line.

    That is what a `FusionError` says, and what the system refuses: a file, memory, a
    library. Exit codes are those of `fusiontools.cli.main`. With `as_json` it is an object
    on standard output, too.
    """
    _readable_streams()
    before = _terminable()
    try:
        yield
    except SystemExit as stop:
        if as_json and stop.code in STOPS:
            print_json(error_facts(_STOPPED))
        sys.exit(_flushed(stop.code))
    except (KeyboardInterrupt, typer.Abort):  # as which older libraries pass it on
        if as_json:
            print_json(error_facts(_STOPPED))
        sys.exit(_flushed(130))
    except Exception as error:
        misused = isinstance(error, _USAGE)
        ours = _as_misused(error) if misused else in_our_words(error)
        if ours is None:
            raise
        if not isinstance(error, BrokenPipeError):
            _print_red(ours)
            if as_json:
                print_json(error_facts(ours))
        sys.exit(_flushed(2 if misused else 1))
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _as_misused(error):
    """A question of use, as an error of ours; the library has its own way to print it."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "python -m fusiontools"
    return FusionError(error.format_message().rstrip(". "), None, f"see {path} --help")


def in_our_words(error: Exception) -> FusionError | None:
    """What a system or a library refuses, as an error of ours; None for a mistake of ours.

    Examples
    --------
    >>> in_our_words(MemoryError())
    FusionError('there is not enough memory for this. What to do: ask for less at once.')
    >>> in_our_words(KeyError("x"))
    """
    says = next(iter(str(error).splitlines()), "")[:200].rstrip(". ")
    if isinstance(error, FusionError):
        return error
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] != "fusiontools":
        return FusionError(f"a library cannot be loaded ({says})", error.name, INSTALL)
    memory = any(words in says.lower() for words in MEMORY)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and memory):
        do = "ask for less at once"
        return FusionError("there is not enough memory for this", do=do)
    return _refused(error) if isinstance(error, OSError) else None


def _refused(error):
    where = error.filename
    where = os.fsdecode(where) if isinstance(where, str | bytes) else None
    do = "check who may read and write there, and how much room there is"
    if error.errno == errno.ENAMETOOLONG:
        do = "choose a shorter name"
    found = f"cannot be read or written ({error.strerror or error})"
    return FusionError(found if where else f"a file {found}", where, do)


def _print_red(error):
    from rich.console import Console
    from rich.markup import escape

    line = escape(legible(" ".join(str(error).split())))
    with suppress(OSError):  # nobody reads it any more
        Console(stderr=True).print(f"[red]{line}[/red]", soft_wrap=True, highlight=False)


def _flushed(code):
    """The exit code, once all that was printed has arrived; 1 where it cannot."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            error.filename = "standard output"
            _print_red(_refused(error))
        # Python would try once more at its end, and complain
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1


def _readable_streams():
    """Let output take every name: what it has no letter for is spelled out."""
    codecs.register_error("fusiontools", _spelled_out)
    # what is read by a shell has the name's own bytes
    for stream, errors in ((sys.stdout, "fusiontools"), (sys.stderr, "backslashreplace")):
        with suppress(AttributeError, ValueError, OSError):  # not every stream can
            stream.reconfigure(errors=errors)


def _spelled_out(error):
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def _terminable():
    """Let SIGTERM end a command as an exception does, so that it leaves nothing half done.
    Returns what it did before; None where it cannot be changed.
    """

    def leave(number, frame):
        raise SystemExit(128 + number)

    try:
        return signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread
        return None
