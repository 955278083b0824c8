"""What the FusionGAN paper reports, number by number, with the place where it stands; and
what methods and columns are called. No number here is ours.

Z. Chen, C.-W. Wu, Y.-C. Lu, A. Lerch, C.-T. Lu: Learning to Fuse Music Genres with
Generative Adversarial Dual Learning. ICDM 2017. Used in chapter 3, FusionGAN.
"""

__all__ = ["BLOCKS", "COLUMNS", "FIGURE_6", "PAPER", "PITCH", "PRINTED", "SHORT"]
__all__ += ["TABLE_1", "TABLE_2", "TABLE_2B"]

SHORT = {  # what methods are called in tables and figures
    "rm": "RM",
    "mle": "MLE",
    "gan": "GAN",
    "rl": "RL",
    "mc": "MC",
    "fusion": "Fusion",
    "fusion_ours": "Fusion, ours",
    "fusion_kl": "Fusion, KL control",
    "no_critics": "penalty, no critics",
    "fusion_stretches": "Fusion, ours, by segment",
    "fusion_as_printed": "Fusion, as printed",
    "mle_hot": "MLE at temperature 2",
    "rejection": "MLE, best of 16",
    "experts": "product of experts",
    "mixture": "mean of experts",
    "experts_best_of_8": "experts, best of 8",
    "experts_stretches": "experts, best of 8 by segment",
    "blend": "Blend",
    "half_and_half": "50/50 mixture, real",
    "splice": "splice",
    "shuffle": "shuffled notes",
    "noise": "noise",
    "real_a": "real A",
    "real_b": "real B",
    "other_key": "another key",
    "inverted": "upside down",
    "a_rhythm": "rhythm of A, pitches of B",
    "b_rhythm": "rhythm of B, pitches of A",
    "written_out": "A in sixteenths",
    "irish": "Irish tunes",
    "airs": "Scottish airs",
    "third_genre": "the other pair's genre",
    "fusion_no_balance": "Fusion, no balance",
    "fusion_constant_rewards": "Fusion, constant rewards",
    "fusion_no_phase_two": "Fusion, no second phase",
}
BLOCKS = {"dd": "DD", "npd": "NPD"}  # of Table I: durations, and pitch classes
PITCH = {"npd_eud": "NPD EUD", "npd_em": "NPD EM"}
COLUMNS = {"dd_eud": "DD EUD", "dd_em": "DD EM"} | PITCH  # of Table I, in its order


def _rows(columns, **rows):
    return {method: dict(zip(columns, row)) for method, row in rows.items()}


# Table I, "Distance between Distributions (the lower the better)", under the names of our
# metrics. Diff is on raw counts.
TABLE_1 = _rows(
    [f"{column}_{kind}" for column in COLUMNS for kind in ("diff_raw", "ratio")],
    rm=(39742.2, 1.375, 2757.6, 1.461, 19586.6, 1.647, 5231.0, 1.643),
    mle=(24546.4, 1.231, 2005.2, 1.335, 15921.4, 1.526, 4147.5, 1.510),
    gan=(24765.2, 1.233, 2064.3, 1.345, 16807.1, 1.555, 4098.0, 1.504),
    rl=(37971.2, 1.358, 2629.0, 1.439, 16927.1, 1.559, 4399.2, 1.541),
    mc=(13988.7, 1.132, 1289.2, 1.215, 11175.0, 1.369, 2660.2, 1.327),
    fusion=(19452.6, 1.183, 1831.9, 1.306, 11564.6, 1.382, 3182.5, 1.391),
)
# Table II, upper part, "Fusion recognition", in per cent. The row of gan adds up to 91;
# mc's FL follows as 18 from its row.
TABLE_2 = _rows(
    ("jazz", "folk", "mixture", "neither", "FL"),
    rm=(25.0, 22.5, 12.5, 40.0, 57.5),
    mle=(43.6, 9.1, 30.9, 16.4, 49.1),
    gan=(34.0, 17.0, 26.0, 14.0, 69.0),
    rl=(20.1, 28.3, 20.8, 30.8, 61.0),
    mc=(32.0, 2.0, 14.0, 52.0, 16.0),
    fusion=(35.9, 25.0, 20.0, 19.1, 70.0),
)
# Table II, lower part, "Musicality": who is the composer? In per cent.
TABLE_2B = _rows(
    ("expert", "newbie", "robot"),
    rm=(22.5, 50.0, 27.5),
    mle=(45.5, 21.8, 32.7),
    gan=(42.0, 32.0, 26.0),
    rl=(32.1, 37.7, 30.2),
    mc=(30.0, 36.0, 34.0),
    fusion=(43.8, 28.1, 28.1),
)
# All of them: what the paper's claims are tried on.
PRINTED = {m: TABLE_1[m] | TABLE_2[m] | TABLE_2B[m] for m in TABLE_1}
# What section IV-A reads off Figure 6, as pitch classes: C is 0.
FIGURE_6 = {
    "valleys": (1, 6),  # C# and F#
    "peaks": (0, 7),  # C and G
    # How many of these four it says that a method meets; RM is named twice, for F# as a
    # valley, and for C as the peak.
    "met": {"mc": 4, "mle": 4, "fusion": 4, "rm": 1, "gan": 0},
    "gan_single_peak": 3,  # D#
}
# section IV-B: right answers in the qualification, in per cent; melodies a method
LISTENING = {"qualified": 66.5, "qualification_sets": 800, "samples": 500}
_PEAKS = "MC, MLE and Fusion have peaks at C, G and valleys at C#, F#, and GAN none; "
_PEAKS += "durations of jazz and folk resemble a power law"
_ONE = "Diff and Ratio between distributions: MC's are the lowest, then Fusion's, MLE's"
_LISTENERS = "{qualified:g} % of listeners are right in the qualification, of "
_LISTENERS += "{qualification_sets} sets; {samples} melodies a method"
_SECOND = "Fusion has the second lowest Ratio of pitch classes after MC"
_TEN = "GAN and RL improve RM's Ratio of pitch classes by around 10 %"
_MAJORITY = "melodies by the model were preferred by the majority of users"
_PROGRESS = "the objective indicates how far the fusion has come"
PAPER = {
    "claims": {
        "FG-F1..F5": ("Figures 1 to 5", "which critic feeds which generator, with signs"),
        "FG-F6": ("Figure 6, section IV-A", _PEAKS),
        "FG-T1": ("Table I", _ONE),
        "FG-T2": ("Table II", "recognition: Fusion leads in FL, MLE in mixture"),
        "FG-T2b": ("Table II", "an expert to “the majority”: MLE, GAN and Fusion"),
        "FG-THM": ("Theorem III.1", "the objective has a best critic, a maximum"),
        "FG-C1": ("section IV-A", f"{_SECOND}, and is level with MC in durations"),
        "FG-C2": ("section IV-A", "in pitch, MLE outperforms RM, RL and GAN"),
        "FG-C3": ("section IV-A", _TEN),
        "FG-C4": ("section V", _MAJORITY),
        "FG-C5": ("sections I and V", _PROGRESS),
        "FG-C6": ("section IV-A", "RL overfits in pitch; GAN has a single peak, at D#"),
        "FG-C7": ("section IV-B", _LISTENERS.format(**LISTENING)),
    },
    "listening": LISTENING,
}
