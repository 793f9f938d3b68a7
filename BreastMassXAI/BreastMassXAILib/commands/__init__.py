"""The command line: a command's options, help and run."""
