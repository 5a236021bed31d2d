"""`python -m halve` does what `halve` does."""

from halve.doors.cli import main

main()
