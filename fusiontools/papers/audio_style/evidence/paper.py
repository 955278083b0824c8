"""What the paper on audio style transfer reports, with the place where it stands; and what
methods are called. No number here is ours. Chapter 7, Audio style transfer.
"""

import re

__all__ = ["GENRES", "PAPER", "PRINTED", "SHORT"]

# What methods are called, in the order of tables and figures
SHORT = {"copy_content": "content, as it is", "copy_style": "style, as it is"}
SHORT |= {"noise": "white noise", "swap_spectrum": "content, filtered like the style"}
SHORT |= {"cnn": "CNN", "cnn_frequency": "CNN along frequency"}
SHORT |= {"rnn": "RNN", "rnn_time": "RNN along time"}
SHORT |= {"bilstm": "BiLSTM", "bilstm_time": "BiLSTM along time", "cyclegan": "CycleGAN"}
SHORT |= {"closed_form": "closed form", "bounded": "closed form, bounded"}
SHORT |= {"content_term": "ours, with a content term", "musaic": "musaicing"}
SHORT |= {"cnn_long": "CNN, 2,500 steps", "rnn_long": "RNN, 10,000 steps"}
SHORT |= {"bilstm_long": "BiLSTM, 10,000 steps", "bilstm_fast": "BiLSTM at rate 0.005"}
SHORT |= {"cnn_printed": "CNN, loss as printed", "rnn_printed": "RNN, loss as printed"}
SHORT |= {"bilstm_printed": "BiLSTM, loss as printed", "cnn_sgd": "CNN with SGD"}
SHORT |= {"cnn_512": "CNN of 512 filters", "cnn_two": "two convolutions"}
SHORT |= {"cnn_three": "three convolutions", "direct": "CNN, Gram matrices written out"}
GENRES = {"genre_cnn": "the paper's CNN, mended"}
GENRES |= {"genre_cnn_double_softmax": "with the printed softmax"}
GENRES |= {"genre_autocorr": "CNN of autocorrelograms (100 clips)"}
GENRES |= {"genre_linear": "linear discriminant analysis, our judge"}
GENRES |= {"genre_best": "a vote of three"}

# Section 3.4: macro F1; section 4 has an accuracy of 0.61 for the first
PRINTED = {"genre_cnn": {"f1": 0.63, "accuracy": 0.61}, "genre_autocorr": {"f1": 0.254}}
# A claim: where it stands, what it says, and why our numbers may differ
_CLAIMS = """
AS-F9, F10 | section 3.4 | the feature CNN reaches an F1 of 0.63 (accuracy 0.61 in section
    4) | ours is mended: 32 channels in, no softmax before the loss; folds are told
AS-F11..13 | section 3.4 | autocorrelograms reach an F1 of 0.254 | it is not told what is
    correlated; ours are onsets, of 100 clips
AS-F14..16 | section 4 | the style losses of CNN, RNN and BiLSTM fall | at the printed
    scaling, if "normalized" means divided by the number of entries
AS-F17..21 | section 4 | the output "has characteristics from both"; the CycleGAN's is
    "almost white noise with little content" | its tables mended, 1,000 steps
AS-C1 | section 4 | BiLSTM "performed best", with "least noise"; the CycleGAN is noisy |
    noise is measured, not heard
AS-C2 | sections 3.1, 3.2 | Adam at 0.005 (CNN, RNN) and 0.00005 (BiLSTM) is best; with
    larger rates "the loss was always 0"; SGD "did not help" | one pair, few steps
AS-C3 | section 3.2 | RNN with 3,000 steps is "filled with noise", good with 10,000; BiLSTM
    is as good after 8,000 | one pair
AS-C4 | section 3.2 | BiLSTM "takes longer to converge", and it "converged faster" | the
    paper gives the BiLSTM a hundredth of the RNN's rate; ours tries both rates
AS-C5 | section 3.1 | "a shallow CNN performed best" | one pair; the depths that it
    tried are not given; ours have 512 filters, 200 steps, after which deeper ones have
    changed less
AS-C6 | sections 1.2, 4 | a classifier cannot tell the output's style from the style's, and
    the content is kept | judges know 10 genres, with an F1 of what is told above
AS-E1 | section 3.2, table | the BiLSTM's linear layer takes 100 numbers |
"""
_TOLD = [
    " ".join(own.split()).split(" | ") for own in re.split(r"\n(?=AS)", _CLAIMS.strip())
]
PAPER = {
    "claims": {name: [part.rstrip(" |") for part in told] for name, *told in _TOLD},
    "units": 100,  # inputs of every linear layer, as printed
    "rates": {"cnn": 0.005, "rnn": 0.005, "bilstm": 0.00005},
    "steps": {"cnn": 2500, "rnn": 10_000, "bilstm": 10_000},
}
