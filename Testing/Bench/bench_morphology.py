"""Morphology: accuracy on bodies known exactly, speed and agreement beside SimpleITK, scikit-image and pyradiomics."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

from CalcinosisImagingLib.analysis.morphology.cut import cut_deposits, grow, labelled_boxes  # noqa: E402
from CalcinosisImagingLib.analysis.morphology.quantify import quantify  # noqa: E402
from CalcinosisImagingLib.analysis.morphology.shape import shape_measures  # noqa: E402
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation  # noqa: E402
from CalcinosisImagingLib.analysis.volume import Volume  # noqa: E402
from morphology_shapes import box, ellipsoid, imaged, sphere, tube  # noqa: E402

DRAWS = 500
"""Bodies drawn for the accuracy table."""
RADIUS_2_MM3 = 33.5
"""Volume of a ball of 2 mm radius: from this size on area and axes are judged."""
GRID = (400, 400, 500)
COUNT = 244


def run() -> str:
    """All tables."""
    return "\n\n".join([accuracy(), speed(), peers()])


def drawn(rng):
    """Name, shape and longest IBSI axis (None where it has no simple formula): 5 to 5,000 mm³, five families."""
    volume = float(np.exp(rng.uniform(np.log(5), np.log(5000))))
    kind = ("sphere", "ellipsoid", "box", "plate", "tube")[rng.integers(5)]
    stretch = rng.uniform(0.6, 1.6, 3)
    stretch /= stretch.prod() ** (1 / 3)
    radius = (volume * 3 / 4 / np.pi) ** (1 / 3)
    if kind == "sphere":
        return kind, sphere(radius), 4 * radius / np.sqrt(5)
    if kind == "ellipsoid":
        return kind, ellipsoid(*(stretch * radius)), 4 * radius * stretch.max() / np.sqrt(5)
    if kind == "box":
        sides = stretch * volume ** (1 / 3)
        return kind, box(*sides), 4 * sides.max() / np.sqrt(12)
    grown = max(1.0, volume / 300) ** (1 / 3)
    if kind == "plate":
        thickness = rng.uniform(0.6, 1.5) * grown
        side = float(np.clip(np.sqrt(volume / thickness / 0.8), 2 * thickness, 30))
        width = volume / thickness / side if side < 30 else 24
        return kind, box(side, width, thickness), 4 * max(side, width) / np.sqrt(12)
    radius = (rng.uniform(0.6, 1.2) * min(1, (volume / 10) ** (1 / 3)) + 0.2) * grown
    return kind, tube(radius, float(np.clip(volume / np.pi / radius**2 - 4 / 3 * radius, 0.5, 30))), None


def accuracy(draws: int = DRAWS, first: int = 0) -> str:
    """Volume and its interval, area and axes, at 0.3 mm with noise (white or as coarse as the blur); PSF given."""
    found: dict[str, list[tuple[float, bool, float, float]]] = {}
    for seed in range(first, first + draws):
        rng = np.random.default_rng(seed)
        name, shape, axis = drawn(rng)
        fwhm = rng.uniform(0.45, 0.9)
        grain = float(rng.choice([0.0, 0.6]))
        plateau = float(rng.choice([300, 700, 1200]))
        image = imaged(shape, rng, 0.3, fwhm, 40, plateau, rng.uniform(10, 50), grain)
        row = quantify(image.volume, image.deposits, "ct", psf_fwhm_mm=fwhm)[0]
        inside = row["volume_lower_mm3"] <= shape.volume_mm3 <= row["volume_upper_mm3"]
        large = shape.volume_mm3 >= RADIUS_2_MM3
        area = row["surface_area_mm2"] / shape.area_mm2 - 1 if large and row["surface_area_mm2"] else np.nan
        length = row["major_axis_mm"] / axis - 1 if large and axis else np.nan
        found.setdefault(name, []).append((row["volume_mm3"] / shape.volume_mm3 - 1, inside, area, length))
    found["all"] = [value for values in found.values() for value in values]
    lines = [
        "| shape | n | volume bias % | within 5 % | interval covers | area bias ± SD % | largest error of the axis % |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in found.items():
        error, inside, area, length = np.array(values, float).T
        axis = f"{100 * np.nanmax(np.abs(length)):.1f}" if np.isfinite(length).any() else ""
        lines.append(
            f"| {name} | {len(values)} | {100 * error.mean():+.2f} | {100 * (np.abs(error) < 0.05).mean():.0f} % | "
            f"{100 * inside.mean():.0f} % | {100 * np.nanmean(area):+.1f} ± {100 * np.nanstd(area):.1f} | {axis} |"
        )
    return "\n".join(lines)


def scene(count: int = COUNT, seed: int = 0, shape=GRID) -> tuple[Volume, Segmentation]:
    """A large CT with ellipsoids of log-normal volume (median 60 mm³), 0.3 mm."""
    rng = np.random.default_rng(seed)
    image = np.full(shape, 40, np.int16)
    slab = rng.normal(0, 20, (50, *shape[1:])).astype(np.int16)
    for start in range(0, shape[0], 50):
        image[start : start + 50] += slab[: min(50, shape[0] - start)]
    image[:20], image[-20:], image[:, :20], image[:, -20:] = -1000, -1000, -1000, -1000
    labels = np.zeros(shape, np.uint16)
    per_axis = int(np.ceil(count ** (1 / 3)))
    places = np.stack(np.meshgrid(*[np.linspace(50, n - 50, per_axis) for n in shape], indexing="ij"), -1)
    places = rng.permutation(places.reshape(-1, 3))[:count]
    room = (min(shape) - 100) / per_axis / 2 - 2
    for label, place in enumerate(places, start=1):
        voxels = np.clip(np.exp(rng.normal(np.log(60), 1.1)), 3, 2500) / 0.027
        stretch = rng.uniform(0.7, 1.4, 3)
        half = np.minimum(stretch / stretch.prod() ** (1 / 3) * (voxels * 3 / 4 / np.pi) ** (1 / 3), room)
        reach = np.ceil(half).astype(int) + 4
        grid = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1)
        depth = (np.linalg.norm(grid / half, axis=-1) - 1) * half.min()
        middle = np.round(place).astype(int)
        window = tuple(slice(c - n, c + n + 1) for c, n in zip(middle, reach, strict=True))
        blurred = ndimage.gaussian_filter(np.clip(0.5 - depth, 0, 1).astype(np.float32), 0.85)
        image[window] += (blurred * rng.choice([250, 700, 1000])).astype(np.int16)
        part = labels[window]
        part[(depth < 0) & (part == 0)] = label
    volume = Volume(image, np.diag([0.3, 0.3, 0.3, 1.0]))
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, count + 1))
    return volume, Segmentation(volume.with_voxels(labels), segments)


def clocked(work) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def size_and_intensity(volume: Volume, deposits: Segmentation) -> list[dict[str, object]]:
    """What the other program measures: the mask's size and shape, mean, extremes, percentiles, centre."""
    rows = []
    for cut in cut_deposits(volume, deposits, None, 0.0, labelled_boxes(deposits.labels)):
        values = cut.values[cut.mask]
        intensity = {"mean": values.mean(), "max": values.max(), "percentiles": np.percentile(values, [10, 50, 90])}
        rows.append(shape_measures(cut) | intensity | {"centre": np.argwhere(cut.mask).mean(axis=0)})
    return rows


