"""Networks and verbs: a closed gate is the identity, decoders share a face, the dial is
even, a batch of Latent Perturb is the plain one.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import RecordError
from fusiontools.music.excerpts import read_excerpt
from fusiontools.music.grid import HOLD, REST, decode_grid, is_legal_grid, repair_grid
from fusiontools.music.notes import Notes, shift, transpose
from fusiontools.papers.connective_fusion.config import Config, method
from fusiontools.papers.connective_fusion.fusing import (
    along,
    decode,
    encode,
    fuse,
    fuse_files,
    load_weights,
    save_networks,
    style_corners,
    style_plane,
    trajectory,
)
from fusiontools.papers.connective_fusion.losses import z_distance
from fusiontools.papers.connective_fusion.networks import (
    TOKENS,
    VAE,
    Discriminator,
    Generator,
    Networks,
    as_grid,
    as_tokens,
    join_halves,
)
from fusiontools.papers.connective_fusion.perturb import latent_perturb, perturb_steps

TINY = replace(Config.smoke(), width=8, latent=6, style=3, mlp_width=8)


def networks(**changes):
    torch.manual_seed(0)
    made = Networks(replace(TINY, **changes))
    made.vae.eval().sigma.copy_(torch.linspace(0.2, 2.0, 6))
    return made


def halves(n, seed=0):
    rng = np.random.default_rng(seed)
    return repair_grid(
        rng.choice([REST, HOLD, HOLD, 55, 60, 67, 84], (n, 64)).astype(np.uint8)
    )


# Networks


@pytest.mark.parametrize("encoder", ["parallel", "lstm"])
@pytest.mark.parametrize("decoder", ["parallel", "lstm"])
@pytest.mark.parametrize("patch", [1, 4, 64])
def test_encoders_and_decoders_share_a_face(encoder, decoder, patch):
    vae = VAE(replace(TINY, encoder=encoder, decoder=decoder, patch=patch)).eval()
    x = as_tokens(halves(5))
    mean, log_var = vae.encode(x)
    assert mean.shape == log_var.shape == (5, 6)
    assert vae.logits(mean, x).shape == vae.logits(mean).shape == (5, 64, TOKENS)
    grid = vae.decode(mean.view(5, 1, 6))
    assert grid.shape == (5, 1, 64) and grid.dtype == np.uint8
    alone = torch.cat([vae.encode(row[None])[0] for row in x])
    assert torch.allclose(
        mean, alone, atol=1e-5
    )  # a half is encoded the same in any company


@pytest.mark.parametrize("decoder", ["parallel", "lstm"])
def test_a_greedy_decoder_is_told_its_own_tokens(decoder):
    """What the decoder predicts alone is what it predicts when its own choices are given as
    the tokens before.
    """
    vae = VAE(replace(TINY, decoder=decoder)).eval()
    z = torch.randn(4, 6)
    own = vae.greedy(z)
    assert torch.allclose(vae.logits(z), vae.logits(z, own), atol=1e-5)


def test_a_parallel_encoder_sees_every_token():
    vae, x = VAE(TINY).eval(), as_tokens(halves(1))
    mean, _ = vae.encode(x)
    for t in (0, 17, 63):
        other = x.clone()
        other[0, t] = (other[0, t] + 5) % TOKENS
        assert not torch.equal(vae.encode(other)[0], mean)


def test_a_closed_gate_is_the_identity_and_an_open_one_takes_all():
    g, z, s = Generator(6, 3, 8), torch.randn(4, 2, 6), torch.rand(4, 3)
    with torch.no_grad():
        g.net[-1].bias[:12] = -1e4
        assert torch.equal(g(z, s), z)
        g.net[-1].bias[:12] = 1e4
        new = g.net(torch.cat([z.flatten(1), s], 1))[:, 12:].view(4, 2, 6)
        assert torch.equal(g(z, s), new)


def test_both_networks_have_five_layers_and_read_all_they_are_given():
    torch.manual_seed(0)  # at width 8 all units may be silent for a melody by chance
    g, d = Generator(6, 3, 64), Discriminator(6, 64)
    assert [sum(isinstance(m, torch.nn.Linear) for m in n.net) for n in (g, d)] == [5, 5]
    z, s = torch.randn(2, 2, 6, requires_grad=True), torch.rand(2, 3, requires_grad=True)
    (g(z, s).square().sum() + d(z).sum()).backward()
    assert d(z).shape == (2,) and (z.grad != 0).all() and (s.grad != 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, TOKENS - 1), min_size=64, max_size=64))
def test_what_is_decoded_is_legal_but_for_a_first_hold(tokens):
    grid = as_grid(torch.tensor(tokens))
    assert is_legal_grid(np.concatenate([[60], grid]))
    assert is_legal_grid(join_halves(grid, grid))
    kept = repair_grid(grid) == grid
    assert kept.all() or grid[0] == HOLD
    onset = np.array(tokens) > 1
    assert np.array_equal(
        as_tokens(grid)[torch.from_numpy(onset)], np.array(tokens)[onset]
    )  # no note is touched


# The dial


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.lists(st.floats(0, 1), min_size=2, max_size=5),
)
def test_the_dial_is_even_in_z_distance(seed, iterations, amounts):
    dice = torch.Generator().manual_seed(seed)
    path = torch.randn(iterations + 1, 3, 2, 6, generator=dice, dtype=torch.float64)
    sigma = torch.rand(6, generator=dice, dtype=torch.float64) + 0.1
    strongest = z_distance(path[:1], path, sigma).mean(-1).amax(0)
    for amount in amounts:
        found = z_distance(path[0], along(path, amount, sigma), sigma).mean(-1)
        assert torch.allclose(found, amount * strongest, atol=1e-8)
    assert torch.equal(along(path, 0.0, sigma), path[0])
    if iterations == 1:
        assert torch.allclose(along(path, 1.0, sigma), path[1])


def test_amount_0_is_what_the_vae_hears_and_more_is_farther():
    p, left, right = networks(), halves(4), halves(4, seed=1)
    heard = decode(p, torch.stack([encode(p, left), encode(p, right)], 1))
    none = fuse(p, left, right, amount=0.0, iterations=3)
    assert np.array_equal(none.tokens, heard) and (none.distance == 0).all()
    far = [
        fuse(p, left, right, amount=a, iterations=3, seed=2).distance
        for a in (0.1, 0.4, 0.7, 1.0)
    ]
    assert all((b > a).all() for a, b in pairwise(far))
    assert all(is_legal_grid(row) for row in fuse(p, left, right).tokens)


def test_a_dial_without_a_way_stays():
    assert torch.equal(
        along(torch.ones(1, 2, 2, 6), 1.0, torch.ones(6)), torch.ones(2, 2, 6)
    )
    still = torch.ones(3, 2, 2, 6)
    assert torch.equal(along(still, 0.5, torch.ones(6)), still[0])


# Fusing


def test_iterations_apply_the_generator_again():
    p, z, s = networks(), torch.randn(3, 2, 6), torch.rand(3, 3)
    with torch.no_grad():
        path = trajectory(p, z, s, 3)
        assert torch.equal(path[0], z) and torch.allclose(
            path[3], p.generator(p.generator(p.generator(z, s), s), s)
        )


def test_one_pair_alone_is_one_in_a_batch_and_a_seed_is_a_style():
    p, left, right = networks(), halves(3), halves(3, seed=1)
    style = np.array([0.0, 0.5, 1.0])
    many, one = fuse(p, left, right, style), fuse(p, left[1], right[1], style)
    assert torch.allclose(many.z[1], one.z[0], atol=1e-5) and one.tokens.shape == (1, 128)
    assert torch.equal(fuse(p, left, right, seed=1).z, fuse(p, left, right, seed=1).z)
    assert not torch.equal(fuse(p, left, right, seed=1).z, fuse(p, left, right, seed=2).z)


def test_the_style_plane_runs_between_its_corners():
    corners = style_corners(5, seed=3)
    assert set(corners.unique().tolist()) == {0.0, 1.0} and len(corners.unique(dim=0)) == 4
    plane = style_plane(corners, 4)
    assert plane.shape == (4, 4, 5)
    assert torch.equal(
        torch.stack([plane[0, 0], plane[0, -1], plane[-1, 0], plane[-1, -1]]), corners
    )
    assert torch.allclose(
        plane[:, 1:] - plane[:, :-1], (plane[:, -1:] - plane[:, :1]) / 3, atol=1e-6
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 1.5},
        {"amount": -0.1},
        {"style": [0.5, 0.5]},
        {"style": [0.0, 0.0, 2.0]},
        {"left": halves(2)[:, :63]},
        {"left": halves(2) + 100},
    ],
)
def test_what_cannot_be_fused_is_refused(wrong):
    given = {"left": halves(2), "right": halves(2)} | wrong
    with pytest.raises(ValueError):
        fuse(networks(), **given)


def test_weights_travel_and_fuse_the_same(tmp_path):
    p = networks()
    save_networks(p, tmp_path / "w.safetensors", ["toy"], "free", data="toy")
    read, about = load_weights(path=tmp_path / "w.safetensors")
    for own, other in ((p.vae, read.vae), (p.generator, read.generator)):
        own.load_state_dict(
            {k: t.half().float() for k, t in own.state_dict().items()}
        )  # as they are stored
        assert all(
            torch.equal(t, other.state_dict()[k]) for k, t in own.state_dict().items()
        )
    assert about["data"] == "toy" and read.config == p.config
    assert np.array_equal(
        fuse(p, halves(2), halves(2)).tokens, fuse(read, halves(2), halves(2)).tokens
    )
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(RecordError, match="not weights"):
        load_weights(path=tmp_path / "x.safetensors")


def several(path, *kinds):
    """A file of one VAE and a generator for each (method, lambda), no two alike."""
    made = []
    for seed, (_, similarity) in enumerate(kinds):
        made.append(networks(similarity=similarity))
        torch.manual_seed(seed + 1)
        made[-1].generator = Generator(6, 3, 8)
    save_networks(made, path, ["toy"], "free", [name for name, _ in kinds], half=False)
    return made


KINDS = [("ours", 0.1), ("styled", 0.3), ("ours", 0.3), ("ours", 2.0), ("balanced", 1.0)]


@pytest.mark.parametrize(
    "asked, found",
    [
        ({}, ("ours", 0.3)),
        ({"similarity": 0.1}, ("ours", 0.1)),
        ({"similarity": 2}, ("ours", 2.0)),
        ({"similarity": 0.3}, ("ours", 0.3)),
        ({"method": "styled"}, ("styled", 0.3)),
        ({"method": "styled", "similarity": 0.3}, ("styled", 0.3)),
        ({"similarity": 1.0}, ("balanced", 1.0)),
        ({"method": "balanced"}, ("balanced", 1.0)),
    ],
)
def test_a_generator_is_chosen_by_its_method_and_lambda(tmp_path, asked, found):
    made = several(tmp_path / "w.safetensors", *KINDS)
    read, about = load_weights(path=tmp_path / "w.safetensors", **asked)
    own = made[KINDS.index(found)]
    for one, other in ((own.generator, read.generator), (made[0].vae, read.vae)):
        assert all(
            torch.equal(t, other.state_dict()[name]) for name, t in one.state_dict().items()
        )
    assert (
        read.config == method(found[0], own.config)
        and [(g["method"], g["similarity"]) for g in about["generators"]] == KINDS
    )


def test_where_there_is_no_lambda_of_0_3_the_first_of_ours_is_taken(tmp_path):
    several(tmp_path / "w.safetensors", ("styled", 0.3), ("ours", 2.0), ("ours", 1.0))
    read, _ = load_weights(path=tmp_path / "w.safetensors")
    assert read.config.similarity == 2.0


@pytest.mark.parametrize(
    "asked, said", [({"similarity": 0.7}, "0.7"), ({"method": "as_printed"}, "as_printed")]
)
def test_a_generator_that_is_not_there_is_named_beside_those_that_are(
    tmp_path, asked, said
):
    several(tmp_path / "w.safetensors", *KINDS)
    with pytest.raises(RecordError, match=f"no generator .*{said}") as caught:
        load_weights(path=tmp_path / "w.safetensors", **asked)
    assert all(
        name in caught.value.do and f"{similarity:g}" in caught.value.do
        for name, similarity in KINDS
    )


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"paper": "other"}, "weights of other, not of connective_fusion"),
        ({}, "no weights of Connective Fusion.*train them"),
    ],
)
def test_weights_of_other_things_are_refused(tmp_path, about, says):
    from fusiontools.training import save_weights

    save_weights(
        {"vae": networks().vae},
        tmp_path / "w.safetensors",
        corpora=["toy"],
        terms="free",
        **about,
    )
    with pytest.raises(RecordError, match=says):
        load_weights(path=tmp_path / "w.safetensors")
    with pytest.raises(RecordError, match="nowhere"):
        load_weights("nowhere")
    with pytest.raises(ValueError, match="zip"):
        save_networks(
            [networks(), networks()], tmp_path / "w.safetensors", ["toy"], "free", ["ours"]
        )


# Files


@pytest.fixture(scope="module")
def trained():
    return networks()


C, D, E, F, G = 72, 74, 76, 77, 79


def tune(bars=4, start=0.0, pitches=(C, D, E, F, G, E, D, C), step=0.5):
    """Eighths, bar after bar."""
    many = int(bars * 4 / step)
    return Notes.of(
        [(start + step * k, step, pitches[k % len(pitches)]) for k in range(many)]
    )


def test_the_right_half_keeps_its_key(trained):
    made = fuse_files(trained, tune(), transpose(tune(), 4))
    assert made.left.notes == tune() and made.right.notes == transpose(tune(), 4)
    assert decode_grid(made.plain) == Notes.of([*tune(), *shift(transpose(tune(), 4), 16)])


def test_amount_0_is_what_the_vae_hears_and_the_dial_only_goes_up(trained):
    left, right = read_excerpt(tune()), read_excerpt(transpose(tune(pitches=(C, G, E)), -5))
    z = torch.stack(
        [encode(trained, left.tokens[None]), encode(trained, right.tokens[None])], 1
    )
    none = fuse_files(trained, left, right, amount=0.0)
    assert np.array_equal(none.tokens[0], decode(trained, z)[0]) and np.array_equal(
        none.heard, none.tokens[0]
    )
    assert none.distance.tolist() == [0.0]
    far = [
        fuse_files(trained, left, right, amount=a, iterations=2).distance[0]
        for a in (0.0, 0.2, 0.5, 0.8, 1.0)
    ]
    assert all(b > a for a, b in pairwise(far))


def test_a_seed_is_its_styles_and_the_first_of_many_is_the_one_alone(trained):
    one, many = (
        fuse_files(trained, tune(), tune(pitches=(G, E)), seed=4, styles=k) for k in (1, 5)
    )
    assert many.tokens.shape == (5, 128) and np.array_equal(one.tokens[0], many.tokens[0])
    assert (
        np.allclose(one.distance[0], many.distance[0])
        and len(set(many.distance.tolist())) == 5
    )
    style = np.full((2, 3), 0.5)
    own = fuse_files(trained, tune(), tune(pitches=(G, E)), style=style)
    assert own.tokens.shape == (2, 128) and np.array_equal(own.tokens[0], own.tokens[1])


def test_fuse_works_on_pop_songs(trained, shared_data, tmp_path):
    from fusiontools.corpora.archives import members

    wanted = {f"{n:03d}.mid" for n in (1, 44, 203, 300, 411, 512, 633, 746, 812, 909)}
    archive = shared_data / "pop909" / "pop909_909.tar.xz"
    if not archive.is_file():
        pytest.skip("needs POP909")
    songs = []
    for name, data in members(
        archive, lambda f: f.rsplit("/", 1)[-1] in wanted and "versions" not in f
    ):
        songs.append(tmp_path / name.rsplit("/", 1)[-1])
        songs[-1].write_bytes(data)
    assert len(songs) == len(wanted)
    halves = {song.stem: read_excerpt(song) for song in songs}
    given = "It is in 6/8: each bar is given a fourth quarter"
    assert f"{given}, and what sounds at its end is held." in halves["203"].said
    order = np.random.default_rng(0).permutation(sorted(halves))
    for a, b in pairwise(order):
        made = fuse_files(trained, halves[a], halves[b])
        assert is_legal_grid(made.tokens[0]) and "MELODY" in made.left.track


# Latent Perturb


def judge(tokens):
    """Likes high notes."""
    return np.where(tokens > 1, tokens, 0).mean(1) / 84


def plain_perturb(vae, z, sigma, noise):
    """Algorithm 1 as it is printed, for one pair, with line 9 corrected."""

    def heard(left, right):
        return join_halves(vae.decode(left[None])[0], vae.decode(right[None])[0])

    left, right = z
    s_max = heard(left, right)
    r_max = judge(s_max[None])[0]
    for e_left, e_right in sigma * noise:
        s_tmp = heard(left + e_left, right + e_right)
        r_tmp = judge(s_tmp[None])[0]
        if r_tmp > r_max:
            s_max, r_max = s_tmp, r_tmp
            left, right = left + e_left, right + e_right
    return s_max, r_max, torch.stack([left, right])


@pytest.mark.parametrize("decoder", ["parallel", "lstm"])
def test_latent_perturb_in_a_batch_is_the_plain_algorithm(decoder):
    p = networks(decoder=decoder)
    z, noise = torch.randn(4, 2, 6), torch.randn(15, 4, 2, 6)
    found = latent_perturb(p.vae, z, judge, 0.7, steps=15, noise=noise)
    for b in range(4):
        tokens, reality, end = plain_perturb(p.vae, z[b], 0.7, noise[:, b])
        assert np.array_equal(found.tokens[b], tokens) and found.reality[
            b
        ] == pytest.approx(reality)
        assert torch.allclose(found.z[b], end, atol=1e-5)
    assert not torch.equal(found.z, z)


def test_latent_perturb_never_gets_worse_and_a_seed_repeats_it():
    p, z = networks(), torch.randn(5, 2, 6)
    steps = list(perturb_steps(p.vae, z, judge, 0.5, steps=8, seed=1))
    assert len(steps) == 9 and torch.equal(steps[0].z, z)
    assert all((b.reality >= a.reality).all() for a, b in pairwise(steps))
    assert np.allclose([judge(s.tokens) for s in steps], [s.reality for s in steps])
    assert np.array_equal(
        latent_perturb(p.vae, z, judge, 0.5, steps=8, seed=1).tokens, steps[-1].tokens
    )
