"""The family of errors and their sentences."""


def test_a_sentence_stays_one_line_whatever_a_damaged_file_brings_into_it():
    import pickle

    from BreastMassXAILib.core.errors import InputError

    error = InputError("f.dcm holds the syntax 1.2\x00\x1b[31m\n.3, caf\xe9.")
    assert str(error) == "f.dcm holds the syntax 1.2??[31m?.3, caf\xe9."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
