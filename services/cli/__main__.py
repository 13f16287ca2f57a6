"""Run `python -m services.cli`, as the supervisor does for its parts."""

from services.cli import main

main()
