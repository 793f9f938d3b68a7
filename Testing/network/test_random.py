"""The same network with random weights."""

import pytest

torch = pytest.importorskip("torch")

from BreastMassXAILib.network.bundle import load_bundle  # noqa: E402
from BreastMassXAILib.network.random_weights import with_random_weights  # noqa: E402


@pytest.mark.parametrize("name", ["busbra-square", "busbra-frame"])
def test_all_weights_are_drawn_anew_and_answers_are_numbers(name):
    from BreastMassXAILib.resources import model_folder

    bundle = load_bundle(model_folder(name))
    before = torch.random.get_rng_state()
    random, again, other = (with_random_weights(bundle, seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state()), "nobody else's draws change"
    assert random.rule == bundle.rule and random.preprocessing == bundle.preprocessing
    assert random.classifier.name == f"{name} with random weights"
    images = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        logits, maps = random.network(images)
        assert maps.shape == bundle.network(images)[1].shape
        assert torch.isfinite(maps).all() and float(maps.std()) > 0
        bias = random.network.linear.bias
        assert (maps.mean((1, 2)) + bias).numpy() == pytest.approx(logits.numpy(), rel=1e-4, abs=1e-4)
        assert torch.equal(logits, again.network(images)[0])
        assert not torch.allclose(logits, other.network(images)[0])
    own = dict(bundle.network.named_parameters())
    for key, value in random.network.named_parameters():
        if key in own and value.ndim == 4:
            assert not torch.allclose(value, own[key].expand_as(value), atol=1e-3), key
