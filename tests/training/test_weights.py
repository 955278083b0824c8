"""What is true of weights: they come back as they were, with what they say of themselves,
and nothing of a stranger's is believed.
"""

import json
import math
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save

from fusiontools.errors import FusionError, RecordError
from fusiontools.training import (
    building,
    config_from,
    load_weights,
    read_safetensors,
    read_weights,
    save_weights,
)
from fusiontools.training.weights import WEIGHTS_LIMIT


def net(width=4):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, width), torch.nn.BatchNorm1d(width), torch.nn.Linear(width, 1)
    )


NOTICE = {"corpora": ["essen", "ryan"], "terms": "free for research"}


def test_weights_come_back_in_half_precision_with_their_notice(tmp_path):
    path, model, other = tmp_path / "w.safetensors", net(), net()
    model(torch.randn(9, 3))  # so that the batch statistics are not those of a new model
    save_weights(model, path, **NOTICE, paper="fusiongan", config={"width": 4})
    for p in other.parameters():
        torch.nn.init.zeros_(p)
    assert load_weights(path, other) is other
    for name, tensor in model.state_dict().items():
        assert torch.equal(
            other.state_dict()[name],
            tensor.half().float() if tensor.is_floating_point() else tensor,
        )
    tensors, about = read_weights(path)
    assert about | {"version": ""} == NOTICE | {
        "version": "",
        "paper": "fusiongan",
        "config": {"width": 4},
    }
    assert {t.dtype for t in tensors.values()} == {torch.float32, torch.int64}
    assert path.stat().st_size < 2000


def test_several_models_share_a_file(tmp_path):
    path = tmp_path / "w.safetensors"
    models = {"generator": net(), "critic": net(5)}
    other = {"generator": net(), "critic": net(5)}
    torch.nn.init.ones_(models["critic"][0].weight)
    save_weights(models, path, **NOTICE, half=False)
    load_weights(path, other)
    for name in models:
        assert all(
            torch.equal(a, b)
            for a, b in zip(
                models[name].state_dict().values(), other[name].state_dict().values()
            )
        )


