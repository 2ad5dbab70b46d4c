"""The application that the Celery worker and its client share."""

import os

import work
from celery import Celery

URL = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/"
app = Celery("celery_tasks", broker=URL + "0", backend=URL + "1")
app.conf.update(worker_prefetch_multiplier=64, worker_send_task_events=False, broker_connection_retry_on_startup=True)
noop = app.task(name="noop")(work.noop)
true = app.task(name="true")(work.true)
