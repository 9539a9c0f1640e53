"""Uploads a file with tuspy and prints the number of retries.

usage: upload.py URL FILE SESSION
"""

import sys
import time

from tusclient import client

url, path, session = sys.argv[1:]
sleeps = []
time.sleep = lambda seconds, sleep=time.sleep: (sleeps.append(seconds), sleep(0.2))
tus = client.TusClient(url, headers={"X-Session-Id": session})
tus.uploader(path, chunk_size=2_000_000, retries=20, retry_delay=1, metadata={"filename": "video.mp4"}).upload()
print(f"retries={len(sleeps)}")
