"""The door for programs and browsers: HTTP."""

from halve.doors.api.app import create_app

__all__ = ["create_app"]
