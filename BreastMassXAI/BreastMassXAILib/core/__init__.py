"""The method itself, in numpy and scipy only: frames, regions, saliency, pointing game, contributions, results."""
