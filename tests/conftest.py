"""What holds for every test."""

import signal

# Whoever starts the tests in the background may hand down an ignored Ctrl-C, and the commands under test would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
