"""Who does the work, and when: the worker, inside a server or a command, or in a cluster of Celery's."""
