"""BreastMassXAI: why did a network call this breast mass on ultrasound malignant?

The rooms of the library, one way of dependence, downwards only:

``commands``, ``hosts``, ``widgets`` -> ``presenter`` -> ``scene`` -> ``pipeline`` -> ``network`` ->
``cohorts``, ``writers`` -> ``readers``, ``phantom`` -> ``core``
"""

__version__ = "0.1.0"