def median_ms(volume: Volume, deposits: Segmentation) -> float:
    """CPU milliseconds for every column of one deposit of about the median size (50 to 72 mm³), cut out beforehand."""
    parts = []
    for label, tight in labelled_boxes(deposits.labels):
        if 50 < (deposits.labels[tight] == label).sum() * 0.027 < 72:
            near = grow(tight, 8, deposits.labels.shape)
            labels = np.where(deposits.labels[near] == label, deposits.labels[near], 0)
            crop = volume.crop(near)
            parts.append((crop, Segmentation(crop.with_voxels(labels), deposits.segments)))
    spent = clocked(lambda: [quantify(*part, "ct", psf_fwhm_mm=0.6) for part in parts])
    return 1000 * spent / len(parts)


def segment_statistics(volume: Volume, deposits: Segmentation, labels: list[int]) -> None:
    """What Slicer's Segment Statistics does per segment for its scalar volume measures, in the same VTK filters.

    ScalarVolumeSegmentStatisticsPlugin.py: the segment on the volume's grid, a threshold, a stencil, accumulated
    values and a histogram. Left out: making the segments, resampling, the labelmap and the closed surface plugins.
    """
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    images = []
    for array in (deposits.labels, volume.voxels):
        image = vtk.vtkImageData()
        image.SetDimensions(*array.shape[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(array.ravel()))
        images.append(image)
    for label in labels:
        threshold = vtk.vtkImageThreshold()
        threshold.SetInputData(images[0])
        threshold.ThresholdBetween(label, label)
        threshold.SetInValue(1)
        threshold.SetOutValue(0)
        threshold.SetOutputScalarTypeToUnsignedChar()
        stencil = vtk.vtkImageToImageStencil()
        stencil.SetInputConnection(threshold.GetOutputPort())
        stencil.ThresholdByUpper(1)
        stencil.Update()
        for measure in (vtk.vtkImageAccumulate(), vtk.vtkImageHistogramStatistics()):
            measure.SetInputData(images[1])
            measure.SetStencilData(stencil.GetOutput())
            measure.Update()


def speed() -> str:
    """Everything on 80 million voxels, beside what SimpleITK and Slicer need for size and intensity alone."""
    rows: dict[str, list[str]] = {}
    for count in (10, COUNT, 1000):
        volume, deposits = scene(count)
        spent = clocked(lambda v=volume, d=deposits: quantify(v, d, "ct", psf_fwhm_mm=0.6))
        rows.setdefault("ours, every column", []).append(f"{spent:.1f}")
        rows.setdefault("ours, ms per deposit", []).append(f"{1000 * spent / count:.0f}")
        if count >= COUNT:
            rows.setdefault("ours, ms for a deposit of 60 mm³", [""]).append(f"{median_ms(volume, deposits):.1f}")
        sizes = clocked(lambda v=volume, d=deposits: size_and_intensity(v, d))
        rows.setdefault("ours, size, shape and intensity of the mask", []).append(f"{sizes:.1f}")
        labels, image = sitk.GetImageFromArray(deposits.labels), sitk.GetImageFromArray(volume.voxels)
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.SetComputeFeretDiameter(True)
        shape.SetNumberOfWorkUnits(1)
        intensity = sitk.LabelIntensityStatisticsImageFilter()
        intensity.SetNumberOfWorkUnits(1)
        rows.setdefault("SimpleITK shape with Feret + intensity", []).append(
            f"{clocked(lambda f=shape, a=labels: f.Execute(a)):.1f} + "
            f"{clocked(lambda f=intensity, a=labels, b=image: f.Execute(a, b)):.1f}"
        )
        timed = [1, count // 2, count]
        slicer = clocked(lambda v=volume, d=deposits, n=timed: segment_statistics(v, d, n)) / len(timed) * count
        rows.setdefault("Slicer's Segment Statistics (three segments timed)", []).append(f"{slicer:.0f}")
    lines = ["| 80 million voxels, CPU seconds on one core | 10 deposits | 244 | 1000 |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()])


def peers() -> str:
    """The same masks through other programs; those that are not installed are named."""
    masks = {}
    for name, shape in (("sphere r 2", sphere(2.0)), ("ellipsoid 2 3 4", ellipsoid(2, 3, 4)), ("tube", tube(2, 6))):
        masks[name] = (shape, imaged(shape, np.random.default_rng(3), noise_sd=20))
    lines = ["| body | program | volume mm³ | area mm² | diameter mm | major axis mm |", "|---|---|---|---|---|---|"]
    missing: list[str] = []
    for name, (shape, image) in masks.items():
        row = quantify(image.volume, image.deposits, "ct", psf_fwhm_mm=0.6)[0]
        lines.append(f"| {name} | true | {shape.volume_mm3:.2f} | {shape.area_mm2:.2f} | | |")
        lines.append(_line(name, "ours, estimate", row["volume_mm3"], row["surface_area_mm2"]))
        lines.append(
            _line(
                name, "ours, IBSI", row["mesh_volume_mm3"], row["mesh_area_mm2"], row["max_diameter_mm"],
                row["major_axis_mm"],
            )
        )  # fmt: skip
        for peer in (_simple_itk, _scikit_image, _pyradiomics):
            try:
                lines.append(_line(name, *peer(image)))
            except ImportError as error:
                missing.append(str(error.name))
    note = f"\n\nNot installed here: {', '.join(sorted(set(missing)))}." if missing else ""
    return "\n".join(lines) + note


def _line(name, program, volume, area, diameter=None, axis=None) -> str:
    cells = ["" if value is None else f"{value:.2f}" for value in (volume, area, diameter, axis)]
    return f"| {name} | {program} | " + " | ".join(cells) + " |"


def _simple_itk(image):
    labels = sitk.GetImageFromArray(image.deposits.labels)
    labels.SetSpacing([0.3, 0.3, 0.3])
    found = sitk.LabelShapeStatisticsImageFilter()
    found.SetComputeFeretDiameter(True)
    found.Execute(labels)
    return "SimpleITK", found.GetPhysicalSize(1), found.GetPerimeter(1), found.GetFeretDiameter(1)


def _scikit_image(image):
    from skimage import measure

    padded = np.pad(image.deposits.labels > 0, 1)
    points, triangles, _, _ = measure.marching_cubes(padded.astype(float), 0.5, spacing=(0.3, 0.3, 0.3))
    a, b, c = (points[triangles[:, n]] for n in range(3))
    volume = abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)
    area = measure.mesh_surface_area(points, triangles)
    region = measure.regionprops((image.deposits.labels > 0).astype(int), spacing=(0.3, 0.3, 0.3))[0]
    return "scikit-image", volume, area, region.feret_diameter_max, None


def _pyradiomics(image):
    from radiomics import shape as radiomics_shape

    labels = sitk.GetImageFromArray((image.deposits.labels > 0).astype(np.uint8))
    grey = sitk.GetImageFromArray(image.volume.voxels)
    for item in (labels, grey):
        item.SetSpacing([0.3, 0.3, 0.3])
    found = radiomics_shape.RadiomicsShape(grey, labels)
    found.enableAllFeatures()
    values = found.execute()
    return (
        "pyradiomics", float(values["MeshVolume"]), float(values["SurfaceArea"]),
        float(values["Maximum3DDiameter"]), float(values["MajorAxisLength"]),
    )  # fmt: skip


if __name__ == "__main__":
    print(run())
