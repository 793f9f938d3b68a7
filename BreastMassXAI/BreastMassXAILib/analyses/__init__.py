"""Whole pieces of work: from files over the explanation to a folder of results, without a word printed."""
