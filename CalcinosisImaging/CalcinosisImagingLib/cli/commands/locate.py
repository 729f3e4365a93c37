"""``calcinosis locate``: where the CT's bones are in one or more radiographs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.files import write_csv, write_json
from ...analysis.output import writable_file
from ...analysis.progress import Progress, part

HELP = "find where the bones of a CT are in radiographs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CT XRAY... --out, views, bones, points."""
    parser.add_argument("ct", type=Path, metavar="CT")
    parser.add_argument("films", type=Path, nargs="+", metavar="XRAY")
    parser.add_argument("--out", required=True, type=Path, metavar="POSE.json")
    parser.add_argument("--view", type=Path, nargs="+", metavar="V.json", help="geometry of each radiograph, in order")
    parser.add_argument("--bones", type=Path, metavar="BONES.seg.nrrd", help="the CT's bones, else they are found")
    parser.add_argument("--points", type=Path, metavar="IN.csv", help="CT points: id,r,a,s")
    parser.add_argument("--points-out", type=Path, metavar="OUT.csv", help="the same points: id,view,u_px,v_px")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Locate, write, summarise."""
    out = writable_file(arguments.out, (".json",))
    if (arguments.points is None) != (arguments.points_out is None):
        raise InputError("--points and --points-out belong together; give both or none.")
    views = arguments.view or [None] * len(arguments.films)
    if len(views) != len(arguments.films):
        raise InputError(f"--view: {len(views)} view files for {len(arguments.films)} radiographs; give one for each.")

    from ...logic.module_logic import CalcinosisImagingLogic
    from ..loading import image_node, segmentation_node
    from ..points import read_points

    ids, points = ([], None)
    if arguments.points is not None:
        ids, points = read_points(arguments.points)
        writable_file(arguments.points_out, (".csv",))
    logic = CalcinosisImagingLogic()
    ct, _ = image_node(arguments.ct, "ct")
    films = [image_node(film, "xray", view)[0] for film, view in zip(arguments.films, views, strict=True)]
    if arguments.bones is not None:
        bones = segmentation_node(arguments.bones, ct)
    else:
        bones = logic.segmentVolume(ct, "ct", progress=part(progress, 0.0, 0.3)).bones
    result = logic.locateFilms(ct, films, bones, part(progress, 0.3, 0.95)).result
    content = result.to_json()
    write_json(out, content)
    if points is not None:
        rows = [
            {"id": name, "view": view, "u_px": u, "v_px": v}
            for view, pixels in result.project_points(points).items()
            for name, (u, v) in zip(ids, pixels, strict=True)
        ]
        write_csv(arguments.points_out, ("id", "view", "u_px", "v_px"), rows)
    flags = [bone["flag"] for view in content for bone in view["bones"].values()]
    counts = {flag: flags.count(flag) for flag in ("ok", "check", "failed")}
    return {"text": f"bones: {counts['ok']} ok, {counts['check']} to check, {counts['failed']} failed: {out}", **counts}
