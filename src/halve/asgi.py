"""For those who start the server themselves: `uvicorn halve.asgi:app`. Settings are read when it starts, not on import."""

from halve.doors.api import create_app

app = create_app()
