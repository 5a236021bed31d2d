"""JSON of what is kept by the ten thousand: without blanks, and in ASCII alone, since a path need not be UTF-8 and databases take
nothing else.
"""

from __future__ import annotations

import json

compact = json.JSONEncoder(separators=(",", ":")).encode
"""`json.dumps` makes an encoder anew each time."""
