"""Training in several processes, on one machine or many, started by PyTorch's own launcher (``torchrun``).

Every process holds its own share of the frames and draws the same batches; gradients are summed over the processes, so
that any number of them computes what one computes, up to the order of the sums.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import distributed, nn

from ..core.errors import BreastMassXAIError, InputError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """This process among all that train together; alone by default."""

    rank: int = 0
    count: int = 1

    @property
    def accelerator(self) -> torch.device:
        """The CUDA device of this process, shared where a machine has fewer of them than processes."""
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def add(self, values: np.ndarray) -> np.ndarray:
        """The sum of the processes' arrays, which have one shape; every process gets it."""
        if self.count == 1:
            return values
        total = torch.from_numpy(np.ascontiguousarray(values, np.float64))
        distributed.all_reduce(total)
        return total.numpy()

    def union(self, found: dict[int, str]) -> dict[int, str]:
        """What all processes have found, together; every process gets it."""
        if self.count == 1:
            return found
        parts: list[Any] = [None] * self.count
        distributed.all_gather_object(parts, found)
        return {key: value for part in parts for key, value in part.items()}

    def agree(self, problem: BreastMassXAIError | None) -> None:
        """Raise a problem of one process in all of them, so that none waits for it.

        Raises
        ------
        BreastMassXAIError
            The first process's that has one.
        """
        problems: list[BreastMassXAIError | None] = [problem] * self.count
        if self.count > 1:
            distributed.all_gather_object(problems, problem)
        for found in problems:
            if found is not None:
                raise found

    def from_first(self, value: Value) -> Value:
        """The first process's value, in every process."""
        if self.count == 1:
            return value
        carrier = [value]
        distributed.broadcast_object_list(carrier, src=0)
        return carrier[0]

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the sum of the processes' gradients into every process's parameters."""
        if self.count == 1:
            return
        learning = list(parameters)
        for parameter in learning:
            if parameter.grad is None:  # a batch without a frame of this process
                parameter.grad = torch.zeros_like(parameter)
        total = torch.cat([parameter.grad.flatten() for parameter in learning if parameter.grad is not None])
        distributed.all_reduce(total)
        parts = total.split([parameter.numel() for parameter in learning])
        for parameter, part in zip(learning, parts, strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def share(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite tensors with those of the first process."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)


@contextmanager
def launched() -> Iterator[Processes]:
    """The processes that ``torchrun`` has started, connected; this one alone when it was started without.

    Raises
    ------
    InputError
        When the processes cannot reach each other.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    try:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    except (RuntimeError, ValueError) as error:
        raise InputError("The training processes cannot reach each other; start them with torchrun.") from error
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
