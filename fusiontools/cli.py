"""The command, ``python -m fusiontools``: a thin door, with no work of its own.

Every command imports what it needs when it runs, so that ``--help`` is there at once.
"""

import re
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from fusiontools import cli_fuse, cli_papers, cli_play, cli_restyle, cli_score, cli_transfer
from fusiontools.cli_door import Legible, guarded, needs
from fusiontools.cli_options import Json
from fusiontools.cli_told import Facts, say, tell

__all__ = ["app", "main"]

NAME = "python -m fusiontools"


def _help(text, *examples):
    shown = [f"{NAME} {words}" for words in examples]
    return "\n\n".join([text, "[bold]Examples[/bold]", *shown])


# of the commands that write music
_OUT = "OUT ends in .mid, or in .wav, .flac, .mp3 or .ogg, to be heard at once."


def _first_methods():
    """The default methods of all papers, in words."""
    first = cli_papers.first_methods().items()
    return ", ".join(f"{method} for {paper}" for paper, method in first)


_ABOUT = "Music Fusion, End to End: the package under the book."
app = typer.Typer(
    help=_help(
        _ABOUT,
        "data",
        *("train --help", "sample --help"),
        *("fuse --help", "transfer --help", "restyle --help"),
        *("play --help", "score --help"),
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
def data_list(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is not None:
        return
    from fusiontools.corpora.places import data_dir, find
    from fusiontools.corpora.registry import CORPORA

    facts: Facts = {"command": "data", "folder": data_dir()}
    facts["corpora"] = [
        {
            "name": card.name,
            "here": bool(find(card.name)),
            "download": _size(card),
            "bytes": card.size or None,
            "terms": card.licence,
        }
        for card in CORPORA.values()
    ]
    tell(facts, _listed, as_json)


def _listed(facts):
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads = ("Corpus", "Here", "Download", "Terms")
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[:3]:
        column.no_wrap = True
    table.columns[2].justify = "right"
    for one in facts["corpora"]:
        here = "[green]yes[/green]" if one["here"] else "no"
        table.add_row(f"[bold]{one['name']}[/bold]", here, one["download"], one["terms"])
    Console().print(table)
    yield f"Downloads lie in {facts['folder']}"
    yield "Get one with: python -m fusiontools data fetch NAME"


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
    as_json: Json = False,
) -> None:
    from fusiontools.corpora.downloads import fetch as fetch_corpus
    from fusiontools.corpora.registry import info

    facts: Facts = {
        "command": "data fetch",
        "name": name,
        "files": list(fetch_corpus(name)),
    }
    card = info(name)
    facts |= {"title": card.title, "terms": card.licence, "credit": card.credit}
    tell(facts, lambda facts: map(str, facts["files"]), as_json)
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
    as_json: Json = False,
) -> None:
    from fusiontools.corpora.places import data_dir
    from fusiontools.corpora.places import path as path_of

    there = path_of(name) if name else data_dir()
    facts: Facts = {"command": "data path", "name": name or None, "path": there}
    tell(facts, lambda facts: [str(facts["path"])], as_json)


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
    as_json: Json = False,
) -> None:
    facts: Facts = {"command": "notice", "weights": weights}
    if weights is None:
        text = resources.files("fusiontools") / "pretrained" / "NOTICE.md"
        facts["terms"] = text.read_text(encoding="utf-8")
        facts["files"] = [dict(zip(_COLUMNS, row)) for row in _ROW.findall(facts["terms"])]
        tell(facts, lambda facts: _shown(facts["terms"]), as_json)
        return
    needs("torch", "safetensors")
    from fusiontools.training import finished_weights, read_weights, weights_notice

    file = finished_weights(weights) if weights.is_dir() else weights
    facts["terms"] = weights_notice(read_weights(file)[1])
    tell(facts, lambda facts: [facts["terms"]], as_json)


# of the table in the notice, without its head, whose cells have no names of files
_ROW = re.compile(r"^\| (`.*) \| (.*) \| (.*) \|$", re.M)
_COLUMNS = ("file", "what", "trained_on")


