"""The tables of the chapter on LSTM and convolutional GANs. Every number comes from a
record, or from the paper. Each function returns a `fusiontools.report.tables.Table`;
``found`` are `fusiontools.report.rows.Rows`. Chapter 6, LSTM and convolutional GANs.
"""

from fusiontools.papers.lstm_gan.evidence.paper import SHORT, TABLE_1
from fusiontools.report.rows import Rows
from fusiontools.report.tables import Table, beside_paper, cell, number, per_cent, shown

__all__ = ["measures_table", "remedies_table", "table_1", "trainings_table"]

MAIN = ("data", "heldout", "permuted", "bernoulli", "naive", "bilstm_printed", "bilstm")
MAIN += ("cnn_lstm", "bilstm_ours", "musegan")
REMEDIES = ("bilstm", "bilstm_pretrained", "bilstm_g_steps", "bilstm_d_steps")
REMEDIES += ("bilstm_balanced", "bilstm_constant", "collapsed", "bilstm_reach")
REMEDIES += ("bilstm_ours",)
RANGES = "In brackets 95 % ranges, over songs where there are songs, else over phrases; of "
RANGES += "several seeds the outermost ends."
ALIKE = "Alike: what two bars at random have in common, 1 once all noise gives one bar. "
ALIKE += "Distinct: the share of bars that differ. "


def table_1(found: Rows) -> Table:
    """Table 1 anew: ours, and the paper's number under it."""
    columns = {"EB, %": ("eb", 1, 1), "UPC": ("upc", 2, 2), "QN, %": ("qn", 1, 1)}
    said = "Bars without a note are drawn apart, as often as in the training songs: EB of "
    said += "our own models is right by construction, and counts for nothing. The paper's "
    said += f"rows of data and MuseGAN are of MuseGAN's own data. {RANGES}"
    return beside_paper(Rows(found.every(*MAIN)), columns, TABLE_1, SHORT, MAIN, said)


def _table(found, methods, columns, caption):
    made = [row for method in methods for row in found.every(method)]
    return Table(made, {"": lambda row: SHORT[row["method"]]} | columns, caption)


def measures_table(found: Rows) -> Table:
    """What Table 1 cannot tell: six measures, and the overlap with training bars."""
    columns = {
        "polyphony": shown("polyphony", cell, 2),
        "notes a bar": shown("density", cell, 1),
        "scale consistency": shown("scale", cell, 3),
        "range": shown("range", cell, 1),
        "in common with the next bar": shown("repetition", cell, 2),
        "overlap": shown("overlap", cell, 2),
        "overlap of scale": shown("overlap_scale", cell, 2),
        "overlap of range": shown("overlap_range", cell, 2),
        "copied bars": shown("copied_bars", per_cent, 1),
        "distinct": shown("distinct", per_cent, 0),
        "alike": shown("alike", cell, 2),
    }
    said = "Overlap: of the distribution over bars with that of training bars, mean over "
    said += f"six measures; of the training songs, of two halves. {ALIKE}{RANGES}"
    return _table(found, MAIN, columns, said)


def trainings_table(found: Rows) -> Table:
    """Every training: what it changes, what came of it, and what it cost."""
    return _trainings(found, [r["method"] for r in found if r.get("steps")])


def remedies_table(found: Rows) -> Table:
    """The bi-LSTM GAN and each of its remedies, the paper's and ours."""
    return _trainings(found, REMEDIES)


def _trainings(found, methods):
    columns = {"alike": shown("alike", cell, 2), "distinct": shown("distinct", per_cent, 0)}
    columns |= {"EB of its own, %": shown("eb_learned", cell, 1)}
    columns |= {"UPC": shown("upc", cell, 2), "QN, %": shown("qn", cell, 1)}
    columns |= {"overlap": shown("overlap_heldout", cell, 2)}
    columns |= {f"weights of {n.upper()}": _count(f"parameters_{n}") for n in "gd"}
    columns |= {"steps": _count("steps"), "minutes": shown("minutes", number, 1)}
    said = "Overlap: with held-out songs, mean over six measures. EB of its own: of bars "
    said += f"that share no noise, before any silence is put in. {ALIKE}{RANGES}"
    return _table(found, methods, columns, said)


def _count(metric):
    return lambda row: number(row[metric]["mean"]) if row.get(metric) else number(None)
