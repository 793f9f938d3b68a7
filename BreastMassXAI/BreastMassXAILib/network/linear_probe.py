"""The linear layer as a logistic regression on pooled features: the linear probe, and where the other methods start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import nn

from .resnet import ScaledResNet


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
    """

    weight: np.ndarray
    bias: float
    penalty: float
    ridge: np.ndarray


def fit_linear_probe(
    pooled: np.ndarray,
    labels: np.ndarray,
    training: np.ndarray,
    penalty: float,
    weights: np.ndarray | None = None,
    device: torch.device | None = None,
) -> LinearProbe:
    """Logistic regression with a ridge penalty on standardised pooled features of all variants.

    Adam at the paper's learning rate needs dozens of epochs to get here from random weights.

    Parameters
    ----------
    pooled : ndarray, shape (passes, n, channels)
        From :func:`~.pooled_features.pooled_features`.
    labels : ndarray of bool, shape (n,)
    training : ndarray of int
        Indices into the frames.
    penalty : float
        Strength of the ridge penalty on the standardised features.
    weights : ndarray, shape (n,), optional
        How much each frame counts.
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

    def objective(parameters: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
        given = torch.from_numpy(parameters).to(device)
        slope, bias = given[:-1], given[-1]
        margin = signs * (features @ slope + bias)
        pull = -signs * torch.sigmoid(-margin) * shares
        loss = nn.functional.softplus(-margin) @ shares + strength / 2 * slope @ slope
        gradient = torch.cat([features.T @ pull + strength * slope, pull.sum()[None]])
        return float(loss), gradient.cpu().numpy()

    solution = minimize(objective, np.zeros(features.shape[1] + 1), args=(penalty,), jac=True, method="L-BFGS-B").x
    means, spreads = mean.cpu().numpy(), spread.cpu().numpy()
    weight = solution[:-1] / spreads
    bias = float(solution[-1] - weight @ means)
    return LinearProbe(weight, bias, penalty, penalty * spreads**2)


@torch.no_grad()
def set_linear_layer(network: ScaledResNet, probe: LinearProbe) -> None:
    """Give a network the fitted linear layer."""
    network.linear.weight.copy_(torch.from_numpy(probe.weight)[None])
    network.linear.bias.fill_(probe.bias)
