"""Simulated B-mode frames whose truth is known (numpy and scipy)."""
