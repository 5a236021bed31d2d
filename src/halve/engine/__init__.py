"""Who does the work, and when: the worker that runs inside a server or a command."""
