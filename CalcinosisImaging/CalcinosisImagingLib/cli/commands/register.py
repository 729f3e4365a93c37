"""``calcinosis register``: the transform that takes CT points to MR points."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.files import whole_file, write_csv, write_json
from ...analysis.output import writable_file
from ...analysis.progress import Progress, part

HELP = "register a CT to an MR, every bone on its own"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CT MR --out, quality, bones, points."""
    parser.add_argument("ct", type=Path, metavar="CT")
    parser.add_argument("mr", type=Path, metavar="MR")
    parser.add_argument("--out", required=True, type=Path, metavar="T.h5", help="ITK transform, CT points to MR points")
    parser.add_argument("--quality", type=Path, metavar="REGISTRATION.json", help="per bone: matrix, error, flag")
    parser.add_argument("--bones", type=Path, metavar="BONES.seg.nrrd", help="the CT's bones, else they are found")
    parser.add_argument("--points", type=Path, metavar="IN.csv", help="CT points: id,r,a,s")
    parser.add_argument("--points-out", type=Path, metavar="OUT.csv", help="the same points in the MR")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Register, write, summarise."""
    out = writable_file(arguments.out, (".h5", ".tfm", ".txt"))
    if (arguments.points is None) != (arguments.points_out is None):
        raise InputError("--points and --points-out belong together; give both or none.")
    if arguments.quality is not None:
        writable_file(arguments.quality, (".json",))

    import SimpleITK as sitk

    from ...logic.module_logic import CalcinosisImagingLogic
    from ..loading import image_node, segmentation_node
    from ..points import POINT_COLUMNS, read_points

    ids, points = ([], None)
    if arguments.points is not None:
        ids, points = read_points(arguments.points)
        writable_file(arguments.points_out, (".csv",))
    logic = CalcinosisImagingLogic()
    ct, _ = image_node(arguments.ct, "ct")
    mr, _ = image_node(arguments.mr, "mr")
    if arguments.bones is not None:
        bones = segmentation_node(arguments.bones, ct)
    else:
        bones = logic.segmentVolume(ct, "ct", progress=part(progress, 0.0, 0.3)).bones
    result = logic.registerVolumes(ct, mr, bones, part(progress, 0.3, 0.95)).result
    with whole_file(out) as temporary:
        sitk.WriteTransform(result.to_itk(), str(temporary))
    content = result.to_json()
    if arguments.quality is not None:
        write_json(arguments.quality, content)
    if points is not None:
        moved = result.map_points(points)
        rows = [dict(zip(POINT_COLUMNS, (name, *point), strict=True)) for name, point in zip(ids, moved, strict=True)]
        write_csv(arguments.points_out, POINT_COLUMNS, rows)
    flags = [bone["flag"] for bone in content["bones"].values()]
    counts = {flag: flags.count(flag) for flag in ("ok", "check", "failed")}
    return {"text": f"bones: {counts['ok']} ok, {counts['check']} to check, {counts['failed']} failed: {out}", **counts}
