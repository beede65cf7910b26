"""Programs that stand in for the hasher process and misbehave, each a real process."""

import sys
from pathlib import Path

NOT_THERE = ("/nonexistent/hasher",)
DEAD_AT_ONCE = (sys.executable, "-c", "raise SystemExit(3)")
NEVER_READY = (sys.executable, "-c", "print('hello', flush=True)")

#: Answers the first command with something that is no report.
GARBLED = """
sys.stdin.readline()
print("Segmentation fault", flush=True)
sys.stdin.read()
"""

#: Answers the first command with a nonce whose hash is made up.
LYING = """
job = json.loads(sys.stdin.readline())
report = {"type": "improvement", "farmer_id": job["farmer_id"], "block_index": job["block_index"],
          "assignment": job["assignment"]}
print(json.dumps(report | {"nonce": 1, "zeros": 64, "hash": "00" * 32, "hashes": 10}), flush=True)
sys.stdin.read()
"""

#: Takes commands and never reports.
SILENT = """
sys.stdin.read()
"""

#: Takes commands and reports that it lives, but its searches hang.
STUCK = """
import time
while True:
    print(json.dumps({"type": "progress", "hashes_total": 0, "jobs": []}), flush=True)
    time.sleep(0.05)
"""

#: Hashes on and on, but the search of the first nonces hangs.
ONE_STUCK = """
import time
job = json.loads(sys.stdin.readline())
about = {name: job[name] for name in ("farmer_id", "block_index", "assignment")}
hashes = 0
while True:
    hashes += 1000
    jobs = [about | {"hashes": hashes, "next_nonce": job["nonce_from"]}]
    print(json.dumps({"type": "progress", "hashes_total": hashes, "jobs": jobs}), flush=True)
    time.sleep(0.05)
"""

#: Reports for a job what was under way of the one before it, which is no lie.
LATE = """
job = json.loads(sys.stdin.readline())
about = {"farmer_id": job["farmer_id"], "block_index": job["block_index"]}
about["assignment"] = job["assignment"] - 1
found = {"type": "improvement", "nonce": 1, "zeros": 1, "hash": "00" * 32, "hashes": 10}
print(json.dumps(found | about), flush=True)
jobs = [about | {"hashes": 10**12, "next_nonce": 10**12}]
print(json.dumps({"type": "progress", "hashes_total": 10**12, "jobs": jobs}), flush=True)
sys.stdin.read()
"""

#: Says that it is ready, and then neither reads nor ends.
DEAF = (
    sys.executable,
    "-c",
    """
import time
print('{"type": "ready", "kernel": "stand-in", "threads": 1}', flush=True)
time.sleep(600)
""",
)

_MISBEHAVING_ONCE = """
import json, os, pathlib, sys
marker = pathlib.Path(sys.argv[1])
if marker.exists():
    os.execv(sys.executable, [sys.executable, "-m", "miner_ext.hasher", "--threads", "1", "--nice", "0"])
marker.touch()
print(json.dumps({"type": "ready", "kernel": "stand-in", "threads": 1}), flush=True)
"""


def misbehaving_once(deed: str, folder: Path) -> tuple[str, ...]:
    """A program that does the deed when it runs first, and is the real hasher from then on."""
    return (sys.executable, "-c", _MISBEHAVING_ONCE + deed, str(folder / "has misbehaved"))
