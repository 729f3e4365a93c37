"""The pictures of a visit's report: each deposit where it was found, each registration on the image it went to."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from ..analysis.anatomy import METACARPALS
from ..analysis.segmentation import Segmentation, empty_like
from ..analysis.volume import Volume
from ..logic.segmentation_step import carried_bones
from ..scene.segmentations import segmentation_from_node
from ..scene.volumes import get_view, volume_from_node
from .report_pictures import CLOSE_UP_PIXELS, COLOURS, MAXIMUM_PIXELS, Outline, html_image, legend, picture
from .session_images import ImageNodes
from .session_run import SessionResult

CT_WINDOW = (-250.0, 1500.0)
CLOSE_UPS = 4
ENOUGH_OF_A_PALM = 3
"""So many of metacarpals 2 to 5 make a plane."""
CLOSE_UP_MM = 20.0
"""Half the side of a close-up of a deposit."""


def ct_pictures(result: SessionResult) -> str:
    """The whole hand as a maximum projection, and close-ups of the largest deposits."""
    if result.ct is None:
        return ""
    volume = volume_from_node(result.ct.volume)
    deposits = result.ct.used_segmentation()
    bones = segmentation_from_node(result.bones, volume)
    whole = _projection(volume, deposits, bones)
    caption = "Highest value along the palm's normal, with bones and numbered deposits"
    parts = [legend({"ct": "CT deposits", "bones": "bones"}), html_image(whole, caption)]
    for label in _largest(deposits):
        parts.append(html_image(_close_up(volume, deposits, bones, label, CT_WINDOW, "ct"), f"CT, deposit {label}"))
    return "".join(parts)


def mr_pictures(result: SessionResult) -> str:
    """Each MR series with the CT's bones laid on it, so that the registration can be judged, and its deposits."""
    parts = []
    for image in result.mrs.values():
        volume = volume_from_node(image.volume)
        window = tuple(np.percentile(volume.voxels[::2, ::2, ::2], [1.0, 99.7]))
        deposits = image.used_segmentation()
        bones = carried_bones(image.volume, "mr", result.bones) or empty_like(volume)
        name = image.volume.GetName()
        for share in (0.4, 0.6):
            made = _slice_through_bones(volume, deposits, bones, window, share)
            parts.append(html_image(made, f"{name}, slice at {share:.0%} of the palm's depth, CT bones laid on it"))
        for label in _largest(deposits):
            made = _close_up(volume, deposits, bones, label, window, "mr")
            parts.append(html_image(made, f"{name}, deposit {label}"))
    if not parts:
        return ""
    return legend({"mr": "MR deposits", "bones": "the CT's bones, carried by the registration"}) + "".join(parts)


def film_pictures(result: SessionResult) -> str:
    """Each film with the shadows of the CT's bones and deposits where they were located, and its own deposits."""
    parts = []
    for image in result.films.values():
        parts.append(html_image(_film(result, image), f"{image.volume.GetName()}"))
    if not parts:
        return ""
    key = {"xray": "deposits in the film", "ct": "shadows of the CT's deposits", "bones": "shadows of the CT's bones"}
    return legend(key) + "".join(parts)


def _film(result: SessionResult, image: ImageNodes) -> Image.Image:
    volume = volume_from_node(image.volume)
    view = get_view(image.volume)
    pixels = volume.voxels[0]
    low, high = np.percentile(pixels[::3, ::3], [0.5, 99.5])
    window = (low, high) if view.bright == "bone" else (high, low)
    outlines = []
    if view.name in result.poses:
        bones = carried_bones(image.volume, "xray", result.bones)
        outlines.append(Outline(bones.labels[0], COLOURS["bones"]))
        outlines.append(Outline(_deposit_shadows(result, image, volume), COLOURS["ct"]))
    outlines.append(Outline(image.used_segmentation().labels[0], COLOURS["xray"], numbered=True))
    return picture(pixels, window, view.pixel_spacing_mm, outlines)


def _deposit_shadows(result: SessionResult, image: ImageNodes, film: Volume) -> np.ndarray:
    """Where the CT's deposits fall on the film, as labels (rows, columns)."""
    deposits = result.ct.used_segmentation()
    shadow = np.zeros(film.voxels.shape[1:], np.uint16)
    index = np.argwhere(deposits.labels > 0)
    if not len(index):
        return shadow
    name = get_view(image.volume).name
    uv = result.poses[image.name].project_points(deposits.volume.to_ras(index[:, ::-1]))[name]
    pixel = np.rint(uv).astype(int)
    seen = (pixel >= 0).all(1) & (pixel[:, 0] < shadow.shape[1]) & (pixel[:, 1] < shadow.shape[0])
    labels = deposits.labels[tuple(index.T)][seen]
    shadow[pixel[seen, 1], pixel[seen, 0]] = labels
    # Grey closing joins the projected voxel centres.
    size = int(np.ceil(2.5 * deposits.volume.spacing_mm.max() / min(get_view(image.volume).pixel_spacing_mm))) | 1
    return ndimage.grey_closing(shadow, (size, size))


