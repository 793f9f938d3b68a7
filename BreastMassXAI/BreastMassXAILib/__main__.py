"""``python -m BreastMassXAILib``: the command line, for Pythons without the console command."""

import sys

from .commands.command_line import main

sys.exit(main())
