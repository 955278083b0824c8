"""FusionGAN: how long a token's reward takes, as a textbook writes SeqGAN's rollouts and as
the package does; and how long its chapter takes.
"""

import time

from benchmarks.measure import Row, chapter, slow

TIMES = 5  # what was promised


@slow
def benchmark_rewards():
    """One reward computation at the paper's size, three critics, one thread: the plain
    algorithm and the fast one, in one process.
    """
    import torch

    from fusiontools.papers.fusiongan.config import Config
    from fusiontools.papers.fusiongan.networks import Critic, Generator
    from fusiontools.papers.fusiongan.rewards import rewards, rewards_plain

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        c = Config.paper()
        generator = Generator(100, c.embedding, c.hidden)
        critics = [Critic(100, c.critic_embedding, c.filters).eval() for _ in range(3)]
        y = generator.sample(c.batch, 36)

        def seconds(function, times):
            best = float("inf")
            for _ in range(times):
                # of one thread: what else this machine does is no part of the ratio
                start = time.process_time()
                function(generator, critics, y, c.rollouts)
                best = min(best, time.process_time() - start)
            return best

        fast, plain = seconds(rewards, 3), seconds(rewards_plain, 1)
    finally:
        torch.set_num_threads(threads)
    filters = sum(n for _, n in c.filters)
    what = f"{c.batch} sequences, 36 tokens of 100, {c.rollouts} rollouts, "
    what += f"{filters:,} filters, three critics"
    yield Row(f"rewards, plain: {what}", "", f"{plain:.3g} s")
    yield Row(
        "rewards, fast",
        f"{TIMES} x faster",
        f"{fast:.3g} s, {plain / fast:.3g} x faster",
        plain / fast >= TIMES,
    )


@slow
def benchmark_chapter():
    """Both pages of the chapter at laptop scale, on two cores: from the weights that ship,
    and with the training in it.
    """
    yield from chapter("0[34]_fusiongan*.ipynb", "FusionGAN and our variant")
