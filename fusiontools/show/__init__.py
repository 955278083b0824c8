"""What a person hears and sees: players, live controls, plots, source beside equations."""

# Four modules are called like their one function. Imported here, the name means the
# function wherever `show.player` is said.
from fusiontools.show.colours import COLOURS, colour
from fusiontools.show.explore import Explorer, explore
from fusiontools.show.pad import Pad, pad
from fusiontools.show.player import Player, Take, player
from fusiontools.show.plots import (
    bars,
    duration_shares,
    interval_shares,
    piano_roll,
    pitch_class_names,
    pitch_class_shares,
    use_book_style,
)
from fusiontools.show.source import Source, source
from fusiontools.show.synth import (
    mp3_bytes,
    normalize,
    synthesize,
    synthesizers,
    write_audio,
)

__all__ = [
    "COLOURS",
    "Explorer",
    "Pad",
    "Player",
    "Source",
    "Take",
    "bars",
    "colour",
    "duration_shares",
    "explore",
    "interval_shares",
    "mp3_bytes",
    "normalize",
    "pad",
    "piano_roll",
    "pitch_class_names",
    "pitch_class_shares",
    "player",
    "source",
    "synthesize",
    "synthesizers",
    "use_book_style",
    "write_audio",
]
