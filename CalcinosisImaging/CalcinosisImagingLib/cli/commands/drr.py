"""``calcinosis drr``: the radiograph that a CT would give, as line integrals."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.files import whole_file
from ...analysis.output import writable_file
from ...analysis.progress import Progress, report

HELP = "project a CT along the rays of a view"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CT --view --out."""
    parser.add_argument("ct", type=Path, metavar="CT")
    parser.add_argument("--view", required=True, type=Path, metavar="VIEW.json", help="must contain ct_to_view")
    parser.add_argument("--out", required=True, type=Path, metavar="DRR.nrrd")
    parser.add_argument("--mu-water", type=float, default=0.02, help="attenuation of water per mm; default 0.02")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Project and write."""
    out = writable_file(arguments.out, (".nrrd", ".mha", ".nii", ".nii.gz"))
    if not arguments.mu_water > 0:
        raise InputError(f"--mu-water {arguments.mu_water}: must be greater than 0.")

    import numpy as np
    import SimpleITK as sitk

    from ...analysis.itk_bridge import to_itk
    from ...analysis.projection.drr import project_ct
    from ...analysis.volume import Volume
    from ...study.images import read_image
    from ...study.view_files import read_view

    view = read_view(arguments.view)
    if view.ct_to_view is None:
        raise InputError(f"{arguments.view}: has no ct_to_view, so the pose is not known; add it or use locate.")
    ct = read_image(arguments.ct, "ct").volume
    report(progress, 0.1, "Projecting")
    image = project_ct(ct, view, mu_water_per_mm=arguments.mu_water)
    su, sv = view.pixel_spacing_mm
    film = Volume(image[np.newaxis].astype(np.float32), np.diag([-su, -sv, 1.0, 1.0]))
    with whole_file(out) as temporary:
        sitk.WriteImage(to_itk(film), str(temporary), useCompression=True)
    return {"text": f"DRR: {out}", "maximum": float(image.max()), "rows": view.rows, "columns": view.columns}
