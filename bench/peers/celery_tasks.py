"""The worker that everyone writes: Celery, one task an image, requests to fetch, Pillow at quality 50 to compress.

What it is compared with does more: it reads the sheet, writes it again, isolates the codec, survives SIGKILL, keeps a durable
record of every image. This one keeps none; how many are done is counted in the broker's memory.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import redis
import requests
from celery import Celery
from PIL import Image

BROKER = os.environ.get("BENCH_BROKER", "redis://127.0.0.1:6379/0")
DONE = "bench:done"

app = Celery("baseline", broker=BROKER)
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)

session = requests.Session()
counter = redis.Redis.from_url(BROKER)


@app.task(name="compress")  # type: ignore[untyped-decorator, unused-ignore]
def compress(url: str, target: str) -> None:
    answer = session.get(url, timeout=60)
    answer.raise_for_status()
    with Image.open(io.BytesIO(answer.content)) as image:
        small = io.BytesIO()
        image.convert("RGB").save(small, "JPEG", quality=50)
    Path(target).write_bytes(small.getvalue())
    counter.incr(DONE)