def test_the_same_weights_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_weights(
            net(), tmp_path / name, **NOTICE, seed=1, paper="fusiongan", config={"width": 4}
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_of_another_model_are_refused_and_nothing_is_half_loaded(tmp_path):
    path, model = tmp_path / "w.safetensors", net(5)
    save_weights(net(4), path, **NOTICE)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(RecordError, match="another model"):
        load_weights(path, model)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    with pytest.raises(RecordError, match="another model"):
        load_weights(path, {"generator": net(4)})


def test_weights_that_are_too_many_or_too_large_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    wide = torch.nn.Linear(2001, 2000, bias=False)
    with pytest.raises(FusionError, match=r"8\.0 MB, and 8\.0 are allowed"):
        save_weights(wide, path, **NOTICE)
    assert not list(tmp_path.iterdir()) and WEIGHTS_LIMIT == 8_000_000
    model = net()
    for bad in (math.nan, 1e6):
        torch.nn.init.constant_(model[0].weight, bad)
        with pytest.raises(FusionError, match=r"0\.weight"):
            save_weights(model, path, **NOTICE)
    save_weights(model, path, **NOTICE, half=False)
    assert torch.equal(read_weights(path)[0]["0.weight"], model[0].weight)


def test_weights_without_a_notice_are_not_ours(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(TypeError, match="corpora"):
        save_weights(net(), tmp_path / "w", terms="none")
    save_file({"a": torch.ones(2)}, tmp_path / "w", metadata={"format": json.dumps("pt")})
    with pytest.raises(RecordError, match="not weights of this package"):
        read_weights(tmp_path / "w")
    with pytest.raises(RecordError, match="no such weights"):
        read_weights(tmp_path / "none")


# A stranger's


class Trap:
    """Its unpickling leaves a mark."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return open, (self.mark, "w")


def test_a_pickle_under_a_weights_files_name_is_refused_and_not_run(tmp_path):
    mark = tmp_path / "mark"
    raw = pickle.dumps({"step": Trap(mark)})
    torch.save({"step": Trap(mark)}, tmp_path / "saved")
    for data in (
        raw,
        (tmp_path / "saved").read_bytes(),
        struct.pack("<Q", 2) + b"{}" + raw,
        struct.pack("<Q", len(raw)) + raw,
    ):
        (tmp_path / "w").write_bytes(data)
        with pytest.raises(RecordError, match="not weights"):
            read_weights(tmp_path / "w")
        assert not mark.exists()


RIGHT = {"corpora": ["essen"], "terms": "free", "version": "0.1"}
NOTICES = {
    "none": None,
    "a list": [1],
    "no corpora": {"terms": "free", "version": "0.1"},
    "corpora of text": RIGHT | {"corpora": "essen"},
    "corpora of numbers": RIGHT | {"corpora": [1]},
    "terms that are a list": RIGHT | {"terms": ["free"]},
    "no version": {"corpora": [], "terms": ""},
    "deep": RIGHT | {"config": json.loads("[" * 60 + "]" * 60)},
    "no number": RIGHT | {"seed": math.nan},
    "beyond all numbers": RIGHT | {"seed": 10**400},
    "half a character": RIGHT | {"config": "\ud800"},
}


@pytest.mark.parametrize("notice", NOTICES)
def test_weights_whose_notice_is_none_are_refused(tmp_path, notice):
    told = {"about": json.dumps(NOTICES[notice])}
    (tmp_path / "w").write_bytes(save({"a": torch.ones(2)}, metadata=told))
    with pytest.raises(RecordError, match=r"w: .*not weights of this package.*What to do"):
        read_weights(tmp_path / "w")


@pytest.mark.parametrize("text", ["", "{", "[" * 10**5, '{"a":' * 10**5, "9" * 5000, "é["])
def test_weights_whose_notice_is_no_json_are_refused(tmp_path, text):
    (tmp_path / "w").write_bytes(save({"a": torch.ones(2)}, metadata={"about": text}))
    with pytest.raises(RecordError, match="not weights of this package"):
        read_weights(tmp_path / "w")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.bfloat16])
def test_a_weight_that_is_no_number_is_named(tmp_path, bad, kind):
    tensors = {"a.weight": torch.ones(3, dtype=kind), "b.bias": torch.ones(3, dtype=kind)}
    tensors["b.bias"][1] = bad
    (tmp_path / "w").write_bytes(save(tensors, metadata={"about": json.dumps(RIGHT)}))
    with pytest.raises(RecordError, match=r"the weight 'b\.bias' holds"):
        read_weights(tmp_path / "w")


def test_arrays_without_torch_may_be_infinite_and_are_never_nan(tmp_path):
    told = {"about": json.dumps({"kind": "features"})}
    for value, good in ((math.inf, True), (math.nan, False)):
        (tmp_path / "w").write_bytes(save({"a": torch.tensor([value])}, metadata=told))
        if good:
            arrays, about = read_safetensors(tmp_path / "w")
            assert isinstance(arrays["a"], np.ndarray) and np.isinf(arrays["a"]).all()
            assert about == {"about": {"kind": "features"}}
        else:
            with pytest.raises(RecordError, match="'a' holds NaN"):
                read_safetensors(tmp_path / "w")


def test_what_is_no_file_of_weights_is_refused_and_not_waited_for(tmp_path):
    with pytest.raises(RecordError, match="this is a folder"):
        read_weights(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "w")
        with pytest.raises(RecordError, match="a pipe or a device"):
            read_weights(tmp_path / "w")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(10**12)  # a hole
    with pytest.raises(RecordError, match="1,000,000,000,000 bytes"):
        read_weights(tmp_path / "large")


SMALL = {"weight": torch.ones(2, 2)}
HUGE = {
    "wide": lambda: torch.nn.Linear(10_000, 10_000),
    "wide beyond memory": lambda: torch.nn.Linear(10**6, 10**6),
    "wide beyond counting": lambda: torch.nn.Linear(2**40, 2**40),
    "deep": lambda: torch.nn.LSTM(4, 4, 10**9),
    "many": lambda: torch.nn.ModuleList(torch.nn.ReLU() for _ in range(10**9)),
    "a table": lambda: torch.nn.Embedding(10**8, 64),
    "kept beside": lambda: torch.nn.Module().register_buffer("x", torch.empty(10**8)),
}


@pytest.mark.parametrize("huge", HUGE)
def test_networks_that_would_be_huge_beside_their_file_are_not_built(huge):
    with (
        pytest.raises(
            RecordError, match=r"w: (its networks would be far too large|no weights)"
        ),
        building("w", SMALL),
    ):
        HUGE[huge]()
    torch.nn.Linear(5000, 5000)  # afterwards everything may be built


def test_what_is_only_counted_takes_no_room():
    with building("w", SMALL), torch.device("meta"):
        torch.nn.Linear(10**5, 10**5)


def test_networks_may_have_parts_that_no_file_holds(tmp_path):
    with building("w", SMALL):
        torch.nn.LSTM(500, 500, 2)  # a discriminator


@pytest.mark.parametrize(
    "does",
    [
        lambda: {}["voices"],
        lambda: [].append(1, 2),
        lambda: 1 / 0,
        lambda: None.shape,
        lambda: torch.nn.Linear("8", 2),
        lambda: torch.nn.Conv1d(3, 4, 2, groups=2),
        lambda: torch.nn.Linear(2, 2).load_state_dict({}),
        lambda: (_ for _ in ()).throw(MemoryError()),
        lambda: json.loads("[" * 10**5),
    ],
)
def test_what_does_not_fit_what_is_built_of_it_is_said_in_our_words(does):
    with pytest.raises(RecordError, match="^w: no weights that can be used"):  # noqa: SIM117
        with building("w", SMALL):
            does()


def test_our_own_words_go_through_and_an_interrupt_too():
    for error in (FusionError("ours"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised:  # noqa: SIM117
            with building("w", SMALL):
                raise error
        assert raised.value is error


def test_a_config_is_of_the_kinds_of_its_defaults():
    from fusiontools.papers.audio_style import Config as Audio
    from fusiontools.papers.connective_fusion import Config as Fusing

    assert config_from(Audio, {"channels": None, "weight": 3}).channels is None
    assert config_from(Fusing, {"phases": ["vae"]}).phases == ("vae",)
    for odd in (
        {"width": "4"},
        {"width": 4.0},
        {"width": True},
        {"width": None},
        {"width": [4]},
        {"width": 10**10},
        {"weight": 1e300},
        {"weight": math.nan},
        {"positive": 1},
        {"model": 3},
        {"model": "x"},
        {"colour": 1},
        {"__class__": "x"},
    ):
        with pytest.raises((TypeError, ValueError, AttributeError, KeyError)):
            config_from(Audio, odd)


def test_weights_of_another_paper_are_named(tmp_path):
    path = tmp_path / "w"
    save_weights(torch.nn.Linear(1, 1), path, corpora="ryan", terms="", paper="lstm_gan")
    assert read_weights(path, "lstm_gan")[1]["paper"] == "lstm_gan"
    says = "these are weights of lstm_gan, not of fusiongan"
    with pytest.raises(RecordError, match=says):
        read_weights(path, "fusiongan")
