"""What is true of devices: two processes learn what one learns, what is missing is said,
and a GPU trains where there is one.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fusiontools.errors import FusionError
from fusiontools.training import (
    Batches,
    Run,
    device_name,
    fabric,
    memory_guard,
    seed_everything,
    steps,
)
from fusiontools.training import devices as devices_module

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(
        filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")])
    )
}


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT
    )


# Several processes


def load_script():
    spec = importlib.util.spec_from_file_location(
        "two_processes", HERE / "two_processes.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_processes_learn_what_one_learns_from_the_doubled_batch(tmp_path):
    pytest.importorskip("fcntl")  # where processes can be forked
    script = load_script()
    one = script.train(fabric("cpu"), tmp_path / "one")
    done = subprocess.run(
        [sys.executable, HERE / "two_processes.py", tmp_path / "two"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    two = json.loads(done.stdout.splitlines()[-1])
    # Both stopped in the middle and went on. The sums are the same, taken in another order:
    # a few units in the last place of float32.
    assert (
        one["steps"] == two["steps"] == list(range(script.TOTAL))
        and len(one["losses"]) == len(two["losses"]) == script.TOTAL
    )
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-5)
    np.testing.assert_allclose(two["weights"], one["weights"], rtol=1e-3, atol=1e-5)
    for rank, dice in enumerate(two["dice"]):  # each process goes on with its own
        torch.manual_seed(rank)
        assert dice == torch.rand(1 + script.TOTAL)[-1].item()


def test_a_run_of_two_processes_does_not_go_on_in_one(tmp_path, monkeypatch):
    asked = {
        "paper": "p",
        "method": "m",
        "scale": "smoke",
        "config": {},
        "data": {"name": "d", "sha256": "0" * 64},
    }
    list(steps(Run.open(tmp_path, **asked), {}, 1))
    monkeypatch.setattr(Run, "processes", 2)
    with pytest.raises(FusionError, match="saved by 1 processes, not 2"):
        list(steps(Run.open(tmp_path, **asked), {}, 1))


# What is missing


def test_what_is_not_there_is_said(monkeypatch):
    with pytest.raises(FusionError, match="no device 'tpu'"):
        fabric("tpu")
    with pytest.raises(ValueError, match="process"):
        fabric("cpu", processes=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert fabric("auto").device.type == "cpu"
    for device in ("cuda", "mps"):
        with pytest.raises(FusionError, match="use device='auto'"):
            fabric(device)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(FusionError, match="2 processes want a GPU each, and there are 1"):
        fabric("cuda", processes=2)


def test_threads_are_set_where_they_are_asked_for():
    before = torch.get_num_threads()
    try:
        fabric("cpu", threads=before + 1)
        assert torch.get_num_threads() == before + 1
        assert f"{before + 1} threads" in device_name()
    finally:
        torch.set_num_threads(before)


def test_without_torch_the_package_says_how_to_get_it():
    code = "import sys; sys.modules['torch'] = None; "
    code += "from fusiontools.training import seed_everything, Run, steps; "
    code += "seed_everything(1)"
    assert (
        "FusionError: training: PyTorch is not installed. What to do: pip install torch"
        in python(code).stderr
    )


def test_without_fabric_its_twin_is_taken_or_it_says_how_to_get_it():
    code = """
