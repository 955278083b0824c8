"""The index cards of all corpora: what each is, whose, on which terms, and from where.

Facts only; `registry` reads them. Sizes and checksums are those that the publishers, or the
public loaders that grew around them, give.
"""

from dataclasses import dataclass

__all__ = ["CARDS", "CorpusInfo", "Source"]


@dataclass(frozen=True)
class Source:
    """A file that a corpus is read from.

    `stand_ins` are other paths in the data folder that hold the same, as archives or
    unpacked. A `moving` address leads to whatever is newest, so that the checksum is of a
    snapshot.
    """

    file: str  # its official name; "" where the corpus is a folder of your own
    size: int = 0  # in bytes; 0 if unknown
    checksum: str = ""  # "sha256:...", "sha1:..." or "md5:..."; "" if there is none
    url: str = ""  # "" where nothing can be fetched
    stand_ins: tuple = ()
    moving: bool = False


@dataclass(frozen=True)
class CorpusInfo:
    """The index card of a corpus.

    `cite` is a key of the book's bibliography, "" if there is nothing to cite.
    """

    name: str
    title: str
    about: str
    licence: str
    credit: str
    cite: str
    home: str
    loader: tuple  # (module, function, keyword arguments), imported when first used
    kind: str = "notes"  # or "audio", or "arrays"
    sources: tuple = ()  # empty for what comes with a dependency

    @property
    def size(self) -> int:
        """Bytes to download; 0 if nothing is, or nobody says."""
        return sum(s.size for s in self.sources)

    @property
    def checksum(self) -> str:
        """Of the main file; "" if there is none."""
        return self.sources[0].checksum if self.sources else ""

    @property
    def fetchable(self) -> bool:
        """Whether there is something to download."""
        return any(s.url for s in self.sources)


def _in(module, function, **options):
    return (f"fusiontools.corpora.{module}", function, options)


_WITH_MUSIC21 = (
    "public-domain tunes; distributed with music21 by permission of the encoders"
)
_SONGS = (
    "none stated; transcriptions of songs in copyright: study them, do not pass them on"
)
_CLIPS = "none known; commercial recordings: study them, do not pass them on"
_LMD = "http://hog.ee.columbia.edu/craffel/lmd/"
_RAW = "https://raw.githubusercontent.com"
_GTZAN = "https://huggingface.co/datasets/marsyas/gtzan"
_LABELS_COMMIT = "232d4f558dd62e32eee7c0c1f9830b821ba6210b"
_POP909_COMMIT = "d83e6edba6872a704f5d3b8b32f5cb540088dae6"
_ASAP_COMMIT = "afc815c75c42e83a79c03feb6da8a35e77d4c6b8"

