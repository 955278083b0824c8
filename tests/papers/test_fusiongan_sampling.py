"""What writes melodies: one voice or two, one try or many, as slow plain versions of it
write; and writers in a file.
"""

import copy

import numpy as np
import pytest
import torch

from fusiontools.errors import FusionError
from fusiontools.music import read_midi
from fusiontools.music.tokens import EVENTS, Vocabulary
from fusiontools.papers.fusiongan.config import Config
from fusiontools.papers.fusiongan.data import plain_tokens
from fusiontools.papers.fusiongan.losses import farthest
from fusiontools.papers.fusiongan.networks import Critic, Generator, draw
from fusiontools.papers.fusiongan.sampling import (
    HOW,
    Writer,
    joint_logits,
    load_weights,
    sample,
    sample_midi,
    sample_tokens,
    save_writers,
    write,
)
from fusiontools.training import read_weights

# some lengths of which sound alike to a critic of genre
VOCABULARY, SMOKE = Vocabulary("notes", 60, 71, 12, (1, 2, 4, 6, 12)), Config.smoke()
V, ALIKE = VOCABULARY.size, plain_tokens(VOCABULARY)


def voice(seed):
    """A generator with opinions: fresh ones find all tokens nearly alike."""
    torch.manual_seed(seed)
    made = Generator(V, SMOKE.embedding, SMOKE.hidden).eval()
    with torch.no_grad():
        made.output.weight.mul_(6)
    return made


def listener(seed=9):
    torch.manual_seed(seed)
    sizes = (V, SMOKE.critic_embedding, SMOKE.filters)
    return Critic(*sizes, bound="none", alike=ALIKE).eval()


ONE, OTHER, GENRE = voice(0), voice(1), listener()


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def uniform(rows, length, seed=0):
    """The numbers that `write` draws with."""
    return torch.rand(rows, length, generator=dice(seed))


# One voice, one try


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_one_voice_and_one_try_is_the_generators_own_sample(temperature):
    by = Writer([ONE], temperature=temperature)
    u = uniform(9, 14)
    own = ONE.sample(9, 14, temperature, u)
    assert torch.equal(write([ONE], 9, by, dice(), 14), own)
    assert own.unique().numel() > 10


def test_sample_tokens_are_its_rows_in_another_order():
    rows, again = (
        sample_tokens(ONE, 7, seed=4),
        ONE.sample(7, EVENTS, 1.0, uniform(7, 36, 4)),
    )
    assert rows.shape == (7, EVENTS) and rows.dtype == np.int64
    assert sorted(rows.tolist()) == sorted(again.tolist()) != rows.tolist()


