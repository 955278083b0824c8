"""What the Connective Fusion paper reports, number by number, with the place where it
stands. Nothing here is ours.

Its curves are printed as pictures without a table, so most of what it says of them is in
words.

References
----------
T. Akama: Connective Fusion: Learning Transformational Joining of Sequences with Application
to Melody Creation. ISMIR 2020.
"""

__all__ = ["FIGURES", "PAPER", "SETTINGS"]

# Section 3.4: the judge of reality, on the test part
REALITY = {"accuracy": 0.953, "mean_real": 0.959, "layers": 2}
# Sections 2.5, 3.1, 3.2 and 3.5
SETTINGS = {
    "files": 45_129,
    "parts": {"train-1": 11, "validation-1": 1, "train-2": 6, "validation-2": 1, "test": 1},
    "pitches": (55, 84),
    "bars": 8,
    "stride_bars": 1,
    "steps_per_beat": 4,
    "latent": 64,
    "lstm_layers": 2,
    "mlp_layers": 5,
    "d_steps": 10,
    "adam": {"rate": 5e-6, "beta_1": 0.0, "beta_2": 0.9},
    "perturb_sigma": (0.01, 0.2),
    "perturb_evaluations": 100,
}
# What is not given anywhere: style dimensions, widths of LSTM and MLP, weight of the
# divergence, batch, steps, number of windows
NOT_GIVEN = (
    "style",
    "width",
    "mlp_width",
    "kl_weight",
    "vae_batch",
    "fusion_batch",
    "vae_steps",
    "fusion_steps",
    "windows",
)
METRICS = (
    "reality",
    "key",
    "mean_pitch",
    "mean_duration",
    "pitch_transition",
    "duration_transition",
)
FIGURES = {
    "F1": {
        "similarity": 2.0,
        "iterations": (1, 2, 3),
        "sees": (
            "pitch sets align",
            "note durations become more uniform",
            "contours stay similar",
        ),
    },
    "F2": {
        "similarity": 0.3,
        "corners": "drawn from {0, 1} in each dimension",
        "sees": ("the others are interpolations",),
    },
    "F4": {
        "metrics": METRICS,
        "inputs": ("test", "prior"),
        "sees": ("ours tends to be above, especially with larger lambda",),
    },
    "F5": {
        "matrices": METRICS[1:],
        "sees": ("musical statistics are corrected after the transformation",),
    },
    "F6": {
        "pairs": 1_000_000,
        "thresholds": (1.0, 3.0),
        "sees": ("small distances are orders of magnitude rarer between songs",),
    },
    "F7": {
        "metrics": METRICS,
        "inputs": ("test", "prior"),
        "sees": ("larger lambda, iterated, is often comparable or better",),
    },
}
PAPER = {
    "title": "Connective Fusion: Learning Transformational Joining of Sequences with Application to Melody Creation",
    "where": "ISMIR 2020",
    "tables": {"CF-R": {"where": "section 3.4, first paragraph", "values": REALITY}},
    "figures": {
        "CF-F1": {"where": "Figure 1, section 3.3", "values": FIGURES["F1"]},
        "CF-F2": {"where": "Figure 2, section 3.3", "values": FIGURES["F2"]},
        "CF-F3": {
            "where": "Figure 3, section 2.2",
            "values": {"stages": ("pre-training", "training", "transformation")},
        },
        "CF-F4": {"where": "Figure 4, section 3.5", "values": FIGURES["F4"]},
        "CF-F5": {"where": "Figure 5, section 3.4", "values": FIGURES["F5"]},
        "CF-F6": {"where": "Figure 6, section 3.4", "values": FIGURES["F6"]},
        "CF-F7": {"where": "Figure 7, section 3.6", "values": FIGURES["F7"]},
    },
    "claims": {
        "CF-C1": (
            "section 2.3",
            "the latent space defines similarity, is cheap, and bypasses gradients through sampled tokens",
        ),
        "CF-F4": (
            "section 3.5",
            "ours tends to outperform Latent Perturb in all metrics, especially with larger lambda",
        ),
        "CF-F6": (
            "section 3.4",
            "z-distances below 1 or 3 are several orders of magnitude rarer between songs than within",
        ),
        "CF-F7": (
            "section 3.6",
            "a larger lambda after several iterations is often comparable to or better than a smaller one",
        ),
    },
    "settings": {"CF-D": {"where": "section 3.1", "values": SETTINGS}},
    "not_given": NOT_GIVEN,
}
