"""Next-token training in two processes, for test_devices.py: ``python two_processes.py
FOLDER`` prints how it went, as JSON.

The model is a small MLE trainer's: an embedding, an LSTM, a softmax. It is stopped in the
middle and goes on.
"""

import json
import sys

TOTAL, STOP, BATCH = 12, 5, 8


def train(fabric, folder):
    import torch

    from fusiontools.training import Batches, Run, seed_everything, steps

    class Melody(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(12, 6)
            self.lstm = torch.nn.LSTM(6, 10, batch_first=True)
            self.out = torch.nn.Linear(10, 12)

        def forward(self, tokens):  # (B, T)
            return self.out(self.lstm(self.embed(tokens))[0])  # (B, T, V)

    asked = {
        "paper": "p",
        "method": "mle",
        "scale": "smoke",
        "config": {},
        "data": {"name": "d", "sha256": "0" * 64},
        "seed": 0,
    }
    losses = []
    # two sessions: what the first had in memory is not what the second starts from
    for stop in (STOP, None):
        run = Run.open(folder, **asked, fabric=fabric)
        seed_everything(run.seed)
        songs = torch.randint(12, (40, 9))
        model = Melody()
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        model, optimizer = fabric.setup(model, optimizer)
        batches = Batches(len(songs), BATCH, seed=1, rank=run.rank, processes=run.processes)
        torch.manual_seed(run.seed + run.rank)  # each process throws its own dice
        dice = torch.rand(()).item()
        for step in steps(
            run,
            {"model": model, "optimizer": optimizer, "batches": batches},
            TOTAL,
            every=STOP,
            seconds=None,
        ):
            if step == stop:
                break
            dice = torch.rand(()).item()
            song = songs[torch.from_numpy(next(batches))].to(fabric.device)  # (B, T)
            logits = model(song[:, :-1])
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), song[:, 1:].flatten()
            )
            optimizer.zero_grad()
            fabric.backward(loss)
            optimizer.step()
            losses.append(fabric.all_reduce(loss.detach(), reduce_op="mean").item())
            run.log(loss=losses[-1])
        run.close()
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    everyones_dice = (
        fabric.all_gather(torch.tensor(dice, dtype=torch.float64)).flatten().tolist()
    )
    return {
        "losses": losses,
        "weights": weights.tolist(),
        "dice": everyones_dice,
        "steps": run.history.column("loss")[0],
    }


if __name__ == "__main__":
    from fusiontools.training import devices, fabric

    # forked, as in a notebook: what was imported need not be imported again
    devices.in_notebook = lambda: True
    print(json.dumps(fabric("cpu", processes=2, threads=1).launch(train, sys.argv[1])))
