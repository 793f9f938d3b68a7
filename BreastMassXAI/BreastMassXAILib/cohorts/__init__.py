"""Data sets, manifests and folders -> case records; duplicates and tables of predictions."""