def _projection(volume: Volume, deposits: Segmentation, bones: Segmentation) -> Image.Image:
    """Maximum projection along the image axis nearest to the palm's normal."""
    axis = thinnest_axis(palm_labels(bones) if bones.segments else deposits.labels, volume)
    kept = [n for n in range(3) if n != axis]
    spacing = volume.spacing_mm[::-1]
    grey = volume.voxels.max(axis=axis)
    outlines = [
        Outline(_up(bones.labels.max(axis=axis), volume, kept), COLOURS["bones"]),
        Outline(_up(deposits.labels.max(axis=axis), volume, kept), COLOURS["ct"], numbered=True),
    ]
    return picture(_up(grey, volume, kept), CT_WINDOW, (spacing[kept[1]], spacing[kept[0]]), outlines)


def palm_labels(bones: Segmentation) -> np.ndarray:
    """Labels of metacarpals 2 to 5 alone, which lie flat however fingers are bent; of all bones where they lack."""
    palm = [segment.label for segment in bones.segments if segment.segment_id in METACARPALS[1:]]
    if len(palm) < ENOUGH_OF_A_PALM:
        return bones.labels
    kept = np.zeros(int(bones.labels.max()) + 1, bones.labels.dtype)
    kept[[label for label in palm if label < len(kept)]] = 1
    return kept[bones.labels]


def thinnest_axis(labels: np.ndarray, volume: Volume) -> int:
    """Array axis (K, J or I) along which the labelled voxels extend least, in mm."""
    extents = []
    for axis in range(3):
        used = np.flatnonzero(labels.any(axis=tuple(n for n in range(3) if n != axis)))
        length = 0 if not len(used) else used[-1] - used[0] + 1
        extents.append(length * volume.spacing_mm[::-1][axis])
    return int(np.argmin(extents)) if max(extents) > 0 else int(np.argmin(labels.shape))


def _up(plane: np.ndarray, volume: Volume, axes: list[int]) -> np.ndarray:
    """Turn a plane so that superior is up, or anterior where superior is not in it."""
    for position, axis in enumerate(axes):
        direction = volume.ijk_to_ras[:3, 2 - axis]
        main = int(np.argmax(np.abs(direction)))
        # Row direction: superior and anterior up; column direction: the person's right on the left, as radiologists do.
        downwards = direction[main] > 0 if position == 0 else (main == 0 and direction[main] > 0)
        if downwards:
            plane = np.flip(plane, axis=position)
    return plane


def _largest(deposits: Segmentation) -> list[int]:
    """Labels of the largest deposits."""
    counts = np.bincount(deposits.labels.ravel())
    labels = [segment.label for segment in deposits.segments if segment.label < len(counts) and counts[segment.label]]
    return sorted(labels, key=lambda label: (-counts[label], label))[:CLOSE_UPS]


def _close_up(
    volume: Volume, deposits: Segmentation, bones: Segmentation, label: int, window: tuple[float, float], modality: str
) -> Image.Image:
    """The slice with most of the deposit, around it."""
    box = ndimage.find_objects(deposits.labels)[label - 1]
    inside = deposits.labels[box] == label
    axis = int(np.argmax(volume.spacing_mm[::-1])) if np.ptp(volume.spacing_mm) > 0.05 else 0
    counts = inside.sum(axis=tuple(n for n in range(3) if n != axis))
    where: list[slice | int] = []
    for n in range(3):
        if n == axis:
            where.append(box[n].start + int(np.argmax(counts)))
            continue
        centre = (box[n].start + box[n].stop) / 2
        reach = max(CLOSE_UP_MM / volume.spacing_mm[::-1][n], (box[n].stop - box[n].start) * 0.75)
        where.append(slice(max(int(centre - reach), 0), min(int(centre + reach) + 1, volume.voxels.shape[n])))
    return _plane(volume, deposits, bones, tuple(where), axis, window, modality, CLOSE_UP_PIXELS)


def _slice_through_bones(
    volume: Volume, deposits: Segmentation, bones: Segmentation, window: tuple[float, float], share: float
) -> Image.Image:
    """The slice at a share of the palm's extent along the image axis nearest to its normal."""
    palm = palm_labels(bones)
    axis = thinnest_axis(palm, volume)
    used = np.flatnonzero(palm.any(axis=tuple(n for n in range(3) if n != axis)))
    length = volume.voxels.shape[axis]
    at = int(used[0] + share * (used[-1] - used[0])) if len(used) else int(share * length)
    where = tuple(at if n == axis else slice(0, volume.voxels.shape[n]) for n in range(3))
    return _plane(volume, deposits, bones, where, axis, window, "mr")


def _plane(
    volume: Volume,
    deposits: Segmentation,
    bones: Segmentation,
    where: tuple[slice | int, ...],
    axis: int,
    window: tuple[float, float],
    modality: str,
    longer_side_px: int = MAXIMUM_PIXELS,
) -> Image.Image:
    kept = [n for n in range(3) if n != axis]
    spacing = volume.spacing_mm[::-1]
    outlines = [
        Outline(_up(bones.labels[where], volume, kept), COLOURS["bones"]),
        Outline(_up(deposits.labels[where], volume, kept), COLOURS[modality], numbered=True),
    ]
    grey = _up(volume.voxels[where], volume, kept)
    return picture(grey, window, (spacing[kept[1]], spacing[kept[0]]), outlines, longer_side_px)