_WITH_DEPENDENCIES = (
    CorpusInfo(
        "essen",
        "Essen Folksong Collection",
        "8,514 folk songs, most of them from the German-speaking lands, "
        "with a large Chinese part",
        "non-commercial distribution and use within music21, by permission of "
        "Ewa Dahlig-Turek; legal status otherwise unclear",
        "Helmut Schaffrath and Ewa Dahlig-Turek; ABC by Seymour Shlien",
        "schaffrath1995essen",
        "https://www.esac-data.org",
        _in("music21_corpus", "load_tunebook", folder="essenFolksong", label="folk"),
    ),
    CorpusInfo(
        "ryan",
        "Ryan's Mammoth Collection (1883)",
        "1,059 fiddle tunes, reels, jigs, hornpipes and clogs, printed in Boston",
        _WITH_MUSIC21,
        "William Bradbury Ryan and Elias Howe; "
        "ABC by John Chambers, Ray Davies and others, named in each file",
        "ryan1883mammoth",
        "https://www.music21.org",
        _in("music21_corpus", "load_tunebook", folder="ryansMammoth", label="fiddle"),
    ),
    CorpusInfo(
        "oneill",
        "O'Neill's Music of Ireland (1850 melodies)",
        "2,009 Irish airs, jigs, reels and hornpipes",
        _WITH_MUSIC21,
        "Francis O'Neill; ABC by many hands, named in each file",
        "oneill1903music",
        "https://www.music21.org",
        _in("music21_corpus", "load_tunebook", folder="oneills1850", label="irish"),
    ),
    CorpusInfo(
        "aird",
        "Aird's Airs (1782 to 1803)",
        "1,180 Scottish, English, Irish and foreign airs in six volumes",
        _WITH_MUSIC21,
        "James Aird; ABC by Jack Campin",
        "aird1782selection",
        "https://www.music21.org",
        _in("music21_corpus", "load_tunebook", folder="airdsAirs", label="airs"),
    ),
    CorpusInfo(
        "nottingham",
        "Nottingham Music Database, as far as music21 carries it",
        "two reels of the database: enough for an example, not for a training",
        _WITH_MUSIC21,
        "Eric Foxley",
        "cuthbert2010music21",
        "https://www.music21.org",
        _in("music21_corpus", "load_tunebook", folder="nottingham-dataset", label="reel"),
    ),
    CorpusInfo(
        "bach",
        "Bach chorales",
        "chorales by Johann Sebastian Bach, nearly all in four voices, one track a voice; "
        "some have instruments or fewer voices",
        "the music is in the public domain; "
        "encodings distributed with music21 by permission",
        "Johann Sebastian Bach; encodings by Margaret Greentree and others",
        "cuthbert2010music21",
        "https://www.music21.org",
        _in("music21_corpus", "load_chorales", folder="bach"),
    ),
    CorpusInfo(
        "rendered",
        "Melodies of the default corpora, played by a synthesiser",
        "one style is one instrument: recordings to learn audio style from "
        "where nothing was downloaded",
        "as the tune books and chorales that are played",
        "the tune books' and chorales' encoders",
        "cuthbert2010music21",
        "https://www.music21.org",
        _in("rendered", "load_rendered"),
        kind="audio",
    ),
)

