"""What "Fuse on the page" computes is what the package computes: the same numbers, the same
fusions, and of the tunes that it offers none that the model has learned from.
"""

import base64

import numpy as np
import pytest

from fusiontools.music import read_excerpt
from fusiontools.music.excerpts import Excerpt, write_grid
from fusiontools.music.grid import repair_grid
from fusiontools.papers.connective_fusion import fusing

FUSE = """async cases => {
  const net = { config: ftFuse.model.config, numbers: {} };
  for (const name of ["vae", "ours", "styled"]) {
    await new Promise(done => {
      const script = document.createElement("script");
      script.src = `../_static/fuse/weights_${name}.js`;
      script.onload = done;
      document.head.append(script);
    });
    Object.assign(net.numbers, ftFuse.unpack(ftFuse.weights[name]));
  }
  return cases.map(one => ftFuse.fuse(net, one.left, one.right, one));
}"""


def test_weights_are_those_of_the_package(maker):
    networks, _ = fusing.load_weights(method="styled")
    for name, module in {"vae": networks.vae, "styled": networks.generator}.items():
        part = maker.weights()[name]
        numbers = np.frombuffer(base64.b64decode(part["data"]), "<f2").astype(np.float32)
        own = {
            f"{name}.{key}": tensor.numpy() for key, tensor in module.state_dict().items()
        }
        assert own.keys() == part["tensors"].keys()
        for key, (first, length) in part["tensors"].items():
            assert np.array_equal(numbers[first : first + length], own[key].ravel())


def halves():
    """Halves from tunes of the list, and from nothing."""
    networks, _ = fusing.load_weights()
    made = fusing.from_prior(networks, 20, seed=3)
    return [repair_grid(part) for row in made for part in (row[:64], row[64:])]


def test_fifty_fusions_are_those_of_the_package(opened, maker):
    networks = {name: fusing.load_weights(method=name)[0] for name in maker.GENERATORS}
    tunes = [read_excerpt(piece).tokens for piece in maker.pieces().values()]
    pool = [*halves(), *tunes, *tunes]
    dice, cases, fused = np.random.default_rng(0), [], []
    for k in range(50):
        left, right = (pool[i] for i in dice.integers(len(pool), size=2))
        name = ("styled", "ours")[k % 2]
        style = dice.random(16) if k % 3 else dice.integers(2, size=16)
        dials = {"style": style.tolist(), "iterations": int(dice.integers(1, 9))}
        dials["amount"] = (1.0, 0.5, 0.25, 0.0, 0.8)[k % 5]
        fused.append(fusing.fuse(networks[name], left, right, **dials))
        pair = {"left": left.tolist(), "right": right.tolist(), "generator": name}
        cases.append(pair | dials)
    seen = opened().evaluate(FUSE, cases)
    for case, one, own in zip(cases, seen, fused, strict=True):
        assert one["tokens"] == own.tokens[0].tolist(), case
        assert one["distance"] == pytest.approx(own.distance[0], rel=1e-4, abs=1e-6)
    assert len({tuple(one["tokens"]) for one in seen}) > 40


def test_gelus_erf_is_exact(opened):
    from scipy.special import erf

    x = np.linspace(-7, 7, 281)
    seen = opened().evaluate("x => x.map(v => ftFuse.erf(v))", x.tolist())
    assert np.abs(seen - erf(x)).max() < 1e-15


def test_a_melody_is_written_as_the_package_writes_it(opened, tmp_path):
    tokens = [0, 60, 1, 1, 60, 64, 1, 0] * 16
    excerpt = Excerpt(np.zeros(64), "", "", (1, 4), "", (), 97.3, 40)
    write_grid(tokens, tmp_path / "own.mid", excerpt)
    write = "tokens => [...ftFuse.writeMidi(tokens, 97.3, 40)]"
    assert bytes(opened().evaluate(write, tokens)) == (tmp_path / "own.mid").read_bytes()


def test_the_model_has_not_learned_from_the_tunes_of_the_list(maker):
    from fusiontools import corpora
    from fusiontools.corpora.splits import split_of
    from fusiontools.papers.connective_fusion.data import FIDDLE, PARTS, _one_corpus

    songs = {e.id: e.song for e in _one_corpus([corpora.load(name) for name in FIDDLE])}
    assert {split_of(songs[key], PARTS) for key in maker.TUNES} == {"test"}
