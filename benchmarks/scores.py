"""Scores read as music21 reads them: tempo, instruments, bar lines and notes of the
MusicXML files that come with it.

Where the two differ, the file decides who is right. Tempo: "ca 72" is a number here
(webern); where print and playback differ, playback counts here and print there
(polonaise_op1n4, concertino_clarinet). Instruments: a program that is in the file
counts, not the name beside it (aloha_oe, berlinAlexandersRagtime). Bars: directions
that stand late in their measure do not make it longer here (k80, k458, opus59no3).
Notes: chord symbols are no notes here; ties of chords and across voices are joined.
"""

import warnings
from collections import Counter

import numpy as np
from rich.console import Console

from benchmarks.measure import Row, slow
from fusiontools.corpora.music21_corpus import corpus_path
from fusiontools.corpora.parallel import in_parallel
from fusiontools.music import read_musicxml

LARGEST = 20_000  # packed bytes; music21 takes minutes for what is larger
PACKED = 20  # how many bytes of XML make a packed one
BATCH = 20


def paths(largest=LARGEST):
    """The scores of music21's corpus, the smallest first."""

    def size(file):
        return file.stat().st_size / (1 if file.suffix == ".mxl" else PACKED)

    endings = (".xml", ".mxl", ".musicxml")
    files = [f for f in corpus_path().rglob("*") if f.suffix.lower() in endings]
    return sorted((f for f in files if size(f) <= largest), key=lambda f: (size(f), f.name))


def differences(path):
    """What this package reads in a score and music21 does not, or the other way round: a
    dict of "tempo", "instruments", "bars" and "notes" to what was found, empty if all is
    the same.
    """
    from music21 import converter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = converter.parse(path, forceSource=True)
        piece, _ = read_musicxml(path.read_bytes(), path.name)
        checks = dict(tempo=_tempo, instruments=_instruments, bars=_bars, notes=_notes)
        found = {name: check(score, piece) for name, check in checks.items()}
    return {name: says for name, says in found.items() if says}


def _tempo(score, piece):
    """Marks whose tempo is not that of the piece there; (beat, theirs, ours)."""
    from music21 import tempo

    marks = set()
    for part in score.parts:
        for mark in part.recurse().getElementsByClass(tempo.MetronomeMark):
            if mark.number or mark.numberSounding:  # not the one that a word stands for
                beat = round(float(mark.getOffsetInHierarchy(part)), 4)
                marks.add((beat, round(mark.getQuarterBPM(), 2)))
    if not marks:
        ours = piece.tempo.bpm
        return [] if (ours == 100).all() else [(0, None, float(ours[0]))]
    wrong = []
    for beat in {beat for beat, _ in marks}:
        before = np.searchsorted(piece.tempo.beat, beat + 1e-6, side="right") - 1
        ours = piece.tempo.bpm[min(max(before, 0), len(piece.tempo.bpm) - 1)]
        theirs = [bpm for other, bpm in marks if other == beat]
        if not np.isclose(theirs, ours, rtol=0.01).any():
            wrong.append((beat, theirs, round(float(ours), 2)))
    return wrong


def _instruments(score, piece):
    """Parts that no track of the same name plays on that instrument; (name, program)."""
    from music21 import instrument

    ours = {(track.name.strip(), track.program) for track in piece.tracks}
    theirs = set()
    for part in score.parts:
        name = (part.partName or "").strip()
        for found in part.recurse().getElementsByClass(instrument.Instrument):
            if found.midiProgram is not None and name in {n for n, _ in ours}:
                theirs.add((name, found.midiProgram))
    return sorted(theirs - ours)


def _bars(score, piece):
    """Measures that are as long in no part of music21; (number from 0, ours, theirs).

    In scores whose parts are not equally long its parts drift apart; here they wait for
    each other.
    """
    parts = [[m.offset for m in part.getElementsByClass("Measure")] for part in score.parts]
    starts = [max(piece.bars[0], 0), *piece.bars[1:]]
    most = max(map(len, parts))
    if len(starts) - most not in (0, 1):
        return [(0, len(starts), most)]
    wrong = []
    for k, ours in enumerate(np.diff(starts[:most]).round(3)):
        theirs = {round(float(p[k + 1] - p[k]), 3) for p in parts if k + 1 < len(p)}
        if ours not in theirs:
            wrong.append((k, float(ours), sorted(theirs)))
    return wrong


def _notes(score, piece):
    """Notes on other beats or of other pitches, (beat, pitch) to how many more are ours."""
    from music21 import harmony, note

    offsets = {
        tuple(m.offset for m in p.getElementsByClass("Measure")) for p in score.parts
    }
    if len(offsets) > 1:  # parts that drift apart have no beats in common
        return {}
    ours = Counter((round(n.onset, 2), n.pitch) for n in piece.notes())
    sounding = score.toSoundingPitch(inPlace=False).stripTies()
    for one in sounding.recurse().notes:
        silent = one.duration.isGrace or isinstance(one, (harmony.Harmony, note.Unpitched))
        for pitch in () if silent or not hasattr(one, "pitches") else one.pitches:
            beat = round(float(one.getOffsetInHierarchy(sounding)), 2)
            ours[beat, pitch.midi] -= 1
    return {place: count for place, count in ours.items() if count}


@slow
def against_music21():
    """As many of the corpus's scores as music21 reads in minutes."""
    files, found, console = paths(), {}, Console(stderr=True)
    for start in range(0, len(files), BATCH):
        some = files[start : start + BATCH]
        for file, says in zip(some, in_parallel(differences, some, -1, batch_size=1)):
            if says:
                found[file.relative_to(corpus_path()).as_posix()] = says
        console.print(f"{start + len(some)} of {len(files)} scores read twice")
    for kind in ("tempo", "instruments", "bars", "notes"):
        other = {name: says[kind] for name, says in found.items() if kind in says}
        for name, says in other.items():
            console.print(f"{kind} of {name}: {str(says)[:200]}", highlight=False)
        same = 100 * (1 - len(other) / len(files))
        measured = f"{same:.1f} % of {len(files)}; others: {', '.join(other) or 'none'}"
        reached = None if kind == "notes" else same >= 99
        promised = "" if kind == "notes" else "99 %"
        yield Row(f"scores whose {kind} music21 finds too", promised, measured, reached)
