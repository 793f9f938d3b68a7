"""The front door for Python: what ``import BreastMassXAILib as bmx`` offers, see the library's own ``__init__``."""
