"""Size, roundness and hollowness of a body that may be a deposit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from .crops import closed, percentile, smoothed_crop
from .grid import grow_box

SMOOTH_MM, REACH_SIGMAS = 0.3, 4.0
PEAK_PERCENT = 95
SHELL_MM3 = (12.0, 400.0)
ROUND = 2.2
"""A round body is at most so many times longer than thick."""
WHOLE = 0.38
"""A whole body is this deep, relative to its thinnest axis, once what it encloses is filled (a ball: 0.56); a net with
a gap in its middle looks hollow, too, but its meshes are open."""
THICK_MM = 1.0
"""A body must be this deep for its inside to be told from its outside."""
CORE, LAYERS = 0.7, 5
"""The core is what is deeper than this share of the depth; what is around it is looked at in so many layers."""


@dataclass(frozen=True)
class Form:
    """Form of a body.

    Attributes
    ----------
    volume_mm3: of its voxels.
    axes_mm: principal axes (4 sqrt eigenvalue), longest first; zeros for less than four voxels.
    peak_hu: its 95th percentile in the lightly smoothed image.
    depth_mm: of its deepest voxel, holes filled.
    core_share: contrast of its inside over that of its brightest layer; 1 where it is too thin or too open to tell.
    """

    volume_mm3: float
    axes_mm: tuple[float, float, float]
    peak_hu: float
    depth_mm: float
    core_share: float

    def is_shell(self, share: float) -> bool:
        """Whether its core share is below ``share``, and it has the size and roundness of a small bone."""
        rounded = self.axes_mm[0] < ROUND * self.axes_mm[2]
        return may_be_shell(self.volume_mm3) and rounded and self.core_share < share


def may_be_shell(volume_mm3: float) -> bool:
    """Whether a body has the size of a small bone."""
    return SHELL_MM3[0] <= volume_mm3 <= SHELL_MM3[1]


def form_of(hu: np.ndarray, body: np.ndarray, background_hu: float, spacing: np.ndarray) -> Form:
    """Measure a body (crops, K, J, I) over its background."""
    # Nothing beyond the reach of the smoothing matters.
    margin = np.ceil(REACH_SIGMAS * SMOOTH_MM / spacing) + 1
    own = ndimage.find_objects(body.view(np.uint8))[0]
    near = grow_box(own, margin, body.shape)
    inner = tuple(slice(o.start - n.start, o.stop - n.start) for o, n in zip(own, near, strict=True))
    # What closes and fills a body lies in its own box.
    smooth = smoothed_crop(hu[near], SMOOTH_MM / spacing, REACH_SIGMAS)[inner]
    body = body[own]
    volume = float(body.sum() * np.prod(spacing))
    peak = percentile(smooth[body], PEAK_PERCENT)
    # A shell's outline may be the shell alone: what it encloses belongs to it here.
    wide = np.zeros([n + 4 for n in body.shape], bool)
    wide[2:-2, 2:-2, 2:-2] = body
    outside, _ = ndimage.label(~closed(wide))
    depth = ndimage.distance_transform_edt(outside != outside[0, 0, 0], sampling=spacing)[2:-2, 2:-2, 2:-2]
    axes, deepest = _principal_axes_mm(body, spacing), float(depth.max())
    share = _core_share(smooth - background_hu, depth) if deepest >= WHOLE * axes[2] else 1.0
    return Form(volume, axes, peak, deepest, share)


def shell_form(hu: np.ndarray, body: np.ndarray, background_hu: float, spacing: np.ndarray) -> Form | None:
    """`form_of` a body that has the size of a small bone; None, in no time, for the others."""
    return form_of(hu, body, background_hu, spacing) if may_be_shell(float(body.sum() * np.prod(spacing))) else None


def _principal_axes_mm(body: np.ndarray, spacing: np.ndarray) -> tuple[float, float, float]:
    points = np.argwhere(body) * spacing
    if len(points) < 4:
        return 0.0, 0.0, 0.0
    points -= points.mean(0)
    values = np.linalg.eigvalsh(points.T @ points / (len(points) - 1))[::-1]
    return tuple(float(4 * np.sqrt(max(v, 0.0))) for v in values)


def _core_share(contrast: np.ndarray, depth: np.ndarray) -> float:
    """Contrast of the core over that of the brightest layer around it: 1 or more in a solid body, less in a shell.

    A shell is bright all around: of each layer the lower quartile counts, which in a net is a gap's.
    """
    deepest = float(depth.max())
    if deepest <= THICK_MM:
        return 1.0
    bounds = np.linspace(0.1, CORE, LAYERS + 1) * deepest
    layers = [contrast[(depth > a) & (depth <= b)] for a, b in pairwise(bounds)]
    brightest = max((percentile(layer, 25) for layer in layers if len(layer)), default=1.0)
    return float(contrast[depth > bounds[-1]].mean()) / max(brightest, 1.0)
