"""The command, ``python -m fusiontools``: a thin door, with no work of its own.

Every command imports what it needs when it runs, so that ``--help`` is there at once.
"""

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from fusiontools import cli_fuse, cli_papers, cli_restyle, cli_transfer
from fusiontools.cli_door import Legible, guarded, needs, say

__all__ = ["app", "main"]


def _help(text, *examples):
    shown = [f"python -m fusiontools {words}" for words in examples]
    return "\n\n".join([text, "[bold]Examples[/bold]", *shown])


_ABOUT = "Music Fusion, End to End: the package under the book."
app = typer.Typer(
    help=_help(
        _ABOUT,
        "data",
        *("train --help", "sample --help"),
        *("fuse --help", "transfer --help", "restyle --help"),
        *("notice", "--version"),
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(rich_markup_mode="rich")
app.add_typer(data, name="data")


def _version(asked: bool):
    if asked:
        from fusiontools.records import code_version

        say(f"fusiontools {code_version()}")
        raise typer.Exit


_SHOW = "Print the version, and leave."
_VERSION = typer.Option("--version", callback=_version, is_eager=True, help=_SHOW)


@app.callback()
def _first(version: Annotated[bool, _VERSION] = False):
    """What stands before every command; the help is above."""


@data.callback(
    invoke_without_command=True,
    help=_help(
        "List the corpora: which are here, how large they are, and under which terms they "
        "come.",
        "data",
        "data fetch weimar",
        "data path",
    ),
)
def data_list(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from rich.console import Console

        from fusiontools.corpora.places import data_dir

        Console().print(_table())
        say(f"Downloads lie in {data_dir()}")
        say("Get one with: python -m fusiontools data fetch NAME")


def _table():
    from rich import box
    from rich.table import Table

    from fusiontools.corpora.places import find
    from fusiontools.corpora.registry import CORPORA

    heads = ("Corpus", "Here", "Download", "Terms")
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[:3]:
        column.no_wrap = True
    table.columns[2].justify = "right"
    for card in CORPORA.values():
        here = "[green]yes[/green]" if find(card.name) else "no"
        table.add_row(f"[bold]{card.name}[/bold]", here, _size(card), card.licence)
    return table


def _size(card):
    """What there is to download, as people say it; a few corpora do not know it."""
    if not card.fetchable:
        return "none" if card.sources else "comes along"
    if not card.size:
        return "unknown"
    megabytes = card.size / 1e6
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


@data.command(help=_help("Download a corpus, and check it.", "data fetch weimar"))
def fetch(
    name: Annotated[str, typer.Argument(help="As the table of `data` calls it.")],
) -> None:
    from fusiontools.corpora.downloads import fetch as fetch_corpus
    from fusiontools.corpora.registry import info

    for file in fetch_corpus(name):
        say(str(file))
    card = info(name)
    say(f"{card.title}. Terms: {card.licence}. Credit: {card.credit}.", err=True)


@data.command(
    help=_help(
        "Print where a corpus lies; without a name, the folder of all downloads.",
        "data path",
        "data path weimar",
    )
)
def path(
    name: Annotated[str, typer.Argument(help="As the table of `data` calls it.")] = "",
) -> None:
    from fusiontools.corpora.places import data_dir
    from fusiontools.corpora.places import path as path_of

    say(str(path_of(name) if name else data_dir()))


@app.command(
    help=_help(
        "Print what music the weights that come along learned from, and its terms; with a "
        "file of weights or a run's folder, those of that one.",
        "notice",
        "notice runs/first",
    )
)
def notice(
    weights: Annotated[
        Path | None, typer.Argument(help="A file, or a run's folder.")
    ] = None,
) -> None:
    if weights is None:
        text = resources.files("fusiontools") / "pretrained" / "NOTICE.md"
        _show(text.read_text(encoding="utf-8"))
        return
    needs("torch", "safetensors")
    from fusiontools.training import finished_weights, read_weights, weights_notice

    file = finished_weights(weights) if weights.is_dir() else weights
    say(weights_notice(read_weights(file)[1]))


def _show(markdown):
    """Laid out for a terminal; elsewhere, as it is."""
    from rich.console import Console
    from rich.markdown import Markdown

    screen = Console()
    if screen.is_terminal:
        # a table's columns would cut the names of files
        rows = re.sub(r"^\|[^`\n]*\n", "", markdown, flags=re.M)
        rows = re.sub(
            r"^\| (.*) \| (.*) \| (.*) \|$", r"- \1: \2; trained on \3", rows, flags=re.M
        )
        screen.print(Markdown(rows, hyperlinks=False))
    else:
        say(*markdown.splitlines())


app.command(
    cls=Legible,
    help=_help(
        "Train a paper's model in a folder, or go on with the training that is there. "
        "You can stop it at any moment.",
        "train fusiongan --run runs/first",
        "train --run runs/first",
        "train fusiongan --run runs/jazz --data weimar_essen --method fusion_ours",
        "train fusiongan --run runs/mine --folders my/blues my/hymns --method fusion_ours",
        "train connective_fusion --run runs/joined",
        "train domain_transfer --run runs/heavy --data classical_metal --method full",
        "train lstm_gan --run runs/bars --data my/scores",
    )
    + "".join(
        f"\n\n[bold]Methods of {paper}[/bold]\n\n"
        + "\n\n".join(f"[bold]{name}[/bold]: {says}" for name, says in own)
        for paper, own in cli_papers.methods().items()
    ),
)(cli_papers.train)
app.command(
    cls=Legible,
    help=_help(
        "Write new music as MIDI files, from weights that come with the package or from a "
        "run of your own: melodies, or phrases of four bars.",
        "sample fusiongan -n 20 --out melodies",
        "sample fusiongan --pair weimar_essen --method mle --out plain",
        "sample --run runs/first --out mine",
        "sample connective_fusion -n 8 --out joined",
        "sample lstm_gan -n 16 --out phrases",
    ),
)(cli_papers.sample)
app.command(
    cls=Legible,
    help=_help(
        "Fuse two pieces of music by Connective Fusion: four bars of each melody become "
        "one melody of eight. What is taken, and what is adapted to fit, is told. The file "
        "that comes of it has the tempo and the instrument of LEFT.",
        "fuse mine.mid yours.mid --out ours.mid",
        "fuse mine.mid yours.abc --out ours.mid --left-bar 9 --amount 0.5",
        "fuse mine.mid yours.mxl --out ours.mid --styles 4 --plain as_they_are.mid",
        "fuse song.mid book.abc --out ours.mid --left-track bass --right-tune 12",
    ),
)(cli_fuse.fuse)
app.command(
    cls=Legible,
    help=_help(
        "Transfer a piece of music, whole, into another genre: its highest voice becomes a "
        "riff of metal, or a fiddle tune. What is taken, what is adapted to fit and what "
        "two judges say of it is told. The file that comes of it has the tempo of IN.",
        "transfer elise.mid --to metal --out heavy.mid",
        "transfer tune.abc --to metal --out heavy.mid --amount 0.6 --plain tune.mid",
        "transfer chorale.mxl --to fiddle --out jig.mid --track 1",
        "transfer mine.mid --to samba --out samba.mid --weights runs/mine",
    ),
)(cli_transfer.transfer)
app.command(
    cls=Legible,
    help=_help(
        "Restyle a recording: what is played in CONTENT, in the sound of STYLE. Both may "
        "be of any length and rate, mono or stereo; what comes out is as long, as loud and "
        "as wide as the content. What is taken, what is adapted and what came of it is "
        "told. Ctrl-C keeps what is made so far.",
        "restyle voice.wav organ.mp3 --out voice_as_organ.wav",
        "restyle song.flac bells.ogg --out bells.mp3 --model musaic --seconds 30",
        "restyle a.wav b.wav --out c.wav --strength 0.6 --start 20 --style-start 45",
        "restyle a.wav b.wav --out c.wav --model cyclegan --weights runs/mine",
    ),
)(cli_restyle.restyle)


def main(arguments: list[str] | None = None) -> None:
    """Run the command. What cannot be done is one red line, never a traceback.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the command line.

    Raises
    ------
    SystemExit
        Always: 0 if all went well, 1 if something could not be done, 2 if the command was
        not understood, 130 or 143 if it was interrupted or told to end.
    """
    with guarded():
        app(arguments, prog_name="python -m fusiontools")
