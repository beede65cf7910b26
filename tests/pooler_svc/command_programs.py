"""External hashers that are honest, or misbehave; each a real process, by either command line."""

import sys
from pathlib import Path

from kalepool_cli.processes import kalepool_command

NOT_THERE = ("/nonexistent/miner",)

#: Our own search, as anybody would run it.
KALEPOOL_HASH = (*kalepool_command("hash"), "{}")

# Each program appends its arguments and its pid to a file. `start` runs it once without arguments.
_BEGINNING = """
import base64, json, os, random, signal, subprocess, sys, time
log, arguments = sys.argv[1], sys.argv[2:]
if not arguments:
    time.sleep(600)
with open(log, "a") as file:
    file.write(json.dumps({"pid": os.getpid(), "arguments": arguments}) + "\\n")
runs = len(open(log).readlines())
from miner_ext import Search, verify
def option(name):
    return arguments[arguments.index(name) + 1]
in_ranges = "--index" in arguments
if in_ranges:
    entropy, key = bytes.fromhex(option("--entropy-hex")), bytes.fromhex(option("--farmer-hex"))
    puzzle = int(option("--index")), entropy, key
    count = int(option("--nonce-count"))
else:
    key = base64.b32decode(arguments[4])[1:33]
    puzzle = int(arguments[0]), base64.b64decode(arguments[1]), key
    start, zeros = int(arguments[2]), int(arguments[3])
def tell(nonce, digest=None):
    digest = (digest or verify(*puzzle, nonce).hash).hex()
    print(json.dumps([nonce, digest] if in_ranges else {"hash": digest, "nonce": nonce}), flush=True)
def be_honest():
    nonce = 0 if in_ranges else start
    while not in_ranges and verify(*puzzle, nonce).zeros < zeros:
        nonce += 1
    tell(Search(*puzzle, 0, count).run().best.nonce if in_ranges else nonce)
"""

HONEST = "be_honest()"
#: Tells the same nonce every time, from where no range is.
ALWAYS_THE_SAME = "tell(2**40)"
ANYWHERE = "tell(random.Random(runs).getrandbits(63))"
#: As kale-farmer prints: the speed, then a nonce in quotes.
WITH_HASHRATE = """
nonce = Search(*puzzle, 0, count).run().best.nonce
print("Hashrate: 3.21 MH/s")
print(json.dumps([str(nonce), verify(*puzzle, nonce).hash.hex()]))
"""
#: As kale-miner prints: many lines, an object over several of them, the hash in capitals.
TALKATIVE = """
print("[CPU] Mining batch: {0} block: 37", start)
nonce = start
while verify(*puzzle, nonce).zeros < zeros:
    nonce += 1
print("[CPU] Hash Rate: 3.21 MH/s")
print(json.dumps({"hash": verify(*puzzle, nonce).hash.hex().upper(), "nonce": str(nonce)}, indent=2))
print("bye")
"""
LOUD_ON_STDERR = "sys.stderr.write('noise ' * 1_000_000); be_honest()"
READS_ITS_INPUT = "assert sys.stdin.read() == ''; be_honest()"

#: Has a child, and neither of them ever ends.
HANGING = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(log + ".child", "w") as file:
    file.write(f"{child.pid}\\n")
time.sleep(600)
"""
#: Lasts until the test makes a file that has the number of the run behind the log's name.
GATED = """
while not os.path.exists(f"{log}.{runs}"):
    time.sleep(0.01)
tell(0)
"""

DEAD = "print('half an ans'); sys.exit('no GPU here')"
SHOT = "os.kill(os.getpid(), signal.SIGSEGV)"
SILENT = "pass"
GARBLED = "print('No valid hash found.')"
LYING = "tell(5, bytes(32))"
BEYOND = "tell(2**64, bytes(32))"
LONG_LINE = "print('x' * 1_000_000); be_honest()"
FLOODING = """
while True:
    print("still searching")
"""
TOO_EASY = """
nonce = start
while verify(*puzzle, nonce).zeros != zeros - 1:
    nonce += 1
tell(nonce)
"""


def program(deed: str, log: Path) -> tuple[str, ...]:
    """A program that does the deed at every run."""
    return (sys.executable, "-c", _BEGINNING + deed, str(log))


def hanging_shell(log: Path) -> tuple[str, ...]:
    """Notes its pid, that of a child and its arguments, at once; neither of the two ever ends."""
    return ("/bin/sh", "-c", 'sleep 600 & echo "$$ $! $*" >>"$0"; wait', str(log))


def misbehaving_once(deed: str, log: Path) -> tuple[str, ...]:
    """A program that does the deed at its first run, and is honest from then on."""
    indented = "".join(f"    {line}\n" for line in deed.strip().splitlines())
    return program(f"if runs == 1:\n{indented}else:\n    be_honest()\n", log)
