"""The linear layer as a logistic regression on pooled features: the linear probe, and where the other methods start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import nn

from .resnet import ScaledResNet

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01)
"""Strengths of the ridge penalty that are tried, from strong to weak."""


@dataclass(frozen=True)
class LinearProbe:
    """A fitted linear layer.

    Parameters
    ----------
    weight : ndarray, shape (channels,)
    bias : float
    penalty : float
        The ridge penalty that it was fitted with, on standardised features.
    ridge : ndarray, shape (channels,)
        The same penalty on the weights as they are: ``ridge @ weight**2 / 2`` was added to the mean cross-entropy.
    validation_loss : float, optional
        Cross-entropy on the validation frames; None without any.
    """

    weight: np.ndarray
    bias: float
    penalty: float
    ridge: np.ndarray
    validation_loss: float | None


def fit_linear_probe(
    pooled: np.ndarray,
    labels: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    weights: np.ndarray | None = None,
    penalty: float | None = None,
    device: torch.device | None = None,
) -> LinearProbe:
    """Logistic regression with a ridge penalty on standardised pooled features of all variants.

    Adam at the paper's learning rate needs dozens of epochs to get here from random weights.

    Parameters
    ----------
    pooled : ndarray, shape (passes, n, channels)
        From :func:`~.training.pooled_features`.
    labels : ndarray of bool, shape (n,)
    training, validation : ndarray of int
        Indices into the frames. The penalty is the one with the smallest loss on the validation frames.
    weights : ndarray, shape (n,), optional
        How much each frame counts.
    penalty : float, optional
        Given when there are no validation frames to choose it by.
    device : torch.device, optional
        Where the sums are made, in float64.
    """
    device = device or torch.device("cpu")
    learned = torch.from_numpy(pooled[:, training]).to(device, torch.float64)
    mean = learned.mean((0, 1))
    spread = learned.std((0, 1), correction=0) + 1e-6
    features = ((learned - mean) / spread).flatten(0, 1)
    del learned
    sign = np.where(labels[training], 1.0, -1.0)
    importance = np.ones(len(training)) if weights is None else weights[training]
    signs = torch.from_numpy(np.tile(sign, len(pooled))).to(device)
    shares = torch.from_numpy(np.tile(importance, len(pooled))).to(device)
    shares = shares / shares.sum()
    held_sign = np.where(labels[validation], 1.0, -1.0)
    means, spreads = mean.cpu().numpy(), spread.cpu().numpy()
    held = (pooled[0, validation] - means) / spreads

    def objective(parameters: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
        given = torch.from_numpy(parameters).to(device)
        slope, bias = given[:-1], given[-1]
        margin = signs * (features @ slope + bias)
        pull = -signs * torch.sigmoid(-margin) * shares
        loss = nn.functional.softplus(-margin) @ shares + strength / 2 * slope @ slope
        gradient = torch.cat([features.T @ pull + strength * slope, pull.sum()[None]])
        return float(loss), gradient.cpu().numpy()

    best: tuple[float, float, np.ndarray] | None = None
    solution = np.zeros(features.shape[1] + 1)
    for strength in PENALTIES if penalty is None else (penalty,):  # each from the solution before
        solution = minimize(objective, solution, args=(strength,), jac=True, method="L-BFGS-B").x
        loss = float(np.logaddexp(0, -held_sign * (held @ solution[:-1] + solution[-1])).mean()) if len(held) else 0.0
        if best is not None and loss > best[0]:
            break
        best = loss, strength, solution
    assert best is not None
    loss, strength, solution = best
    weight = solution[:-1] / spreads
    bias = float(solution[-1] - weight @ means)
    return LinearProbe(weight, bias, strength, strength * spreads**2, loss if len(held) else None)


@torch.no_grad()
def set_linear_layer(network: ScaledResNet, probe: LinearProbe) -> None:
    """Give a network the fitted linear layer."""
    network.linear.weight.copy_(torch.from_numpy(probe.weight)[None])
    network.linear.bias.fill_(probe.bias)
