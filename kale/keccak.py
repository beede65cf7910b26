"""Keccak-256 in plain Python, written from the specification: the second opinion.

The C miner has its own; this one is slow (about half a millisecond a hash) and is
here to be compared with it and to be read. Source: "The Keccak reference", version
3.0, sections 1.1 and 1.2; KALE uses the original padding, not FIPS 202's.
"""

from typing import Final

_LANE_BITS: Final = 64
_LANE_MASK: Final = 2**_LANE_BITS - 1
_ROUNDS: Final = 24
_RATE_BYTES: Final = 136
_DIGEST_BYTES: Final = 32

#: First byte of the padding: Keccak as submitted, and SHA-3 as standardised.
KECCAK_PADDING: Final = 0x01
SHA3_PADDING: Final = 0x06


def keccak256(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest that Soroban's `keccak256` gives."""
    return sponge256(data, KECCAK_PADDING)


def sponge256(data: bytes, padding: int) -> bytes:
    """Absorb `data` with a padding that begins with the byte `padding`; squeeze 32 bytes."""
    padded = bytearray(data)
    padded.append(padding)
    padded.extend(bytes(-len(padded) % _RATE_BYTES))
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE_BYTES):
        for lane in range(_RATE_BYTES // 8):
            offset = start + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[offset : offset + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes)[:_DIGEST_BYTES]


def _rotate(lane: int, bits: int) -> int:
    return ((lane << bits) | (lane >> (_LANE_BITS - bits))) & _LANE_MASK


def _permute(lanes: list[int]) -> list[int]:
    """Keccak-f[1600]; lane (x, y) of the state is `lanes[x + 5 * y]`."""
    for round_constant in _ROUND_CONSTANTS:
        # theta: add to each lane the parities of two neighbouring columns
        parities = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        flips = [parities[x - 1] ^ _rotate(parities[(x + 1) % 5], 1) for x in range(5)]
        # rho and pi: rotate each lane, then move it
        moved = [0] * 25
        for source, target, bits in _MOVES:
            moved[target] = _rotate(lanes[source] ^ flips[source % 5], bits)
        # chi: the only non-linear step, along the rows
        lanes = [
            moved[row + x] ^ (~moved[row + (x + 1) % 5] & moved[row + (x + 2) % 5])
            for row in range(0, 25, 5)
            for x in range(5)
        ]
        # iota: break the symmetry between rounds
        lanes[0] ^= round_constant
    return lanes


def _lane_moves() -> list[tuple[int, int, int]]:
    """(from, to, rotation) of every lane, for rho and pi together."""
    moves = [(0, 0, 0)]
    x, y = 1, 0
    for step in range(24):
        target_x, target_y = y, (2 * x + 3 * y) % 5
        moves.append((x + 5 * y, target_x + 5 * target_y, (step + 1) * (step + 2) // 2 % _LANE_BITS))
        x, y = target_x, target_y
    return moves


def _round_constants() -> list[int]:
    """Bits 2^j − 1 of each constant come from the register x^8 + x^6 + x^5 + x^4 + 1."""
    constants = []
    register = 1
    for _ in range(_ROUNDS):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (2**j - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return constants


_MOVES: Final = _lane_moves()
_ROUND_CONSTANTS: Final = _round_constants()
