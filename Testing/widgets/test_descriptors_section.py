"""The panel's part on descriptors: shown after a result, and a reader's choice reaches it."""

from __future__ import annotations


def test_a_reader_chooses_another_word(opened):
    module = opened()
    assert not module.ui.descriptorsCollapsibleButton.shown
    module.ui.tryItButton.click()
    module.settle()
    ui, session = module.ui, module.panel.session
    assert ui.descriptorsTable.rowCount == len(session.numbers) > 10
    assert ui.marginComboBox.currentIndex == 0
    ui.marginComboBox.setCurrentIndex(6)
    module.settle()
    assert session.result.lexicon["margin"].reader == "spiculated"
    assert ui.marginComboBox.currentIndex == 6
    ui.marginComboBox.setCurrentIndex(0)
    module.settle()
    assert session.result.lexicon["margin"].reader is None
