"""``calcinosis quantify``: measures of the deposits of a segmentation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.files import write_csv
from ...analysis.output import writable_file
from ...analysis.progress import Progress

HELP = "measure the deposits of a segmentation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IMAGE SEG --modality --out and what refines the measures."""
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument("segmentation", type=Path, metavar="SEG", help=".seg.nrrd or a label image on the image's grid")
    parser.add_argument("--modality", required=True, choices=("ct", "mr", "xray"))
    parser.add_argument("--out", required=True, type=Path, metavar="deposits.csv")
    parser.add_argument("--labels", choices=("as-is", "components"), default="as-is",
                        help="one deposit per label, or per connected body")  # fmt: skip
    parser.add_argument("--bones", type=Path, metavar="F", help="named bones on the image's grid")
    parser.add_argument("--view", type=Path, metavar="F", help="geometry of the radiograph")
    parser.add_argument("--psf-fwhm-mm", type=float, metavar="X", help="width of the point spread, else estimated")
    parser.add_argument("--calibration", type=Path, metavar="F", help="HU to mg hydroxyapatite, see docs/morphology.md")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Measure, write, summarise."""
    out = writable_file(arguments.out, (".csv",))

    from ...analysis.components import split_into_components
    from ...analysis.morphology.calibration import read_calibration
    from ...logic.columns import DEPOSIT_COLUMNS
    from ...logic.module_logic import CalcinosisImagingLogic
    from ...scene.segmentations import update_node
    from ..loading import image_node, segmentation_node, segmentation_of

    calibration = None if arguments.calibration is None else read_calibration(arguments.calibration)
    node, image = image_node(arguments.image, arguments.modality, arguments.view, plausible=False)
    deposits = segmentation_node(arguments.segmentation, node)
    if arguments.labels == "components":
        update_node(deposits, split_into_components(segmentation_of(deposits, node)))
    bones = None if arguments.bones is None else segmentation_node(arguments.bones, node)
    rows = CalcinosisImagingLogic().quantifySegmentation(
        node,
        deposits,
        arguments.modality,
        bones_on_image_node=bones,
        psf_fwhm_mm=arguments.psf_fwhm_mm,
        calibration=calibration,
        progress=progress,
    )
    write_csv(out, DEPOSIT_COLUMNS, [{"hand": image.hand, **row} for row in rows])
    return {"text": f"{len(rows)} deposits: {out}", "deposits": len(rows)}
