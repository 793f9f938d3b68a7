"""A pretrained ResNet adapted by deep representation scaling (DRS), and its class activation map in the same pass.

DRS (Byra, Biomed Signal Process Control 69:102828, 2021) trains per-channel scales and shifts of a frozen pretrained
network. We place one scaling layer after every residual block's output and start it at scale 1 and shift 0, so that the
untrained network is the pretrained one; insertion points and initial values are our reading of that paper.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from ..core.errors import BundleError

METHODS = ("drs", "fine-tune", "linear-probe")
_BLOCKS = {18: (BasicBlock, [2, 2, 2, 2]), 34: (BasicBlock, [3, 4, 6, 3]), 50: (Bottleneck, [3, 4, 6, 3])}


@dataclass(frozen=True)
class Architecture:
    """Which ResNet.

    Parameters
    ----------
    depth : {18, 34, 50}
    variant : {"torchvision", "v1"}
        Where a bottleneck that halves the resolution has its stride: on the 3x3 convolution (torchvision, "v1.5") or on
        the first 1x1 convolution (He et al. 2015, "v1"). Weights of one kind load into the other without complaint and
        compute nonsense. ResNet-18 and 34 have one variant only.
    last_stage : {3, 4}
        The stage whose output enters global average pooling; 3 gives a map twice as fine.
    pooled_blocks : int
        How many residual blocks' outputs enter pooling, side by side as channels, counted from the stage's end; 1 as
        usual. The blocks of a stage have one resolution, so that there is one map of their weighted sum.
    heads : int
        How many linear layers, trained on other draws of the patients, stand on the one trunk. Their mean is the linear
        layer of the decision and of its map; how far they disagree says how much the decision hangs on the patients
        that happened to be there. 0: one layer, and nothing to disagree.
    """

    depth: int = 50
    variant: str = "torchvision"
    last_stage: int = 4
    pooled_blocks: int = 1
    heads: int = 0

    def __post_init__(self) -> None:
        if self.depth not in _BLOCKS or self.variant not in ("torchvision", "v1") or self.last_stage not in (3, 4):
            raise BundleError(
                f"Unknown network: ResNet-{self.depth}, variant {self.variant!r}, ending at stage {self.last_stage}."
            )
        blocks = _BLOCKS[self.depth][1][self.last_stage - 1]
        if not 1 <= self.pooled_blocks <= blocks:
            raise BundleError(f"Stage {self.last_stage} has {blocks} blocks: {self.pooled_blocks} cannot be pooled.")
        if self.heads != 0 and not 2 <= self.heads <= 64:
            raise BundleError(f"A network has no further heads, or 2 to 64, not {self.heads}.")


class ChannelScale(nn.Module):
    """``x * scale + shift`` per channel, the identity at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.shift[:, None, None], x, self.scale[:, None, None])

    def is_identity(self) -> bool:
        return bool((self.scale == 1).all() and (self.shift == 0).all())