_NOTES = (
    CorpusInfo(
        "weimar",
        "Weimar Jazz Database",
        "456 transcribed jazz solos with 200,809 notes, "
        "every one placed against annotated beats",
        "ODbL 1.0: name the source; a database derived from it is shared alike",
        "Martin Pfleiderer, Klaus Frieler and the Jazzomat project, HfM Franz Liszt Weimar",
        "pfleiderer2017jazzomat",
        "https://jazzomat.hfm-weimar.de",
        _in("weimar", "load_weimar"),
        sources=(
            Source(
                "wjazzd.db",
                42_512_384,
                "sha256:af6a0d9debf042c3581565bd75baad591d32e166cd2ec7298519883de614bf12",
                "https://jazzomat.hfm-weimar.de/download/downloads/wjazzd.db",
            ),
        ),
    ),
    CorpusInfo(
        "pop909",
        "POP909",
        "909 Chinese pop songs as tracks MELODY, BRIDGE and PIANO, with annotated beats",
        "MIT for the data set; the songs are in copyright",
        "Ziyu Wang, Ke Chen, Junyan Jiang, Yiyi Zhang, Maoran Xu, Shuqi Dai, Xianbin Gu "
        "and Gus Xia",
        "wang2020pop909",
        "https://github.com/music-x-lab/POP909-Dataset",
        _in("pop909", "load_pop909"),
        sources=(
            Source(
                "POP909-Dataset.zip",
                url=f"https://github.com/music-x-lab/POP909-Dataset/archive/{_POP909_COMMIT}.zip",
                stand_ins=("pop909/POP909", "POP909", "pop909/pop909_909.tar.xz"),
            ),
        ),
    ),
    CorpusInfo(
        "lmd_matched",
        "Lakh MIDI Dataset, matched part",
        "45,129 MIDI files matched to 31,034 songs of the Million Song Dataset, "
        "with genre lists of the Lakh Pianoroll Dataset",
        "CC BY 4.0; the songs are in copyright",
        "Colin Raffel; "
        "genre lists by Hao-Wen Dong from last.fm, AllMusic and Tagtraum labels",
        "raffel2016lakh",
        "https://colinraffel.com/projects/lmd/",
        _in("lakh", "load_lakh"),
        sources=(
            Source(
                "lmd_matched.tar.gz",
                1_407_072_670,
                "md5:fb80d01c22020295bb3eeef31f1aa63a",
                _LMD + "lmd_matched.tar.gz",
                stand_ins=("lmd_matched/lmd_matched",),
            ),
            Source(
                "labels.tar.gz",
                869_278,
                "sha256:68191f8f394a15b8c9d6a379c95bceba857d4732220df272c6166e225808e5d6",
                f"{_RAW}/salu133445/lakh-pianoroll-dataset/{_LABELS_COMMIT}"
                "/data/labels.tar.gz",
                stand_ins=("rock_pianorolls/lpd_labels_original.tar.gz",),
            ),
        ),
    ),
    CorpusInfo(
        "lmd_full",
        "Lakh MIDI Dataset",
        "176,581 different MIDI files from the web, without names",
        "CC BY 4.0; the songs are in copyright",
        "Colin Raffel",
        "raffel2016lakh",
        "https://colinraffel.com/projects/lmd/",
        _in("lakh", "load_lakh"),
        sources=(
            Source(
                "lmd_full.tar.gz",
                1_768_163_879,
                "md5:2536ce3fd2cede53ddaa264f731859ab",
                _LMD + "lmd_full.tar.gz",
                stand_ins=("lmd_full/lmd_full",),
            ),
        ),
    ),
    CorpusInfo(
        "genre_midi",
        "Your own MIDI files by genre",
        "any folder of <genre>/*.mid, as the domain-transfer paper collected from the web; "
        "its own link is dead",
        _SONGS,
        "whoever made the files",
        "crossgenre_images",
        "https://archive.org/details/midiman_melody_kit_1.0_2015-06",
        _in("folders", "load_folder"),
        sources=(Source("", stand_ins=("ums_genre_midi/ums_selected_3869.tar.xz",)),),
    ),
    CorpusInfo(
        "metal_midi",
        "Your own metal MIDI files",
        "any folder of metal songs as MIDI; pieces without a pitched note are left out",
        _SONGS,
        "whoever made the files",
        "crossgenre_images",
        "https://archive.org/details/midiman_melody_kit_1.0_2015-06",
        _in("folders", "load_folder", label="metal"),
        sources=(Source("", stand_ins=("metal_midi/metal_named.tar.xz",)),),
    ),
    CorpusInfo(
        "classical_midi",
        "Classical piano MIDI",
        "any folder of classical pieces as MIDI, "
        "such as the 337 of piano-midi.de by 25 composers",
        "piano-midi.de: for study and research, see its page on copyright",
        "Bernd Krueger (piano-midi.de)",
        "",
        "https://www.piano-midi.de",
        _in("folders", "load_folder", label="classical"),
        sources=(Source("", stand_ins=("classical_midi/piano_midi_de_337.tar.xz",)),),
    ),
    CorpusInfo(
        "asap",
        "ASAP, its quantised scores",
        "235 classical piano scores as MIDI that sits on the grid, from Bach to Prokofiev",
        "CC BY-NC-SA 4.0",
        "Francesco Foscarin, Andrew McLeod, Philippe Rigaux, Florent Jacquemard and "
        "Masahiko Sakai",
        "foscarin2020asap",
        "https://github.com/fosfrancesco/asap-dataset",
        _in("folders", "load_folder", label="classical", pattern=r"(^|/)midi_score\.mid$"),
        sources=(
            Source(
                "asap-dataset.zip",
                url=f"https://github.com/fosfrancesco/asap-dataset/archive/{_ASAP_COMMIT}.zip",
                stand_ins=("classical_midi/asap_score_midi_235.tar.xz",),
            ),
        ),
    ),
    CorpusInfo(
        "rock_rolls",
        "Rock piano parts at 24 steps a beat",
        "piano parts of rock songs in 4/4, laid out as the Lakh Pianoroll Dataset lays "
        "them; with lmd_matched, filter that instead",
        _SONGS,
        "after Hao-Wen Dong's Lakh Pianoroll Dataset, whose hosts now ask for a login",
        "dong2018musegan",
        "https://salu133445.github.io/lakh-pianoroll-dataset/",
        _in("stored", "load_rock_rolls"),
        sources=(
            Source(
                "rock_piano_notes_24tpb.npz",
                stand_ins=("rock_pianorolls/rock_piano_notes_24tpb.npz",),
            ),
        ),
    ),
    CorpusInfo(
        "melodies_16th",
        "Monophonic melodies on a 16th grid",
        "monophonic tracks in 4/4, pitches 55 to 84, "
        "cut as the Connective Fusion paper cuts LMD-matched",
        _SONGS,
        "after Colin Raffel's LMD-matched",
        "akama2020connective",
        "https://colinraffel.com/projects/lmd/",
        _in("stored", "load_melodies_16th"),
        kind="arrays",
        sources=(Source("melodies_4_4_16th.npz"),),
    ),
)

