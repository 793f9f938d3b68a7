"""The methods by name: what each is, where it comes from and whether its values add up to the logit. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import InputError

DEFAULT = "cam"
"""The method of the paper, and the only one that costs nothing beyond the decision's own forward pass."""


@dataclass(frozen=True)
class Kind:
    """A method without its number.

    Parameters
    ----------
    name : str
    label : str
        As people write it.
    in_words : str
        What it does, in one sentence.
    source : str
        Its paper.
    sums : str
        When its values and the bias add up to the logit: ``always``, ``last`` (at the network's last stage only), or
        ``never``. Whatever this says, an explanation is taken as exact only when its own sum is right.
    units : str
        ``logit``, or ``relative`` for maps whose scale means nothing.
    number : str
        What the number after a colon means; empty where there is none.
    least, most : int
        The numbers that make sense.
    default : int, optional
        None where the method needs no number.
    """

    name: str
    label: str
    in_words: str
    source: str
    sums: str = "never"
    units: str = "logit"
    number: str = ""
    least: int = 1
    most: int = 1
    default: int | None = None


_STAGE = "stage of the network, the last one if not given"
_KINDS = (
    Kind(
        "cam",
        "CAM",
        "the tensor that enters pooling, weighted by the linear layer, from the decision's own forward pass",
        "Zhou et al., Learning deep features for discriminative localization, CVPR 2016",
        sums="always",
    ),
    Kind(
        "grad-cam",
        "Grad-CAM",
        "a stage's output, each channel weighted by the mean gradient of the logit; without the final ReLU",
        "Selvaraju et al., Grad-CAM, ICCV 2017",
        sums="last",
        number=_STAGE,
        most=4,
    ),
    Kind(
        "grad-cam++",
        "Grad-CAM++",
        "as Grad-CAM with gradients weighted place by place; gradients towards benign count as those of the negative "
        "logit do",
        "Chattopadhay et al., Grad-CAM++, WACV 2018",
        units="relative",
        number=_STAGE,
        most=4,
    ),
    Kind(
        "layer-cam",
        "LayerCAM",
        "gradient times activation at every place of all stages, each scaled to its own strongest value, the strongest "
        "of them kept; with a stage, that one alone in logits, which is HiResCAM",
        "Jiang et al., LayerCAM, IEEE Trans Image Process 30:5875-5888, 2021",
        units="relative",
        number="one stage instead of all, fused",
        most=4,
    ),
    Kind(
        "hires-cam",
        "HiResCAM",
        "gradient times activation at every place of a stage's output",
        "Draelos and Carin, Use HiResCAM instead of Grad-CAM, arXiv 2011.08891, 2020",
        sums="last",
        number=_STAGE,
        most=4,
    ),
    Kind(
        "score-cam",
        "Score-CAM",
        "channels weighted by the logit that the image keeps when only what the channel shows of it is left; signed, "
        "without softmax",
        "Wang et al., Score-CAM, CVPR workshops 2020",
        units="relative",
        number="channels, those that vary most",
        most=8192,
        default=128,
    ),
    Kind(
        "cameras",
        "CAMERAS",
        "activations and gradients of several input resolutions, each averaged, then multiplied; without the final "
        "ReLU",
        "Jalwana et al., CAMERAS, CVPR 2021",
        number="input resolutions, 100 pixels apart (the authors' eight cost some sixty forward passes)",
        most=8,
        default=4,
    ),
    Kind(
        "occlusion",
        "Occlusion",
        "how much the logit falls when a tile is covered by the image's mean grey",
        "Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        number="tiles across the field",
        least=2,
        most=32,
        default=7,
    ),
    Kind(
        "integrated-gradients",
        "Integrated gradients",
        "gradients summed up on the way from an even image of the mean grey; steps are doubled until they add up",
        "Sundararajan et al., Axiomatic attribution for deep networks, ICML 2017",
        sums="always",
        number="steps to begin with",
        least=2,
        most=1024,
        default=16,
    ),
    Kind(
        "smooth-grad",
        "SmoothGrad",
        "mean gradient over noisy copies, times the difference to the image's mean grey",
        "Smilkov et al., SmoothGrad, arXiv 1706.03825, 2017",
        number="noisy copies",
        most=1024,
        default=16,
    ),
)
METHODS = {kind.name: kind for kind in _KINDS}
"""All methods, the default one first."""


@dataclass(frozen=True)
class Method:
    """A method as it was asked for.

    Parameters
    ----------
    kind : Kind
    number : int, optional
        What :attr:`Kind.number` says; its default where none was given.
    """

    kind: Kind
    number: int | None = None

    @property
    def name(self) -> str:
        """As results and options say it: the method, and its number where that is not the default."""
        return self.kind.name if self.number == self.kind.default else f"{self.kind.name}:{self.number}"

    @property
    def label(self) -> str:
        """As pictures and tables say it."""
        if self.number == self.kind.default:
            return self.kind.label
        what = "stage " if "stage" in self.kind.number else ""
        return f"{self.kind.label} ({what}{self.number})"


def method_of(text: str) -> Method:
    """The method of a name, or of ``name:number``.

    Raises
    ------
    InputError
        When there is no such method, or its number makes no sense.
    """
    name, colon, number = text.strip().lower().partition(":")
    kind = METHODS.get(name)
    if kind is None:
        raise InputError(f"There is no method {text!r}: choose {', '.join(METHODS)}.")
    if not colon:
        return Method(kind, kind.default)
    if not kind.number:
        raise InputError(f"The method {name} takes no number after a colon.")
    if not (number.isascii() and number.isdigit() and kind.least <= int(number) <= kind.most):
        raise InputError(
            f"The number of {name} ({kind.number}) is a whole number from {kind.least} to {kind.most}, not {number!r}."
        )
    return Method(kind, int(number))


def methods_of(texts: Sequence[str]) -> tuple[Method, ...]:
    """Several methods, the main one first; the default one where none is named.

    Raises
    ------
    InputError
        As :func:`method_of`; or when one is named twice.
    """
    found = tuple(method_of(text) for text in texts) or (method_of(DEFAULT),)
    names = [method.name for method in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"The method {name} is named twice.")
    return found
