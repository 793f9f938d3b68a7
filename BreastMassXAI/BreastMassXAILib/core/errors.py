"""One family of exceptions whose messages a radiologist can act on."""

from __future__ import annotations


class BreastMassXAIError(Exception):
    """Anything that a user can understand and put right. The message is one clear sentence."""


class InputError(BreastMassXAIError):
    """A frame or a mass mask that cannot be read or cannot be explained."""


class SpacingError(InputError):
    """Millimetres are asked of a frame whose pixel size is not known."""


class BundleError(BreastMassXAIError):
    """A model bundle that is incomplete, altered or of an unknown kind."""


class OutputError(BreastMassXAIError):
    """A result that cannot be written where the user wants it."""


class MissingPackageError(BreastMassXAIError):
    """A package that this step needs is not installed; the message says how to install it."""
