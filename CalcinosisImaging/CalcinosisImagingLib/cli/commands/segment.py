"""``calcinosis segment``: deposits of one image, for a CT the bones too."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.files import write_csv
from ...analysis.output import writable_file
from ...analysis.progress import Progress, part
from ...analysis.segmentation_file import write_segmentation

HELP = "find the deposits of a CT, MR or radiograph"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IMAGE --modality --out, and what else is written."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="DICOM folder or image file")
    parser.add_argument("--modality", required=True, choices=("ct", "mr", "xray"))
    parser.add_argument("--out", required=True, type=Path, metavar="SEG.seg.nrrd", help="deposits, one label each")
    parser.add_argument("--csv", type=Path, metavar="F", help="measures of the deposits")
    parser.add_argument("--bones-out", type=Path, metavar="BONES.seg.nrrd", help="bones by name, CT only")
    parser.add_argument("--view", type=Path, metavar="VIEW.json", help="geometry of the radiograph")
    parser.add_argument("--sensitivity", type=float, default=0.5, help="0 (few, sure) to 1 (all); default 0.5")
    parser.add_argument("--minimum-volume-mm3", type=float, help="smallest deposit; else what noise allows")
    parser.add_argument("--psf-fwhm-mm", type=float, help="width of the CT's point spread; estimated if not given")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Segment, write, summarise."""
    out = writable_file(arguments.out, (".seg.nrrd",))
    if arguments.bones_out is not None:
        if arguments.modality != "ct":
            raise InputError("--bones-out: bones are found in CT only; leave it out for MR and radiographs.")
        writable_file(arguments.bones_out, (".seg.nrrd",))
    if arguments.csv is not None:
        writable_file(arguments.csv, (".csv",))
    if not 0 <= arguments.sensitivity <= 1:
        raise InputError(f"--sensitivity {arguments.sensitivity}: must lie between 0 and 1.")

    from ...logic.columns import DEPOSIT_COLUMNS
    from ...logic.module_logic import CalcinosisImagingLogic
    from ...logic.segmentation_step import SegmentationOptions
    from ..loading import image_node, segmentation_of

    node, _ = image_node(arguments.image, arguments.modality, arguments.view)
    logic = CalcinosisImagingLogic()
    options = SegmentationOptions(arguments.sensitivity, arguments.minimum_volume_mm3, arguments.psf_fwhm_mm)
    made = logic.segmentVolume(node, arguments.modality, options, progress=part(progress, 0.0, 0.8))
    deposits, rejected = segmentation_of(made.deposits, node), made.all_rejected
    rows = []
    if arguments.csv is not None:
        rows = logic.quantifySegmentation(
            node, made.deposits, arguments.modality, ct_bones_node=made.bones, progress=part(progress, 0.8, 0.95)
        )
        write_csv(arguments.csv, DEPOSIT_COLUMNS, rows)
    write_segmentation(out, deposits)
    write_segmentation(out.with_name(out.name.removesuffix(".seg.nrrd") + ".rejected.seg.nrrd"), rejected)
    bones = []
    if made.bones is not None:
        named = segmentation_of(made.bones, node)
        bones = [segment.segment_id for segment in named.segments]
        if arguments.bones_out is not None:
            write_segmentation(arguments.bones_out, named)
    return {
        "text": f"{len(deposits.segments)} deposits, {len(rejected.segments)} rejected candidates"
        + (f", {len(bones)} bones" if arguments.modality == "ct" else "")
        + f": {out}",
        "deposits": len(deposits.segments),
        "rejected": len(rejected.segments),
        "bones": bones,
    }