class ScaledResNet(nn.Module):
    """ResNet, a :class:`ChannelScale` after every residual block, global average pooling, one linear layer, one logit.

    ``forward`` takes images of shape (n, 3, height, width) and returns the logits (n,) and the class activation maps
    (n, h, w) of the tensor that enters pooling: ``cam = sum_k w_k A_k``, so that ``cam.mean((1, 2)) + bias == logit``
    (paper, Fig. 2 and ref. 13).
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        block, counts = _BLOCKS[architecture.depth]
        backbone = ResNet(block, counts)
        backbone.fc = nn.Identity()
        if architecture.last_stage == 3:
            backbone.layer4 = nn.Identity()
        if architecture.variant == "v1" and block is Bottleneck:
            for stage in (backbone.layer2, backbone.layer3, backbone.layer4)[: architecture.last_stage - 1]:
                stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
        self.backbone = backbone
        self.scaling = nn.ModuleDict(
            {
                f"stage{stage}": nn.ModuleList(ChannelScale(_width(b)) for b in blocks)
                for stage, blocks in self._stages()
            }
        )
        self.linear = nn.Linear(architecture.pooled_blocks * _width(self._stage(architecture.last_stage)[-1]), 1)
        self.heads: nn.Linear | None = None
        if architecture.heads:  # each head's difference from the mean, which is `linear`
            self.heads = nn.Linear(self.linear.in_features, architecture.heads)
            nn.init.zeros_(self.heads.weight)
            nn.init.zeros_(self.heads.bias)
        self.set_trainable("drs")

    def _stage(self, number: int) -> nn.Sequential:
        return getattr(self.backbone, f"layer{number}")

    def _stages(self) -> Iterator[tuple[int, nn.Sequential]]:
        return ((number, self._stage(number)) for number in range(1, self.architecture.last_stage + 1))

    def _scales(self, number: int) -> nn.ModuleList:
        return cast(nn.ModuleList, self.scaling[f"stage{number}"])

    def stem(self, x: Tensor) -> Tensor:
        backbone = self.backbone
        return backbone.maxpool(backbone.relu(backbone.bn1(backbone.conv1(x))))

    def stages(self, x: Tensor, first: int, last: int) -> Tensor:
        """Run the stages `first` to `last` (both included, counted from 1) on the output of stage ``first - 1``."""
        for number in range(first, last + 1):
            (x,) = deque(self._blocks(x, number), maxlen=1)
        return x

    def _blocks(self, x: Tensor, number: int) -> Iterator[Tensor]:
        """The scaled outputs of a stage's blocks, one after the other."""
        for block, scale in zip(self._stage(number), self._scales(number), strict=True):
            x = _folded(block, x) if torch.is_grad_enabled() else block(x)
            if not self._unscaled:
                x = scale(x)
            yield x

    def pooled(self, x: Tensor, first: int) -> list[Tensor]:
        """What enters pooling, block by block, from the output of stage ``first - 1``."""
        last = self.architecture.last_stage
        return list(deque(self._blocks(self.stages(x, first, last - 1), last), maxlen=self.architecture.pooled_blocks))

    def averaged(self, x: Tensor) -> Tensor:
        """What the linear layer sees of images: global averages of all that enters pooling, shape (n, channels)."""
        return averages(self.pooled(self.stem(x), 1))

    def head(self, pooled: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits and class activation maps of what enters pooling."""
        weights = self.linear.weight[0].split(pooled[0].shape[1])
        maps = [torch.einsum("k,nkhw->nhw", *pair) for pair in zip(weights, pooled, strict=True)]
        return self.linear(averages(pooled))[:, 0], torch.stack(maps).sum(0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.pooled(self.stem(x), 1))

    def answers(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n,), maps (n, h, w) and the standard deviation of the heads' logits (n,), NaN without heads."""
        pooled = self.pooled(self.stem(x), 1)
        logits, maps = self.head(pooled)
        if self.heads is None:
            return logits, maps, torch.full_like(logits, torch.nan)
        return logits, maps, self.head_logits(averages(pooled)).std(1)

    def head_logits(self, pooled: Tensor) -> Tensor:
        """Every head's logit, shape (n, heads), of averages (n, channels); their mean is the logit."""
        if self.heads is None:
            return self.linear(pooled)
        apart = self.heads(pooled)
        return self.linear(pooled) + apart - apart.mean(1, keepdim=True)

    def set_trainable(self, method: str, first_stage: int = 1) -> None:
        """Choose what learns.

        Parameters
        ----------
        method : {"drs", "fine-tune", "linear-probe"}
            ``drs``: scaling layers and linear layer. ``fine-tune``: convolutions, batch norms' scales and shifts, and
            the linear layer. ``linear-probe``: the linear layer.
        first_stage : int
            What belongs to earlier stages, the stem always, stays at its values.

        Raises
        ------
        BundleError
            When there is no such method.
        """
        if method not in METHODS:
            raise BundleError(f"A network is trained by {', '.join(METHODS)}, not by {method!r}.")
        self.requires_grad_(False)
        # Scaling layers that do nothing and do not learn cost a quarter of a step.
        scales = [scale for number, _ in self._stages() for scale in self._scales(number)]
        self._unscaled = method != "drs" and not any(
            isinstance(s, ChannelScale) and not s.is_identity() for s in scales
        )
        self.linear.requires_grad_(True)
        if self.heads is not None:
            self.heads.requires_grad_(True)
        for number in range(first_stage, self.architecture.last_stage + 1):
            if method == "drs":
                self._scales(number).requires_grad_(True)
            elif method == "fine-tune":
                self._stage(number).requires_grad_(True)

    def train(self, mode: bool = True) -> ScaledResNet:
        """As usual, but batch norms keep ImageNet's statistics whatever the mode: the batches are small."""
        super().train(mode)
        self.backbone.eval()
        return self

    def adapter_state(self) -> dict[str, Tensor]:
        """The part that DRS trains: scaling layers and linear layer."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("backbone.")}

    def fold_for_inference(self) -> ScaledResNet:
        """Fold batch norms into convolutions and drop scaling layers that are the identity, in place.

        Same function up to rounding, less time; not trainable afterwards.
        """
        self.eval().requires_grad_(False)
        backbone = self.backbone
        backbone.conv1, backbone.bn1 = fuse_conv_bn_eval(backbone.conv1, backbone.bn1), nn.Identity()
        for number, blocks in self._stages():
            for block in blocks:
                for index in range(1, 4):
                    if hasattr(block, f"conv{index}"):
                        convolution = fuse_conv_bn_eval(getattr(block, f"conv{index}"), getattr(block, f"bn{index}"))
                        setattr(block, f"conv{index}", convolution)
                        setattr(block, f"bn{index}", nn.Identity())
                if block.downsample is not None:
                    convolution, norm = cast(nn.Sequential, block.downsample)
                    block.downsample = fuse_conv_bn_eval(cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, norm))
            scaling = self._scales(number)
            for index, scale in enumerate(scaling):
                if isinstance(scale, ChannelScale) and scale.is_identity():
                    scaling[index] = nn.Identity()
        return self.to(memory_format=torch.channels_last)


def _folded(block: nn.Module, x: Tensor) -> Tensor:
    """A residual block with its batch norms (evaluation mode) folded into the convolutions on the fly.

    The same function and the same gradients, for convolutions and batch norms alike, without an image-sized step per
    batch norm.
    """
    pairs = [(getattr(block, f"conv{k}"), getattr(block, f"bn{k}")) for k in range(1, 4) if hasattr(block, f"conv{k}")]
    y = x
    for number, (convolution, norm) in enumerate(pairs):
        y = _convolved(y, convolution, norm)
        if number < len(pairs) - 1:
            y = torch.relu(y)
    downsample = block.downsample
    if isinstance(downsample, nn.Sequential):
        x = _convolved(x, *downsample)
    elif downsample is not None:  # folded for inference already
        x = cast(nn.Module, downsample)(x)
    return torch.relu(y + x)


def _convolved(x: Tensor, convolution: nn.Module, norm: nn.Module) -> Tensor:
    if not isinstance(norm, nn.BatchNorm2d):
        return norm(convolution(x))
    assert isinstance(convolution, nn.Conv2d) and norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    weight, bias = convolution.weight * factor[:, None, None, None], norm.bias - norm.running_mean * factor
    return nn.functional.conv2d(x, weight, bias, convolution.stride, convolution.padding)


def averages(pooled: list[Tensor]) -> Tensor:
    """Global averages of what enters pooling, shape (n, channels of all blocks)."""
    return torch.cat([features.mean((2, 3)) for features in pooled], 1)


def _width(block: nn.Module) -> int:
    """Channels of a residual block's output."""
    return cast(nn.Conv2d, block.conv3 if isinstance(block, Bottleneck) else block.conv2).out_channels
