"""Two ranks train as one process does: real processes, gloo, torch's own rendezvous."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp

sys.path.insert(0, str(Path(__file__).parent))  # so that the children find the task beside this

from test_training_loop import Dots, Quiet, Regression

from ganzoo.data.batches import Batches
from ganzoo.recipe.settings import EmaSettings, TrainingSettings
from ganzoo.training.loop import Loop, Start
from ganzoo.training.world import World

CPU = torch.device("cpu")


def train(world, micro_batch=None):
    task = Regression()
    settings = TrainingSettings(images=48, batch=8, ema=EmaSettings(), micro_batch=micro_batch)
    loop = Loop(
        task,
        settings,
        Batches(Dots(), seed=0, mirror=False),
        device=CPU,
        world=world,
        conditional=False,
        budget=48,
    )
    loop.run(Quiet(), Start())
    weights = torch.cat([p.detach().flatten() for p in task.networks["net"].parameters()])
    return weights, task.state["mean"].value.clone(), loop.observations.take(world)


def child(rank, size, folder, queue):
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size
    )
    world = World(rank=rank, size=size)
    weights, mean, observed = train(world)
    values = torch.tensor([1.0 + rank, 3.0 * rank], requires_grad=True)
    joint = world.mean(values.mean())
    (joint * (rank + 1)).backward()
    queue.put((rank, weights.tolist(), mean.item(), observed, joint.item(), values.grad.tolist()))
    assert world.any(rank == 1, CPU)
    world.wait()
    world.leave()


@pytest.mark.slow
def test_two_ranks_train_as_one_process_does(tmp_path):
    weights, mean, observed = train(World())
    context = mp.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=child, args=(r, 2, str(tmp_path), queue)) for r in (0, 1)]
    for process in processes:
        process.start()
    results = sorted(queue.get(timeout=100) for _ in processes)
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    for _, their_weights, their_mean, their_observed, joint, gradient in results:
        assert torch.allclose(torch.tensor(their_weights), weights, atol=1e-6)
        assert their_mean == pytest.approx(mean.item(), abs=1e-6)
        assert their_observed["error"] == pytest.approx(observed["error"], abs=1e-6)
        assert joint == pytest.approx((0.5 + 2.5) / 2)
        # d joint / d value is 1/4 a value; both ranks' losses, of weight 1 and 2, flow back
        assert gradient == pytest.approx([0.75, 0.75])
