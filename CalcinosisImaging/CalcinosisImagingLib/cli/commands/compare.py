"""``calcinosis compare``: which deposit of one segmentation is which in another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.files import write_csv
from ...analysis.output import writable_file
from ...analysis.progress import Progress

HELP = "match the deposits of two segmentations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SEG_A SEG_B --transform --out."""
    parser.add_argument("a", type=Path, metavar="SEG_A")
    parser.add_argument("b", type=Path, metavar="SEG_B")
    parser.add_argument("--transform", type=Path, metavar="T", help="ITK transform, points of A to points of B")
    parser.add_argument("--out", required=True, type=Path, metavar="matches.csv")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Match, write, summarise."""
    out = writable_file(arguments.out, (".csv",))

    from ...analysis.comparison.match import COLUMNS, comparison_rows, match
    from ...analysis.itk_bridge import point_mapping, read_transform
    from ...analysis.segmentation_file import read_segmentation

    a, b = read_segmentation(arguments.a), read_segmentation(arguments.b)
    mapping = None if arguments.transform is None else point_mapping(read_transform(arguments.transform))
    if mapping is None and not _overlap(a, b):
        raise InputError(
            f"{arguments.a} and {arguments.b}: the images lie apart in space; give the transform between them."
        )
    rows = comparison_rows(match(a, b, mapping, progress=progress))
    write_csv(out, COLUMNS, rows)
    counts = {status: sum(row["status"] == status for row in rows) for status in ("matched", "missed", "extra")}
    return {
        "text": f"{counts['matched']} matched, {counts['missed']} missed, {counts['extra']} extra: {out}",
        **counts,
    }


def _overlap(a: Any, b: Any) -> bool:
    """Whether the boxes of two segmentations' grids meet."""
    import numpy as np

    def box(segmentation: Any) -> tuple[np.ndarray, np.ndarray]:
        volume = segmentation.volume
        corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in volume.size])).reshape(3, -1).T
        ras = volume.to_ras(corners)
        return ras.min(0), ras.max(0)

    (low_a, high_a), (low_b, high_b) = box(a), box(b)
    return bool(np.all(low_a <= high_b) and np.all(low_b <= high_a))
