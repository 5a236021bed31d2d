"""`python -m halve` is `halve`."""

from halve.doors.cli import main

if __name__ == "__main__":
    main()
