"""What the paper on cross-genre transfer reports, with the place where it stands; and what
methods are called. No number here is ours. Used in chapter 5, Domain transfer.

Cross Genre Music Generation using Image Representation: music as pictures of 32 x 32 x 3,
and the domain transfer network of Taigman and others with residual and skip connections.
"""

import re

__all__ = ["CLASSES", "CRUDE", "PAPER", "SHORT", "SHOWN", "TABLE_1", "TRIVIAL", "VOTES"]

# What methods are called, in the order of tables and figures
SHORT = {"real": "real target", "ours": "ours", "full": "the paper's network"}
SHORT |= {"ours_no_gan": "ours, no D", "no_gan": "the paper's, no D"}
SHORT |= {"restrike": "every eighth struck anew", "nearest": "nearest target window"}
SHORT |= {"blur": "averaged over a bar"}
SHORT |= {"transpose": "transposed", "noise": "noise", "copy": "the source itself"}
SHORT |= {"left_hand": "lowest voice", "plain": "no residual, no skip"}
SHORT |= {"no_residual": "no residual", "no_skip": "no skip", "no_tv": "no total variation"}
SHORT |= {"no_const": "no f-constancy", "no_guard": "f-constancy as printed"}
SHORT |= {"causal": "causal filters", "recurrent": "recurrent twin"}
SHORT |= {"schedule": "3 D and 10 G updates a step", "pianoroll": "piano roll"}
# What a transfer must beat, and two more rows that know nothing of a genre or of a source
TRIVIAL = ("copy", "transpose", "noise", "restrike", "no_gan")
CRUDE = ("blur", "nearest")
# Table 1: what a file is, and what more than 20 of 50 people called it
CLASSES = ("blend", "classical", "metal", "absurd")
TABLE_1 = {"blend": (13, 5, 3, 4), "classical": (1, 12, 0, 2), "metal": (1, 1, 11, 2)}
VOTES = {"people": 50, "more than": 20}  # section 6
# A claim: where it stands, what it says, and why our numbers may differ
_CLAIMS = """
DT-F1..F3 | section 4.2 | a 3 x 3 filter spans 17 time instants, with gaps |
    the picture that is drawn has one channel, the one for training three
DT-F8, T1 | section 6, Table 1 | of 25 generated files 13 are heard as blends; of real ones
    12 of 15 and 11 of 15 |
    50 people heard whole files; ours are two judges of 32 bars of one voice
DT-F9 | section 6, Figure 9 | classical pictures have little high-frequency content, and
    outputs gain it |
    the paper looks at two pictures; ours is a share of power, of all outputs
DT-C1 | section 4.4 | residual and skip connections: training 3 times faster |
    the paper does not say to which loss, nor how many trainings; without connections ours
    end above this level
DT-C2 | section 4.4 | residual connections reduce the f-constancy loss |
    argued there, not measured; ours is divided by the variance of f
DT-C3 | sections 4.2 and 4.3 | the future should be seen, too; near instants weigh more, and
    the past as much as the future | argued there, not measured; near instants weigh only
    a little more
DT-C4 | sections 4.1 and 7 | convolutions are faster than recurrence | argued there, not
    measured; ours is on one core, where a graphics card would favour convolutions more
DT-C5 | section 4.2 | short terms in the shallow layers, long ones in the deep |
    argued there; a gradient says what can be seen, not what is used
DT-C6 | section 6 | outputs vary little; short excerpts do not tell the genre |
    the paper looks and listens; ours counts steps, and asks judges, who are less often
    right of fewer bars, but mostly are
DT-D | section 5.1 | 10,245 classical and 1,748 metal rock files |
    its files are not named, and the address is dead
"""
_TOLD = [
    " ".join(own.split()).split(" | ") for own in re.split(r"\n(?=DT)", _CLAIMS.strip())
]
PAPER = {
    # section 4.2: instants that a 3 x 3 filter spans in a picture 7 wide, and skips
    "span": {"width": 7, "steps": 17, "skipped": [4, 5, 6, 7, 11, 12, 13, 14]},
    "faster": 3,  # section 4.4: "(3x times)"
    "data": {"classical": 10_245, "metal": 1_748},  # files, section 5.1
    "settings": {"batch": 128, "rate": 3e-4, "filter": 3, "waist": 4, "features": 128},
    "claims": {name: told for name, *told in _TOLD},
}
# What a page may show before and after: the first voices of pieces in music21's corpus,
# none of which is in any training
SHOWN = {
    "Bach, Wachet auf (BWV 140)": "bach/bwv140.7.mxl",
    "Mozart, String Quartet K. 458": "mozart/k458/movement1.mxl",
    "Haydn, String Quartet op. 74 no. 1": "haydn/opus74no1/movement1.mxl",
    "Beethoven, String Quartet op. 18 no. 1": "beethoven/opus18no1/movement1.mxl",
}
