"""``python -m BreastMassXAILib``: the command line, for Pythons without the console command."""

import sys

from .hosts.stopping import listen


def run() -> None:
    """The program. Signals are listened to before anything else is loaded, which takes a while."""
    listen("breast-mass-xai")
    from .commands.command_line import main

    sys.exit(main())


if __name__ == "__main__":
    run()
