"""Phases follow each other, each from a seed of its own, and may be taken over."""

import pytest
import torch

from fusiontools.training import Run, run_phases, steps

DATA = {"name": "d", "sha256": "0" * 64}


def opened(folder, seed=0, **config):
    about = dict(paper="p", method="m", scale="smoke", seed=seed, data=DATA)
    config = {"width": 2, "phases": ["first", "second"]} | config
    return Run.open(folder, config=config, **about)


def trained(run, phases=("first", "second"), **how):
    """What each phase drew, by its name."""
    drawn = {}

    def do(phase):
        state = {"kept": {"x": 0.0}}
        for _ in steps(run, state, 3, phase=phase):
            state["kept"]["x"] += torch.rand(()).item()
        drawn[phase] = state["kept"]["x"]

    run_phases(run, phases, do, **how)
    return drawn


def test_every_phase_is_done_once_in_its_order(tmp_path):
    done = []
    with opened(tmp_path) as run:
        run_phases(run, ["b", "a", "c"], done.append)
    assert done == ["b", "a", "c"]


def test_a_phase_starts_from_a_seed_of_its_own(tmp_path):
    with opened(tmp_path / "one") as run:
        one = trained(run)
    assert one["first"] != one["second"]
    with opened(tmp_path / "again") as run:
        torch.rand(100)  # what was drawn before changes nothing
        assert trained(run) == one
    with opened(tmp_path / "other", seed=1) as run:
        other = trained(run)
    assert not {*one.values()} & {*other.values()}


@pytest.mark.parametrize("width, taken", [(2, True), (3, False)])
def test_a_phase_is_taken_over_if_what_it_depends_on_is_the_same(tmp_path, width, taken):
    with opened(tmp_path / "one") as run:
        trained(run)
    depends = {"first": ("width",)}
    with opened(tmp_path / "two", width=width, rate=0.5) as run:
        begun = []

        def do(phase):
            begun.extend(phase for _ in steps(run, {"kept": {"x": 0.0}}, 3, phase=phase))

        run_phases(run, ["first", "second"], do, depends, adopted=tmp_path / "one")
    assert begun == ["first"] * (0 if taken else 3) + ["second"] * 3
