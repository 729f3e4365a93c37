"""``calcinosis implant``: synthetic deposits with truth put into a real scan."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.files import whole_file, write_csv
from ...analysis.output import writable_folder
from ...analysis.progress import Progress
from ...analysis.segmentation_file import write_segmentation

HELP = "put synthetic deposits with truth into a real scan"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IMAGE --modality --out --seed."""
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument("--modality", required=True, choices=("ct", "mr", "xray"))
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="image, truth.seg.nrrd, truth.csv")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same deposits; default 0")
    parser.add_argument("--count", type=int, metavar="N", help="how many deposits; as fits the image if not given")
    parser.add_argument("--view", type=Path, metavar="VIEW.json", help="geometry of a radiograph")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Implant and write."""
    out = writable_folder(arguments.out)

    import SimpleITK as sitk

    from ...analysis.itk_bridge import to_itk
    from ...phantom.implant import implant
    from ...phantom.implant_film import implant_film
    from ...study.images import read_image
    from ...study.view_files import write_view

    image = read_image(arguments.image, arguments.modality, arguments.view)
    if arguments.modality == "xray":
        made = implant_film(image.volume, image.view, seed=arguments.seed, count=arguments.count, progress=progress)
    else:
        made = implant(image.volume, arguments.modality, seed=arguments.seed, count=arguments.count, progress=progress)
    if image.view is not None:
        write_view(out / f"{arguments.modality}.json", image.view)
    with whole_file(out / f"{arguments.modality}.nrrd") as temporary:
        sitk.WriteImage(to_itk(made.volume), str(temporary), useCompression=True)
    write_segmentation(out / "truth.seg.nrrd", made.truth)
    columns = list(dict.fromkeys(key for row in made.rows for key in row))
    write_csv(out / "truth.csv", columns, made.rows)
    return _summary(made.rows, out, arguments.count or len(made.rows))


def _summary(rows: list[dict[str, Any]], out: Path, asked: int) -> dict[str, Any]:
    """What was done, and for how many no room was found; of an MR also how many deposits can be seen."""
    text, summary = f"{len(rows)} deposits implanted: {out}", {"deposits": len(rows), "no_room": asked - len(rows)}
    if asked > len(rows):
        text += f"; no room for {asked - len(rows)} more"
    if rows and "visible" in rows[0]:
        summary["visible"] = sum(row["visible"] for row in rows)
        hidden = len(rows) - summary["visible"]
        if hidden:
            text += f"; {hidden} of them where no place showed them: not visible in truth.csv"
    return {"text": text} | summary
