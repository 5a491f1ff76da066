"""Several processes that train one network together, as `torchrun` starts them; without it, one alone.

Called by training.py and learner.py. It knows losses as numbers to be averaged and nothing of what is trained.
"""

from __future__ import annotations

from typing import TypeVar

import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from playground.engine.losses import Losses

T = TypeVar("T")


class Processes:
    """This process among those that train the same network.

    Attributes:
        rank: of this process; 0 is the first, which reads the control and writes the files.
        world: how many there are.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.world = dist.get_world_size() if dist.is_initialized() else 1

    def agreed(self, value: T) -> T:
        """The first process's value, the same for all: of what hangs on the clock or on a person."""
        values = [value]
        if self.world > 1:
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def mean(self, losses: Losses) -> Losses:
        """The mean over all processes."""
        if self.world == 1:
            return losses
        values = losses.stacked()
        dist.all_reduce(values)
        values = values / self.world
        return Losses(values.sum(), dict(zip(losses.terms, values, strict=True)))

    def shared(self, network: nn.Module) -> nn.Module:
        """The network with its gradient averaged over all processes."""
        return DistributedDataParallel(network) if self.world > 1 else network
