"""General MIDI programs by what instruments are called in scores, in several languages.

`fusiontools.music.musicxml` asks where a score gives no number. Used in chapter 4,
Connective Fusion.
"""

import re

__all__ = ["program_named"]

CHOIR = 52
# General MIDI programs by what instruments are called, in MusicXML's own list of sounds and
# in print; the first that fits counts.
NAMED = {
    r"voice|vocal|choir|\bchor(us)?\b|gesang|singstimme": CHOIR,
    r"harpsi|cembal|clavecin": 6,
    r"celest": 8,
    r"glocken": 9,
    r"vibra": 11,
    r"marimba": 12,
    r"xylo": 13,
    r"piano\b|klavier|grand": 0,
    r"accord|akkord": 21,
    r"organ|orgel|orgue": 19,
    r"bass guitar|guitar\.bass|electric bass|bass\.electric": 33,
    r"guitar|gitarre|guitare|chitarra": 24,
    r"cello|gamba": 42,
    r"contrabass|double bass|kontrabass": 43,
    r"violin|violon\b|geige": 40,
    r"viola\b|bratsche": 41,
    r"harp\b|harfe|\barpa": 46,
    r"timpani|pauke|timbales": 47,
    r"strings?\b(?!\.)|strings\.group|streicher|archi\b": 48,
    r"trumpet|trompete|tromba|cornet": 56,
    r"trombon|posaune": 57,
    r"tuba": 58,
    r"english.horn|englischhorn|cor anglais": 69,
    r"horn\b|corno|\bcor\b": 60,
    r"sopran.*sax": 64,
    r"tenor.*sax": 66,
    r"bari.*sax": 67,
    r"sax": 65,
    r"bassoon|fagott|basson": 70,
    r"oboe|hautbois": 68,
    r"clarinet|klarinette": 71,
    r"recorder|blockfl": 74,
    r"piccolo": 72,
    r"flute|flöte|flauto": 73,
    r"banjo": 105,
}
# the same for names that are one word, a number apart: "S", "Vln. II", "Ob. 1"
SHORT = dict.fromkeys("s a t b sop sopran alt ten bass mezzo cantus".split(), CHOIR)
SHORT |= dict.fromkeys("soprano alto tenor baritone altus bassus vox".split(), CHOIR)
SHORT |= dict.fromkeys("pno pf klav".split(), 0) | dict.fromkeys("hpsd cemb".split(), 6)
SHORT |= dict.fromkeys("gtr guit git".split(), 24) | {"org": 19, "vib": 11, "mar": 12}
SHORT |= dict.fromkeys("vln vl vn viol".split(), 40) | {"vla": 41, "va": 41, "br": 41}
SHORT |= dict.fromkeys("vlc vcl vc".split(), 42) | dict.fromkeys("cb db kb".split(), 43)
SHORT |= {"hp": 46, "hrf": 46, "timp": 47, "pk": 47, "str": 48, "xyl": 13, "acc": 21}
SHORT |= dict.fromkeys("tpt trp trpt tr".split(), 56) | {"tba": 58, "eh": 69, "ca": 69}
SHORT |= dict.fromkeys("tbn trb pos".split(), 57) | dict.fromkeys("hn hrn cor".split(), 60)
SHORT |= dict.fromkeys("bsn fg fag".split(), 70) | {"ob": 68, "picc": 72, "rec": 74}
SHORT |= dict.fromkeys("cl clar klar".split(), 71) | {"fl": 73, "bjo": 105}
SHORT_NAME = re.compile(r"([a-z]+)\.?(\s*(\d+|[ivx]+)\.?)?")


def program_named(word: str) -> int | None:
    """The General MIDI program, 0 to 127, that a word in small letters names, or an
    abbreviation; None if neither.

    Examples
    --------
    >>> program_named("violin ii"), program_named("ob. 1"), program_named("kazoo")
    (40, 68, None)
    """
    short = SHORT_NAME.fullmatch(word)
    if short and short[1] in SHORT:
        return SHORT[short[1]]
    return next((n for name, n in NAMED.items() if re.search(name, word)), None)