def _shown(markdown):
    """Laid out for a terminal; elsewhere, as it is."""
    from rich.console import Console
    from rich.markdown import Markdown

    screen = Console()
    if not screen.is_terminal:
        return markdown.splitlines()
    # a table's columns would cut the names of files
    rows = re.sub(r"^\|[^`\n]*\n", "", markdown, flags=re.M)
    screen.print(Markdown(_ROW.sub(r"- \1: \2; trained on \3", rows), hyperlinks=False))
    return []


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
        "train --run runs/first --json",
    )
    + f"\n\n[bold]Method[/bold] is by default {_first_methods()}."
    + "".join(
        f"\n\n[bold]Methods of {paper}[/bold]\n\n"
        + "\n\n".join(f"[bold]{name}[/bold]: {says}" for name, says in own)
        for paper, own in cli_papers.methods().items()
    ),
)(cli_papers.train)
app.command(
    cls=Legible,
    help=_help(
        "Write new music as files of MIDI, or of sound, from weights that come with the "
        "package or, with --run, from a run of your own: melodies, or phrases of four "
        "bars. For fusiongan the method is by default blend; connective_fusion has ours "
        "(the default) and styled; lstm_gan has cnn_lstm (the default), bilstm_ours and "
        "collapsed.",
        "sample fusiongan -n 20 --out melodies",
        "sample fusiongan -n 3 --out heard --format mp3",
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
        f"that comes of it has the tempo and the instrument of LEFT. {_OUT} The method is "
        "ours, or styled, whose styles differ most; by default styled if --styles is more "
        "than 1.",
        "fuse mine.mid yours.mid --out ours.mid",
        "fuse mine.mid yours.mid --out ours.mp3 --plain as_they_are.mp3",
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
        "two judges say of it is told. The file that comes of it has the tempo of IN. "
        f"{_OUT} The method is full, the paper's (the default), or, for metal, ours.",
        "transfer elise.mid --to metal --out heavy.mid",
        "transfer tune.abc --to metal --out heavy.mid --amount 0.6 --plain tune.mid",
        "transfer chorale.mxl --to fiddle --out jig.wav --track 1",
        "transfer mine.mid --to samba --out samba.mid --weights runs/mine",
    ),
)(cli_transfer.transfer)
app.command(
    cls=Legible,
    help=_help(
        "Restyle a recording: what is played in CONTENT, in the sound of STYLE. Both may "
        "be of any length and rate, mono or stereo; what comes out is as long, as loud and "
        "as wide as the content. What is taken, what is adapted and what came of it is "
        "told. Ctrl-C keeps what is made so far. OUT ends in .wav, .flac, .mp3 or .ogg; "
        "--weights are a CycleGAN's.",
        "restyle voice.wav organ.mp3 --out voice_as_organ.wav",
        "restyle song.flac bells.ogg --out bells.mp3 --model musaic --seconds 30",
        "restyle a.wav b.wav --out c.wav --strength 0.6 --start 20 --style-start 45",
        "restyle a.wav b.wav --out c.wav --model cyclegan --weights runs/mine",
    ),
)(cli_restyle.restyle)
app.command(
    cls=Legible,
    help=_help(
        "Play music of any kind: a page of players, each with a piano roll and its sound, "
        "opens in the browser. With --out the page is written instead; or, where OUT ends "
        "in .mid, .wav, .flac, .mp3 or .ogg, the music of one FILE. A player has ten "
        "minutes at most, all of a page an hour, a sound file half an hour.",
        "play mine.mid yours.abc",
        "play mine.mid ours.mid voice.wav --out heard.html",
        "play book.abc --tune 12 --out tune.mp3",
        "play song.mid --track bass --out bass.wav --force",
    ),
)(cli_play.play)
app.command(
    cls=Legible,
    help=_help(
        "Score a piece, by whoever made it, against two others, A and B: is it a fusion of "
        "them, or one of them in the style of the other? It is read as melodies of eight "
        "bars, and stands beside rows that cost nothing: A itself, B itself, and half of A "
        "before half of B. What cannot be measured says why.",
        "score ours.mid --against mine.mid yours.abc",
        "score heavy.mid --against elise.mid riff.mid --json",
    ),
)(cli_score.score)


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
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    with guarded(as_json):
        # for people the library prints questions of use; for programs we do
        code = app(words, prog_name=NAME, standalone_mode=not as_json)
        sys.exit(code if isinstance(code, int) else 0)
