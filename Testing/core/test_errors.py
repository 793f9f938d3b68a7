"""The family of errors and their sentences."""


def test_a_sentence_stays_one_line_whatever_a_damaged_file_brings_into_it():
    import pickle

    from BreastMassXAILib.core.errors import InputError

    error = InputError("f.dcm holds the syntax 1.2\x00\x1b[31m\n.3, caf\xe9.")
    assert str(error) == "f.dcm holds the syntax 1.2??[31m?.3, caf\xe9."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_characters_that_no_terminal_can_write_do_not_reach_it():
    from BreastMassXAILib.core.errors import InputError, shown

    unassigned, surrogate, override, private = "\u0383", "\udce9", "\u202e", "\ue000"
    for each in (unassigned, surrogate, override, private, "\u2028"):
        assert str(InputError(f"The file a{each}b.")) == "The file a?b."
        assert shown(f"a{each}b") == "a?b"
    # Spaces and joiners of other scripts belong to the names that people write.
    for each in ("\u3000", "\xa0", "\u200c", "\u0301", "\u4e73"):
        assert str(InputError(f"The file a{each}b.")) == f"The file a{each}b."
