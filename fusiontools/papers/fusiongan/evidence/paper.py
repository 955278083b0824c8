"""What the FusionGAN paper reports, number by number, with the place where it stands.
Nothing here is ours.

References
----------
Z. Chen, C.-W. Wu, Y.-C. Lu, A. Lerch, C.-T. Lu: Learning to Fuse Music Genres with
Generative Adversarial Dual Learning. ICDM 2017.
"""

__all__ = ["FIGURES", "PAPER", "TABLE_1", "TABLE_2", "TABLE_2B"]


def _block(**rows):
    columns = ("eud_diff", "eud_ratio", "em_diff", "em_ratio")
    return {method: dict(zip(columns, row)) for method, row in rows.items()}


# Table I, "Distance between Distributions (the lower the better)". Diff is on raw counts.
TABLE_1 = {
    "dd": _block(
        rm=(39742.2, 1.375, 2757.6, 1.461),
        mle=(24546.4, 1.231, 2005.2, 1.335),
        gan=(24765.2, 1.233, 2064.3, 1.345),
        rl=(37971.2, 1.358, 2629.0, 1.439),
        mc=(13988.7, 1.132, 1289.2, 1.215),
        fusion=(19452.6, 1.183, 1831.9, 1.306),
    ),
    "npd": _block(
        rm=(19586.6, 1.647, 5231.0, 1.643),
        mle=(15921.4, 1.526, 4147.5, 1.510),
        gan=(16807.1, 1.555, 4098.0, 1.504),
        rl=(16927.1, 1.559, 4399.2, 1.541),
        mc=(11175.0, 1.369, 2660.2, 1.327),
        fusion=(11564.6, 1.382, 3182.5, 1.391),
    ),
}
# Table II, upper part, "Fusion recognition", in per cent. The row of gan adds up to 91;
# mc's FL follows as 18 from its row.
TABLE_2 = {
    method: dict(zip(("jazz", "folk", "mixture", "neither", "fl"), row))
    for method, row in {
        "rm": (25.0, 22.5, 12.5, 40.0, 57.5),
        "mle": (43.6, 9.1, 30.9, 16.4, 49.1),
        "gan": (34.0, 17.0, 26.0, 14.0, 69.0),
        "rl": (20.1, 28.3, 20.8, 30.8, 61.0),
        "mc": (32.0, 2.0, 14.0, 52.0, 16.0),
        "fusion": (35.9, 25.0, 20.0, 19.1, 70.0),
    }.items()
}
# Table II, lower part, "Musicality": who is the composer? In per cent.
TABLE_2B = {
    method: dict(zip(("expert", "newbie", "robot"), row))
    for method, row in {
        "rm": (22.5, 50.0, 27.5),
        "mle": (45.5, 21.8, 32.7),
        "gan": (42.0, 32.0, 26.0),
        "rl": (32.1, 37.7, 30.2),
        "mc": (30.0, 36.0, 34.0),
        "fusion": (43.8, 28.1, 28.1),
    }.items()
}
# What section IV-A reads off Figure 6, as pitch classes: C is 0.
FIGURES = {
    "F6": {
        "valleys": (1, 6),  # C# and F#
        "peaks": (0, 7),  # C and G
        "meets_all": ("mc", "mle", "fusion"),
        "meets_none": ("gan",),
        "meets_one": ("rm",),  # named twice: for F# as a valley, and for C as the peak
        "gan_single_peak": 3,  # D#
        "durations": "shapes that resemble the power law distribution",
        "durations_unlike": ("rm", "rl"),
    }
}
PAPER = {
    "title": "Learning to Fuse Music Genres with Generative Adversarial Dual Learning",
    "where": "ICDM 2017",
    "tables": {
        "FG-T1": {"where": "Table I, section IV-A", "values": TABLE_1},
        "FG-T2": {"where": "Table II, section IV-B, fusion recognition", "values": TABLE_2},
        "FG-T2b": {"where": "Table II, section IV-B, musicality", "values": TABLE_2B},
    },
    "figures": {"FG-F6": {"where": "Figure 6, section IV-A", "values": FIGURES["F6"]}},
    "claims": {
        "FG-THM": (
            "Theorem III.1, section III-C",
            "the three-way distance has an optimal critic, and its gradient is Eq. 4",
        ),
        "FG-C1": (
            "section IV-A",
            "Fusion has the second lowest Ratio of pitch classes after MC, and is level with MC in durations",
        ),
        "FG-C2": ("section IV-A", "in pitch, MLE outperforms RM, RL and GAN"),
        "FG-C3": (
            "section IV-A",
            "GAN and RL improve RM's Ratio of pitch classes by around 10 %",
        ),
        "FG-C4": (
            "section V",
            "melodies by the model were preferred by the majority of users",
        ),
        "FG-C5": (
            "sections I and V",
            "the objective indicates how far the fusion has come",
        ),
        "FG-C6": ("section IV-A", "RL overfits in pitch; GAN has a single peak, at D#"),
        "FG-C7": (
            "section IV-B",
            "66.5 % of 800 sets right in the qualification; 500 samples a method",
        ),
    },
    "listening": {"qualified": 66.5, "qualification_sets": 800, "samples": 500},
}
