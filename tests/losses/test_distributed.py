"""The gradient that reaches the parameters has scale 1.000, whatever the number of processes.

Processes are threads here, with torch's in-process group: no sockets, no spawning.
"""

import threading

import pytest
import torch
from loss_graphs import views
from torch import distributed

from pal import losses
from pal.losses import gather_rows

multi_threaded = pytest.importorskip("torch.testing._internal.distributed.multi_threaded_pg")


def in_threads(world_size, work):
    """Results of ``work(rank)`` on each of the threads of a process group."""
    results, errors = [None] * world_size, []
    isolate = torch._C._distributed_c10d._set_thread_isolation_mode
    isolate(True)
    multi_threaded._install_threaded_pg()
    store = distributed.HashStore()

    def run(rank):
        try:
            distributed.init_process_group("threaded", rank=rank, world_size=world_size, store=store)
            results[rank] = work(rank)
            distributed.destroy_process_group()
        except BaseException as error:  # noqa: BLE001 - handed on below
            errors.append(error)
            multi_threaded.ProcessLocalGroup.exception_handle(error)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(world_size)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        multi_threaded._uninstall_threaded_pg()
        isolate(False)
    if errors:
        raise errors[0]
    return results


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("loss", [losses.vicreg, losses.vic2, losses.simclr, losses.barlow_twins])
def test_the_gradient_of_the_parameters_is_that_of_one_process(loss, world_size):
    items, views_each = 4 * world_size, 2
    x = torch.randn(items * views_each, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    graph = views(items, views_each)

    alone = weight.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(x @ alone, graph), alone)

    def work(rank):
        own = weight.clone().requires_grad_()
        z = x.chunk(world_size)[rank] @ own
        value = loss(gather_rows(z), graph)
        return value.detach(), torch.autograd.grad(value, own)[0]

    results = in_threads(world_size, work)
    averaged = torch.stack([gradient for _, gradient in results]).mean(0)
    torch.testing.assert_close(averaged, expected)
    for value, _ in results:
        torch.testing.assert_close(value, loss(x @ weight, graph))


def test_one_process_keeps_its_rows():
    z = torch.randn(3, 2)
    assert gather_rows(z) is z
