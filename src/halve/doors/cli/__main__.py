"""`python -m halve.doors.cli` does what `halve` does."""

from halve.doors.cli import main

main()
