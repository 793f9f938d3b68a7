"""Slicer's self-test of the module, run on the stand-in: what it asserts holds, with a main window and without."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("window", [True, False])
def test_the_whole_self_test(opened, stand_in, window):
    module = opened(window)
    stand_in.SelfTest.shown.clear()
    module.module.BreastMassXAITest("test_tryIt").runTest()
    assert stand_in.SelfTest.shown == ["Test passed"]


@pytest.mark.parametrize("window", [True, False])
def test_without_torch_it_leaves_the_network_out_and_passes(opened, stand_in, monkeypatch, window):
    module = opened(window)
    import BreastMassXAILib.widgets.self_test as self_test

    monkeypatch.setattr(self_test, "find_spec", lambda name: None if name == "torch" else object())
    stand_in.SelfTest.shown.clear()
    module.module.BreastMassXAITest("test_tryIt").runTest()
    assert stand_in.SelfTest.shown[-1] == "Test passed"
    assert sum("Skipped: the network's packages" in text and "torch" in text for text in stand_in.SelfTest.shown) == 2
    assert module.panel.session.result is None


def test_the_self_test_fails_where_a_stale_result_is_not_marked(opened, monkeypatch):
    """0.1.0 asserted what a window shows: without one, this held for no reason."""
    module = opened(window=False)
    monkeypatch.setattr(type(module.ui.staleBanner), "isHidden", lambda _widget: True)
    test = module.module.BreastMassXAITest("test_sampleEndToEnd")
    test.setUp()
    with pytest.raises(AssertionError, match="the network has not looked there"):
        test.test_sampleEndToEnd()
    test.tearDown()
