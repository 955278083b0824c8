"""Options that commands share: one name, one meaning, one word for what it takes, one help.

A command's own help says what is special there. Imports nothing heavy. `fusiontools.cli` is
the door.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from fusiontools.cli_door import option

__all__ = ["Amount", "Force", "Json", "Method", "Out", "Plain", "Run", "Track", "Tune"]
__all__ += ["Weights", "file_argument", "seed_option"]


def file_argument(metavar: str, help: str) -> Any:
    """A file that a command reads, named by its place."""
    return typer.Argument(metavar=metavar, help=help, show_default=False)


def seed_option() -> Any:
    """A seed, as `typer.Option` takes it."""
    help = "Of all that is random: another seed, another result. By default 0."
    return option("N", help, min=0, max=2**32 - 1, show_default=False)


_JSON = "Tell it as one JSON object on standard output."
Json = Annotated[bool, option(None, _JSON, "--json")]
Force = Annotated[bool, option(None, "Replace files that are there.", "--force")]
Out = Annotated[Path, option("OUT", "The file to write; its ending says how.")]
Plain = Annotated[Path | None, option("FILE", "Write what is taken as it is, too.")]
_AMOUNT = "0: as it is, as far as the model hears it; 1: all of the way."
Amount = Annotated[float, option("0..1", _AMOUNT)]
_METHOD = "How the networks were trained, or are to be: a name; see above."
Method = Annotated[str | None, option("NAME", _METHOD)]
_WEIGHTS = "Weights of your own: a file, or a finished run's folder."
Weights = Annotated[Path | None, option("FILE", _WEIGHTS)]
_TRACK = "This track alone: its number, or a part of its name."
Track = Annotated[str | None, option("N|NAME", _TRACK)]
_TUNE = "Of a book in ABC this tune: its number, or a part of its title."
Tune = Annotated[str | None, option("N|NAME", _TUNE)]
Run = option("DIR", "The folder of a run.")  # train needs it, sample may do without