import sys, types
module = types.ModuleType
sys.modules |= {{"torch": module("torch"), "lightning_fabric": None, "lightning": {}}}
{}
from fusiontools.training import fabric
print(fabric("cpu"))
"""
    assert "pip install lightning-fabric" in python(code.format("None", "")).stderr
    twin = "sys.modules['lightning.fabric'] = twin = module('fabric')\n"
    twin += "twin.Fabric = lambda **_: 'the twin'"
    assert python(code.format("module('lightning')", twin)).stdout == "the twin\n"


def test_the_room_opens_without_torch():
    code = "import sys, fusiontools.training as t; "
    code += "t.Run, t.Batches, t.steps, t.save_weights; "
    code += "print('torch' in sys.modules, *t.__all__)"
    found = python(code).stdout.split()
    assert found[0] == "False" and found[1:] == sorted(found[1:])
    assert (
        python("from fusiontools.training import *; print(watch, Batches)").returncode == 0
    )


# Memory


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (
            torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has 8 GiB"
            ),
            "the GPU",
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), "the GPU"),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: "
                "can't allocate memory: you tried to allocate 1 bytes."
            ),
            "the computer",
        ),
        (MemoryError(), "the computer"),
    ],
)
def test_memory_that_runs_out_says_what_to_lower(error, where):
    with (
        pytest.raises(FusionError, match=f"{where}: out of memory.*lower rollouts"),
        memory_guard(reduce="rollouts"),
    ):
        raise error


def test_memory_that_really_runs_out_is_known():
    @memory_guard()
    def too_much():
        return torch.empty(2**58)

    with pytest.raises(FusionError, match="out of memory.*lower batch_size"):
        too_much()
    with pytest.raises(ZeroDivisionError), memory_guard():
        1 / 0  # what is no lack of memory stays what it is
    with pytest.raises(RuntimeError, match="shape"), memory_guard():
        torch.ones(2).reshape(3)


# Devices that are there


def train(device, folder, stop=None):
    machine = fabric(device)
    asked = {
        "paper": "p",
        "method": "m",
        "scale": "smoke",
        "config": {},
        "data": {"name": "d", "sha256": "0" * 64},
    }
    with Run.open(folder, **asked, fabric=machine) as run:
        seed_everything(0)
        data = torch.randn(64, 5)
        model = torch.nn.Sequential(
            torch.nn.Linear(5, 16),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(16, 1),
        )
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        model, optimizer = machine.setup(model, optimizer)
        batches = Batches(64, 16)
        with memory_guard():
            for step in steps(
                run,
                {"model": model, "optimizer": optimizer, "batches": batches},
                20,
                every=1,
            ):
                if step == stop:
                    break
                x = data[torch.from_numpy(next(batches))].to(machine.device)
                loss = (model(x).squeeze(1) - x.sum(1)).square().mean()
                optimizer.zero_grad()
                machine.backward(loss)
                optimizer.step()
                run.log(loss=loss)
        return run.history.column("loss")[1], run.finish(
            {"loss": run.history.column("loss")[1][-1]}
        )


def stopped_and_resumed(device, tmp_path):
    whole, record = train(device, tmp_path / "whole")
    assert len(train(device, tmp_path / "stopped", stop=7)[0]) == 7
    return whole, train(device, tmp_path / "stopped")[0], record


def test_fabric_on_the_processor_goes_on_to_the_same_numbers(tmp_path):
    whole, resumed, record = stopped_and_resumed("cpu", tmp_path)
    assert resumed == whole and whole[-1] < whole[0] and record.device.startswith("CPU")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_trains_stops_and_goes_on(tmp_path):
    whole, resumed, record = stopped_and_resumed("cuda", tmp_path)
    # dropout's dice included; a GPU may add in another order
    np.testing.assert_allclose(resumed, whole, rtol=1e-4)
    assert whole[-1] < whole[0] and record.device == torch.cuda.get_device_name()


def test_a_notebook_is_no_place_to_start_processes_afresh(monkeypatch):
    taken = []
    monkeypatch.setattr(
        devices_module, "_fabric_class", lambda: lambda **how: taken.append(how["strategy"])
    )
    for notebook in (True, False):
        monkeypatch.setattr(devices_module, "in_notebook", lambda: notebook)  # noqa: B023
        fabric("cpu", processes=2, threads=torch.get_num_threads())
        fabric("cpu")
    assert taken == ["ddp_notebook", "auto", "ddp_spawn", "auto"]
    os.environ.pop("OMP_NUM_THREADS", None)