def test_a_seed_says_it_all_and_no_other_dice_are_moved():
    by = Writer([ONE, OTHER], "product", tries=2, stretch=12, genre=GENRE)
    state = torch.random.get_rng_state()
    first, again, other = (sample_tokens(by, 5, seed) for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert sample_tokens(by, 0).shape == (0, EVENTS)


def test_temperatures_are_multiplied():
    warm = sample_tokens(Writer([ONE], temperature=1.5), 6, temperature=2.0)
    assert (warm == sample_tokens(Writer([ONE], temperature=3.0), 6)).all()
    assert not (warm == sample_tokens(ONE, 6)).all()
    for wrong in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            sample_tokens(ONE, 2, temperature=wrong)


# Two voices


def only(token):
    """A voice that says one thing."""
    made = voice(0)
    with torch.no_grad():
        made.output.weight.zero_()
        made.output.bias.fill_(-40.0)[token] = 40.0
    return made


@pytest.mark.parametrize("n", [6, 7])
def test_voices_apart_write_an_equal_part_each(n):
    for by in (Writer([only(3), only(8)]), [only(3), only(8)]):
        rows = sample_tokens(by, n)
        assert (rows == rows[:, :1]).all()  # each melody is by one voice
        assert np.bincount(rows[:, 0], minlength=9)[[3, 8]].tolist() == [n - n // 2, n // 2]


@pytest.mark.parametrize("joint", ["product", "mean"])
def test_two_equal_voices_are_one(joint):
    by = Writer([ONE, ONE], joint, share=0.5)
    alone = write([ONE], 8, Writer([ONE]), dice())
    assert torch.equal(write(by.voices, 8, by, dice()), alone)
    assert (sample_tokens(by, 8) == sample_tokens(ONE, 8)).all()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_joint_logits_are_what_the_equations_say(share):
    a, b = torch.randn(2, 5, V, generator=dice())
    p, q = a.softmax(-1), b.softmax(-1)
    product = p**share * q ** (1 - share)
    product = product / product.sum(-1, keepdim=True)
    wanted = {"product": product, "mean": share * p + (1 - share) * q}
    for joint, own in wanted.items():
        found = joint_logits([a, b], joint, share).softmax(-1)
        torch.testing.assert_close(found, own)
    assert joint_logits([a], "product") is a


def test_two_voices_hear_each_other():
    """Each token is drawn from both, given all tokens before it, whoever chose them."""
    by = Writer([ONE, OTHER], "product", share=0.3)
    x, u = write(by.voices, 4, by, dice(), 10), uniform(4, 10)
    for t in range(10):
        logits = joint_logits([g(x)[:, t] for g in by.voices], "product", 0.3)
        assert torch.equal(draw(logits, u[:, t]), x[:, t])


# Many tries


def test_of_several_tries_the_one_that_is_hardest_to_place_is_kept():
    by = Writer([ONE], tries=5, genre=GENRE)
    every = write([ONE], 4 * 5, Writer([ONE]), dice()).view(4, 5, EVENTS)
    easy = farthest(GENRE, every.flatten(0, 1)).view(4, 5)
    found = write([ONE], 4, by, dice())
    assert torch.equal(found, every[torch.arange(4), easy.argmin(1)])
    assert easy.argmin(1).unique().numel() > 1
    torch.testing.assert_close(farthest(GENRE, found), easy.amin(1), atol=1e-5, rtol=0)


def slow(voices, n, by, u, length):
    """`write`, one melody after the other, each prefix read from its beginning."""
    made = []
    for own in u.view(n, by.tries, length):
        kept = torch.empty(0, dtype=torch.int64)
        for start in range(0, length, by.stretch or length):
            end = min(start + (by.stretch or length), length)
            tries = []
            for row in own:
                x = kept.tolist()
                for t in range(start, end):
                    read = torch.tensor([[*x, 0]])  # what stands last is not read
                    logits = joint_logits(
                        [g(read)[:, -1] for g in voices], by.joint, by.share
                    )
                    x.append(int(draw(logits / by.temperature, row[t : t + 1])))
                tries.append(torch.tensor(x))
            easy = [float(farthest(by.genre, x[None], by.stretch)) for x in tries]
            # what ends before a whole stretch is not judged
            whole = not by.stretch or (end - start) == by.stretch
            kept = tries[int(np.argmin(easy)) if whole else 0]
        made.append(kept)
    return torch.stack(made)


@pytest.mark.parametrize("stretch, length", [(4, 12), (6, 12), (5, 12), (0, 8), (12, 12)])
@pytest.mark.parametrize("voices", [[ONE], [ONE, OTHER]])
def test_stretches_are_kept_one_after_the_other(voices, stretch, length):
    by = Writer(voices, "product", 0.5, 1.3, tries=3, stretch=stretch, genre=GENRE)
    found = write(voices, 3, by, dice(), length)
    with torch.no_grad():
        assert torch.equal(found, slow(voices, 3, by, uniform(9, length), length))


def test_what_was_kept_stays_whatever_follows():
    by = Writer([ONE], tries=4, stretch=4, genre=GENRE)
    u = uniform(12, 12)
    long, short = (written_with(by, u[:, :k]) for k in (12, 8))
    assert torch.equal(long[:, :8], short)


def written_with(by, u):
    """`write` with these numbers."""
    real = torch.rand
    torch.rand = lambda *shape, generator: u
    try:
        return write(by.voices, len(u) // by.tries, by, dice(), u.shape[1])
    finally:
        torch.rand = real


def test_more_tries_are_harder_to_place():
    found = []
    for tries in (1, 4, 16):
        by = Writer([ONE], tries=tries, stretch=12, genre=GENRE)
        x = torch.from_numpy(sample_tokens(by, 40))
        found.append(float(farthest(GENRE, x, 12).detach().mean()))
    assert found[0] > found[1] > found[2]


# Notes and files


def test_a_writer_of_rests_alone_is_refused(tmp_path):
    rest = only(12 * 5)
    assert [len(m) for m in sample(rest, VOCABULARY, 3)] == [0] * 3
    with pytest.raises(FusionError, match="only 0 of 2 melodies have a note"):
        sample_midi(rest, VOCABULARY, 2, tmp_path)


def test_files_are_what_was_sampled(tmp_path):
    files = sample_midi([ONE, OTHER], VOCABULARY, 3, tmp_path / "new", seed=5, name="tune")
    assert [f.name for f in files] == [f"tune_00{k}.mid" for k in (1, 2, 3)]
    for file, notes in zip(files, sample([ONE, OTHER], VOCABULARY, 3, seed=5)):
        assert read_midi(file).tracks[0].notes.pitch.tolist() == notes.pitch.tolist()


def writers():
    """Methods that share voices, and critics of their own."""
    other_critic, twin = listener(3), copy.deepcopy(ONE)
    return {
        "mle": ONE,
        "rl": [ONE, OTHER],
        "hot": Writer([twin], temperature=2.0),  # equal, and another object
        "experts": Writer([ONE, OTHER], "product", share=0.4),
        "rejection": Writer([ONE], tries=3, genre=GENRE),
        "blend": Writer([ONE], tries=4, stretch=12, genre=other_critic),
        "again": Writer([OTHER], tries=2, genre=copy.deepcopy(GENRE)),
    }


def kept(made, path, **about):
    save_writers(made, path, SMOKE, VOCABULARY, ["one", "other"], "free", **about)
    return load_weights(path=path)


def test_what_several_share_is_stored_once(tmp_path):
    own, path = writers(), tmp_path / "w.safetensors"
    loaded, vocabulary, about = kept(own, path, pair="toy")
    names = {name.split(".")[0] for name in read_weights(path)[0]}
    assert names == {"mle-0", "rl-1", "rejection-genre", "blend-genre"}
    assert vocabulary == VOCABULARY and about["pair"] == "toy" and list(loaded) == list(own)
    first = loaded["mle"].voices[0]
    assert all(loaded[m].voices[0] is first for m in ("rl", "hot", "experts", "blend"))
    assert loaded["again"].genre is loaded["rejection"].genre
    assert loaded["blend"].genre is not loaded["rejection"].genre
    assert loaded["mle"].genre is None and loaded["again"].voices == [
        loaded["rl"].voices[1]
    ]
    kept({"mle": ONE}, tmp_path / "alone")
    sizes = {k: sum(p.numel() for p in m.parameters()) for k, m in zip("gc", (ONE, GENRE))}
    more = path.stat().st_size - (tmp_path / "alone").stat().st_size
    weights = 2 * (sizes["g"] + 2 * sizes["c"])  # bytes
    assert weights < more < weights + 8000  # what each tensor is called


def halved(model):
    """The weights as they are stored, in 16 bits."""
    made = copy.deepcopy(model)
    made.load_state_dict({k: t.half().float() for k, t in made.state_dict().items()})
    return made


def test_writers_travel_and_write_the_same_melodies(tmp_path):
    own = writers()
    loaded, _, _ = kept(own, tmp_path / "w.safetensors")
    for method, by in own.items():
        by = Writer([by]) if isinstance(by, Generator) else by
        by = by if isinstance(by, Writer) else Writer(by)
        assert [getattr(loaded[method], n) for n in HOW] == [getattr(by, n) for n in HOW]
        stored = by._replace(
            voices=[halved(g) for g in by.voices], genre=by.genre and halved(by.genre)
        )
        rows = sample_tokens(loaded[method], 5, seed=2)
        assert (rows == sample_tokens(stored, 5, seed=2)).all()
    again = kept(loaded, tmp_path / "again.safetensors")[0]
    assert (tmp_path / "again.safetensors").read_bytes() == (
        tmp_path / "w.safetensors"
    ).read_bytes()  # 16 bits of 16 bits
    assert list(again) == list(own)
