"""The tools that a click works with, their names, keys and hints."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

IN, OUT, BONE, CUT, GROW, REFINE = "in", "out", "bone", "cut", "grow", "refine"
PART_NEW, PART_BONE, PART_OUT = "deposit", "bone", "out"
"""What becomes of the part that is cut off."""


@dataclass(frozen=True)
class Tool:
    """key: a letter over a slice view that chooses the tool; none of those that the Segment Editor uses."""

    name: str
    title: str
    key: str
    hint: str


def tools() -> tuple[Tool, ...]:
    """All tools in the order of their buttons."""
    return (
        Tool(IN, _("Take in"), "a", _("Click a candidate, or anything that stands out: it becomes a deposit.")),
        Tool(OUT, _("Throw out"), "x", _("Click a deposit: the island at the click is removed.")),
        Tool(BONE, _("Bone"), "n", _("Click an island: it goes to the segment Bone and is no deposit any more.")),
        Tool(CUT, _("Cut"), "c", _("Press, draw a line across, release: the body under it is cut in two.")),
        Tool(GROW, _("Regrow"), "s", _("Click inside a deposit: it is replaced by what grows from the click.")),
        Tool(REFINE, _("Refine"), "d", _("Click a deposit: its boundary moves to where the image has its edge.")),
    )
