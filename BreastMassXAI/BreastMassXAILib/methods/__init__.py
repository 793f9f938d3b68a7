"""Ways to explain a decision, behind one interface: class activation mapping beside the methods that others use.

What methods there are is known without torch; running one needs it::

    from BreastMassXAILib.methods import METHODS, method_of
    from BreastMassXAILib.methods.running import saliency_maps

    saliency_maps(bundle, cases, method_of("grad-cam:2"))
"""

from .catalogue import DEFAULT, METHODS, Method, method_of, methods_of

__all__ = ["DEFAULT", "METHODS", "Method", "method_of", "methods_of"]
