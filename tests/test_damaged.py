"""A damaged file of any kind that is read is read, or refused in our own words: no crash,
no hang, no room without a bound. `benchmarks/damaged.py` has the damage.
"""

import json
import sys
from collections import Counter
from contextlib import suppress

import pytest

from benchmarks.damaged import KINDS, damaged, read_damaged
from fusiontools.errors import RecordError

SEEDS = 134  # of each kind: 2,010 files in all


@pytest.mark.skipif(sys.platform != "linux", reason="bounds its memory as Linux does")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_is_read_or_refused(kind):
    found = read_damaged(kind, range(SEEDS))
    told = "\n\n".join(f"seed {seed}: {fault}" for seed, fault in found.faults.items())
    assert not found.faults, told
    assert found.ends["refused"] > SEEDS // 10  # else nothing was damaged
    assert found.ends.total() == SEEDS


def test_the_same_seed_does_the_same_damage():
    kind = KINDS["midi"]
    files = kind.make()
    made = [damaged(kind, files, seed) for seed in range(30)]
    assert made == [damaged(kind, files, seed) for seed in range(30)]
    assert max(Counter(made).values()) < 4 and not {*files} & {*made[:5]}


# What weights say of themselves

HUGE = (10**5, 10**9, 2**62, 10**400)
NONE = ("8", 1.5, None, [], {}, True, -1, 0)
NO_TEXT = ([], {}, None, 3, ["a"])
# Of each paper's file in the order of their names: what is changed, and to what
FORGED = {
    "connective_fusion": [
        *[(("config", name), HUGE + NONE) for name in ("width", "latent", "mlp_width")],
        *[(("config", name), HUGE + ("8", None, [])) for name in ("blocks", "style")],
        (("config", "encoder"), (*NO_TEXT, "x", "lstm")),
        (("config", "patch"), (0, 3, "4")),
        (("config", "phases"), ("vae", [1], None)),
        (("config", "similarity"), ("x", float("inf"), None)),
        (("config", "colour"), (1,)),
        (("config",), NO_TEXT),
        (("generators",), (None, 3, "x", [], [1], [{}], [["ours", 0.3]], {"a": 1})),
        (("generators", 0, "method"), (["ours"], None, "x")),
        (("generators", 0, "similarity"), ("x", None, [0.3])),
    ],
    "fusiongan": [
        *[(("sizes", name), HUGE + NONE) for name in ("tokens", "embedding", "hidden")],
        *[(("critic", name), HUGE + NONE) for name in ("tokens", "embedding")],
        (("critic", "filters"), (None, [], [1], [[1, 10**9]], [[10**9, 1]], "x")),
        (("vocabulary", "durations"), ([], [0], "x", None, [[1]], [1] * 9)),
        (("vocabulary", "high"), (10**9, "x", None)),
        (("vocabulary",), ([], None, 3, ["a"])),
        (("writers",), NO_TEXT),
        (("writers", "a"), ([], None, 3, "x")),
        (("writers", "a", "voices"), (None, 3, [], ["x", "y", "z"], {}, [[1]])),
        (("writers", "a", "genre"), (3, ["x"], None)),
        (("writers", "a", "joint"), ("x", 3, None)),
        (("writers", "a", "tries"), (10**9, "2", -1.5, None)),
        (("writers", "a", "temperature"), (0, -1, "x", 1e300)),
        (("writers", "a", "stretch"), (-1, "x", None)),
        (("writers", "a", "colour"), (3,)),
    ],
    "lstm_gan": [
        *[(("methods", "cnn_lstm", name), HUGE + NONE) for name in ("width", "d_width")],
        (("methods", "cnn_lstm", "noise"), HUGE + ("8", None, [])),
        (("methods", "cnn_lstm", "grid"), (0, 5, "48", -96)),
        (("methods", "cnn_lstm", "generator"), (*NO_TEXT, "bilstm", "x")),
        (("methods", "cnn_lstm"), NO_TEXT),
        (("methods",), NO_TEXT),
        (("rho",), NO_TEXT),
        (("rho", "cnn_lstm"), (None, "x", -1, 2, [0.5])),
        (("rests",), ("x", 3, [1], [1, 2], ["a", "b", "c"], {"a": 1})),
    ],
    "audio_style": [
        (("config", "width"), HUGE + NONE),
        (("config", "frames"), (10**9, 2**62, "8", None)),
        (("config", "model"), (*NO_TEXT, "x")),
        (("config",), NO_TEXT),
        (("rows",), (10**9, "x", None, [], -5)),
        (("top",), ("x", None, [])),
        (("labels",), (None, 3, [1, 2], {1: 2})),
    ],
    "domain_transfer": [
        *[(("methods", "full", name), HUGE + NONE) for name in ("width", "features")],
        (("methods", "full", "layout"), (*NO_TEXT, "x", "unrolled")),
        (("methods", "full"), NO_TEXT),
        (("methods",), NO_TEXT),
        (("labels",), (None, 3, [1, 2], {})),
        (("data",), (None, 3, [])),
    ],
}


@pytest.mark.parametrize("paper", FORGED)
def test_what_weights_say_of_themselves_is_not_believed(tmp_path, paper):
    """A stranger's file says anything of the networks to build. Whatever it says, nothing
    is built that is huge beside the file, and the error is ours.
    """
    kind = KINDS["weights"]
    (notice,), close = kind.open(kind.make()[sorted(FORGED).index(paper)])
    path, read = tmp_path / "w", _loader(paper)
    path.write_bytes(close([notice]))
    read(path)
    for keys, values in FORGED[paper]:
        for value in values:
            told = json.loads(notice)
            place = told
            for key in keys[:-1]:
                place = place[key]
            if place.get(keys[-1], "") == value if isinstance(place, dict) else False:
                continue
            place[keys[-1]] = value
            path.write_bytes(close([json.dumps(told).encode()]))
            with pytest.raises(RecordError) as error:
                read(path)
                pytest.fail(f"{keys} may be {value!r}"[:200])
            assert str(path) in str(error.value) and "What to do" in str(error.value)
        if keys != ("config", "colour"):
            told = json.loads(notice)
            place = told
            for key in keys[:-1]:
                place = place[key]
            place.pop(keys[-1], None)
            path.write_bytes(close([json.dumps(told).encode()]))
            with suppress(RecordError):  # a setting that is missing has its default
                read(path)


def _loader(paper):
    from fusiontools.papers import (
        audio_style,
        connective_fusion,
        domain_transfer,
        fusiongan,
        lstm_gan,
    )

    load = {
        "connective_fusion": connective_fusion.load_weights,
        "fusiongan": fusiongan.load_weights,
        "lstm_gan": lstm_gan.load_weights,
        "audio_style": audio_style.load_generators,
        "domain_transfer": domain_transfer.load_weights,
    }[paper]
    return lambda path: load(path=path)
