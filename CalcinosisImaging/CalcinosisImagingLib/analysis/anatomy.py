"""Names of the bones of forearm and hand, and which joins which. Digit 1 is the thumb."""

from __future__ import annotations

FOREARM = ("radius", "ulna")
CARPALS = ("scaphoid", "lunate", "triquetrum", "pisiform", "trapezium", "trapezoid", "capitate", "hamate")
METACARPALS = tuple(f"metacarpal-{d}" for d in range(1, 6))
PROXIMALS = tuple(f"proximal-{d}" for d in range(1, 6))
MIDDLES = tuple(f"middle-{d}" for d in range(2, 6))
DISTALS = tuple(f"distal-{d}" for d in range(1, 6))

RAY_SEGMENTS = ("metacarpal", "proximal", "middle", "distal")

BONE_NAMES: tuple[str, ...] = FOREARM + CARPALS + METACARPALS + PROXIMALS + MIDDLES + DISTALS
"""All 29 bones, in the order of their labels: the label of a bone is its index here plus 1."""

BONE_LABELS: dict[str, int] = {name: index + 1 for index, name in enumerate(BONE_NAMES)}

CARPOMETACARPAL = {1: "trapezium", 2: "trapezoid", 3: "capitate", 4: "hamate", 5: "hamate"}
"""The carpal bone that each metacarpal stands on."""


def digit_of(bone: str) -> int | None:
    """1..5 for bones of a ray (metacarpals included), None for carpals, forearm and bones that have no name.

    >>> digit_of("middle-3"), digit_of("hamate"), digit_of("unknown-1")
    (3, None, None)
    """
    segment, _, digit = bone.partition("-")
    return int(digit) if segment in RAY_SEGMENTS else None


def ray(digit: int) -> tuple[str, ...]:
    """Bones of a digit from metacarpal to distal phalanx.

    >>> ray(1)
    ('metacarpal-1', 'proximal-1', 'distal-1')
    """
    segments = ("metacarpal", "proximal", "distal") if digit == 1 else ("metacarpal", "proximal", "middle", "distal")
    return tuple(f"{segment}-{digit}" for segment in segments)


def parent_of(bone: str) -> str | None:
    """The bone on which this one moves, towards the forearm; None for the radius.

    Carpals and ulna are taken to move on the radius.
    """
    digit = digit_of(bone)
    if bone == "radius":
        return None
    if digit is None:
        return "radius"
    chain = ray(digit)
    index = chain.index(bone)
    return CARPOMETACARPAL[digit] if index == 0 else chain[index - 1]