_AUDIO = (
    CorpusInfo(
        "gtzan",
        "GTZAN",
        "1,000 clips of 30 seconds, ten genres with 100 each; "
        "artists and whole clips repeat across it, and jazz.00054 is damaged",
        _CLIPS,
        "George Tzanetakis and Perry Cook",
        "tzanetakis2002gtzan",
        _GTZAN,
        _in("recordings", "load_gtzan"),
        kind="audio",
        sources=(
            Source(
                "genres.tar.gz",
                1_230_000_000,  # rounded
                "sha256:24347e0223d2ba798e0a558c4c172d9d4a19c00bb7963fe055d183dadb4ef2c6",
                _GTZAN + "/resolve/main/data/genres.tar.gz",
                stand_ins=("gtzan/genres", "genres"),
            ),
        ),
    ),
    CorpusInfo(
        "gtzan_mini",
        "GTZAN, ten clips a genre",
        "100 of GTZAN's clips, ten of each genre; "
        "the checksum is of a snapshot, and the publisher may change the file",
        _CLIPS,
        "George Tzanetakis and Perry Cook; selection by the mirdata project",
        "tzanetakis2002gtzan",
        "https://github.com/TempoBeatDownbeat/gtzan_mini",
        _in("recordings", "load_gtzan"),
        kind="audio",
        sources=(
            Source(
                "gtzan_mini.zip",
                0,
                "md5:44f7f23af8363d96c59663a987f29a4c",
                "https://github.com/TempoBeatDownbeat/gtzan_mini/archive/refs/heads/main.zip",
                stand_ins=("gtzan_mini/main.zip", "gtzan_mini/gtzan_mini_flac.tar"),
                moving=True,
            ),
        ),
    ),
    CorpusInfo(
        "fma_small",
        "Free Music Archive, small subset",
        "8,000 clips of 30 seconds, eight genres with 1,000 each; six are damaged",
        "the licence that each artist chose, most of them Creative Commons; "
        "metadata CC BY 4.0",
        "Michaël Defferrard, Kirell Benzi, Pierre Vandergheynst, Xavier Bresson, "
        "and the artists",
        "defferrard2017fma",
        "https://github.com/mdeff/fma",
        _in("recordings", "load_fma"),
        kind="audio",
        sources=(
            Source(
                "fma_small.zip",
                7_679_594_875,
                "sha1:ade154f733639d52e35e32f5593efe5be76c6d70",
                "https://os.unil.cloud.switch.ch/fma/fma_small.zip",
                stand_ins=("fma_small/fma_small",),
            ),
            Source(
                "fma_metadata.zip",
                358_412_441,
                "sha1:f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
                "https://os.unil.cloud.switch.ch/fma/fma_metadata.zip",
                stand_ins=("fma_small/fma_metadata",),
            ),
        ),
    ),
    CorpusInfo(
        "genre_audio",
        "Your own recordings by genre",
        "any folder of <genre>/*.wav, .flac, .mp3 or .ogg",
        "yours to know",
        "whoever made the recordings",
        "",
        "",
        _in("recordings", "load_recordings"),
        kind="audio",
        sources=(Source(""),),
    ),
)

CARDS = _WITH_DEPENDENCIES + _NOTES + _AUDIO
