"""A hand from the shared bone meshes, as a CT and re-posed on a film: truth for the tests of films.

Its films are line integrals of every bone at its own pose, plus soft tissue around the posed bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from calcinosis_testing import SHARED_DATA
from CalcinosisImagingLib.analysis import anatomy
from CalcinosisImagingLib.analysis.projection.drr import project_ct
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume, transform_points
from CalcinosisImagingLib.analysis.xray.film import Film
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

MESHES = "opensim_hand_bones_A"
_MESH_OF = {"trapezium": None} | {name: name for name in anatomy.CARPALS + anatomy.FOREARM}
_PART = {"metacarpal": "mc", "proximal": "proxph", "middle": "midph", "distal": "distph"}


def mesh_name(bone: str) -> str:
    """File name of a bone's mesh."""
    digit = anatomy.digit_of(bone)
    if digit is None:
        return f"arm_r_{bone}.vtp"
    part = bone.split("-")[0]
    if digit == 1 and part != "metacarpal":
        return f"arm_r_thumb{'prox' if part == 'proximal' else 'dist'}.vtp"
    return f"arm_r_{digit}{_PART[part]}.vtp"


@dataclass(frozen=True, eq=False)
class HandScan:
    """CT with its bones."""

    ct: Volume
    bones: Segmentation


def hand_scan(spacing_mm: float = 0.6, seed: int = 0) -> HandScan:
    """The hand as it lies in the meshes, turned into an arbitrary CT orientation; cortex 1300 HU, inside 200 HU."""
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(rng.normal(0, 0.25, 3)).as_matrix()
    surfaces = {name: _surface(name) for name in anatomy.BONE_NAMES}
    placed = {name: _turned(surface, turn) for name, surface in surfaces.items()}
    hand = np.concatenate([_points(s) for n, s in placed.items() if n not in anatomy.FOREARM])
    low, high = hand.min(axis=0) - 12, hand.max(axis=0) + 12
    along = np.argmax(np.abs(turn[:, 1]))
    if turn[along, 1] > 0:
        high[along] += 25
    else:
        low[along] -= 25
    shape = np.ceil((high - low) / spacing_mm).astype(int)[::-1]
    matrix = np.diag([spacing_mm] * 3 + [1.0])
    matrix[:3, 3] = low
    labels = np.zeros(shape, np.uint8)
    for name, surface in placed.items():
        labels[_filled(surface, matrix, shape) & (labels == 0)] = anatomy.BONE_LABELS[name]
    voxels = _hounsfield(labels, spacing_mm, rng)
    volume = Volume(labels, matrix)
    present = [n for n in anatomy.BONE_NAMES if (labels == anatomy.BONE_LABELS[n]).sum() > 30]
    segments = tuple(Segment(anatomy.BONE_LABELS[n], n, n) for n in present)
    return HandScan(Volume(voxels, matrix), Segmentation(volume, segments))


def _surface(bone: str):
    import vtk

    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(SHARED_DATA / MESHES / mesh_name(bone)))
    clean = vtk.vtkCleanPolyData()
    clean.SetInputConnection(reader.GetOutputPort())
    fill = vtk.vtkFillHolesFilter()
    fill.SetInputConnection(clean.GetOutputPort())
    fill.SetHoleSize(1.0)
    fill.Update()
    return fill.GetOutput()


def _points(surface) -> np.ndarray:
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(surface.GetPoints().GetData()).astype(float)


def _turned(surface, turn: np.ndarray):
    import vtk

    matrix = np.eye(4)
    matrix[:3, :3] = 1000.0 * turn
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix.ravel().tolist())
    move = vtk.vtkTransformPolyDataFilter()
    move.SetInputData(surface)
    move.SetTransform(transform)
    move.Update()
    return move.GetOutput()


def _filled(surface, matrix: np.ndarray, shape: np.ndarray) -> np.ndarray:
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(surface)
    stencil.SetOutputSpacing(*np.diag(matrix)[:3])
    stencil.SetOutputOrigin(*matrix[:3, 3])
    stencil.SetOutputWholeExtent(0, int(shape[2]) - 1, 0, int(shape[1]) - 1, 0, int(shape[0]) - 1)
    image = vtk.vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    return vtk_to_numpy(image.GetOutput().GetPointData().GetScalars()).reshape(tuple(shape)) > 0


def _hounsfield(labels: np.ndarray, spacing_mm: float, rng: np.random.Generator) -> np.ndarray:
    hu = np.full(labels.shape, -1000.0, np.float32)
    hu[_near(labels > 0, 6.0 / spacing_mm)] = 40
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = ndimage.distance_transform_edt(np.pad(labels[box] == label, 1))[1:-1, 1:-1, 1:-1] * spacing_mm
        part = hu[box]
        part[(inside > 0) & (inside <= 1.3)] = 1300
        part[inside > 1.3] = 200
    hu = ndimage.gaussian_filter(hu, 0.35 / spacing_mm)
    hu += rng.normal(0, 15, hu.shape).astype(np.float32)
    return np.clip(np.round(hu), -1024, 3071).astype(np.int16)


def _near(mask: np.ndarray, distance: float) -> np.ndarray:
    """Within ``distance`` voxels of the mask, with concavities closed."""
    radius = 1.6 * distance
    wide = ndimage.distance_transform_edt(~mask) <= radius
    return ndimage.distance_transform_edt(wide) > radius - distance


@dataclass(frozen=True, eq=False)
class FilmOfHand:
    """A film, the pose of every bone on it, and its line integrals without noise."""

    film: Film
    poses: dict[str, np.ndarray]
    integrals: np.ndarray


def film_of_hand(
    scan: HandScan,
    pixel_mm: float = 0.25,
    seed: int = 0,
    motion: float = 1.0,
    palmar_to_detector: bool = True,
    in_plane_degrees: float | None = None,
) -> FilmOfHand:
    """Re-pose the hand (flexion and spread of ``motion`` times a usual amount) and expose it, palm on the detector."""
    rng = np.random.default_rng(seed)
    centre = {
        s.segment_id: scan.bones.volume.to_ras(_indices(scan, s.segment_id)).mean(axis=0) for s in scan.bones.segments
    }
    distal = np.mean([centre[f"metacarpal-{d}"] - centre["capitate"] for d in (2, 3, 4)], axis=0)
    distal /= np.linalg.norm(distal)
    radial = centre["metacarpal-2"] - centre["metacarpal-5"]
    radial -= distal * (radial @ distal)
    radial /= np.linalg.norm(radial)
    volar = np.cross(distal, radial)  # right hand: distal x radial points to the palm
    moved = _posed_bones(scan, centre, distal, radial, volar, rng, motion)
    angle = np.radians(rng.uniform(-180, 180) if in_plane_degrees is None else in_plane_degrees)
    up = np.array([np.sin(angle), -np.cos(angle), 0])
    side = 1.0 if palmar_to_detector else -1.0
    frame = np.stack([distal, radial, volar])
    to_view = np.stack([up, np.cross([0, 0, side], up), [0, 0, side]]).T @ frame
    tilt = Rotation.from_rotvec(rng.normal(0, np.radians(3) * motion, 3)).as_matrix()
    base = np.eye(4)
    base[:3, :3] = tilt @ to_view
    cloud = {n: transform_points(base @ moved[n], scan.bones.volume.to_ras(_indices(scan, n))) for n in moved}
    every = np.concatenate(list(cloud.values()))
    mcp3 = cloud["proximal-3"].mean(axis=0)
    base[:3, 3] = [-mcp3[0] + rng.normal(0, 8), -mcp3[1] + rng.normal(0, 8), 1000.0 - 7.0 - every[:, 2].max()]
    poses = {n: base @ moved[n] for n in moved}
    rows, columns = round(300 / pixel_mm), round(240 / pixel_mm)
    view = View("pa", rows, columns, (pixel_mm, pixel_mm), 1000.0, ((columns - 1) / 2, (rows - 1) / 2))
    integrals = _exposed(scan, view, poses)
    blurred = ndimage.gaussian_filter(integrals, 0.2 / pixel_mm)
    signal = np.exp(-blurred) + 0.08
    counts = rng.poisson(signal * 4000) / 4000
    pixels = np.clip(np.round(counts * 3400), 0, 4095).astype(np.uint16)
    geometry = np.diag([-pixel_mm, -pixel_mm, 1.0, 1.0])
    return FilmOfHand(Film(Volume(pixels[None], geometry), view), poses, integrals)


def _indices(scan: HandScan, bone: str) -> np.ndarray:
    return np.argwhere(scan.bones.mask(bone))[:, ::-1]


def _posed_bones(scan, centre, distal, radial, volar, rng, motion) -> dict[str, np.ndarray]:
    """4x4 CT -> CT of each bone: turns about joints, from the wrist outwards."""
    moved: dict[str, np.ndarray] = {}
    for name in ["capitate", *[s.segment_id for s in scan.bones.segments if s.segment_id != "capitate"]]:
        part = name.split("-")[0]
        digit = anatomy.digit_of(name)
        if part in anatomy.CARPALS:
            turn = rng.normal(0, 3, 3)
            parent = "capitate" if name != "capitate" else None
        elif part in anatomy.FOREARM:
            turn, parent = np.array([rng.normal(0, 4), rng.normal(0, 3), rng.normal(0, 8)]), "lunate"
        elif part == "metacarpal":
            turn = rng.normal(0, 12, 3) if digit == 1 else rng.normal(0, 2, 3)
            parent = anatomy.parent_of(name)
        else:
            spread = 6 if part == "proximal" else 1.5
            turn = np.array([rng.normal(0, 2), rng.normal(0, 12), rng.normal(0, spread)])
            parent = anatomy.parent_of(name)
        before = moved.get(parent, np.eye(4)) if parent else np.eye(4)
        vector = np.radians(motion) * (turn[0] * distal + turn[1] * radial + turn[2] * volar)
        pivot = centre[name] if part in anatomy.CARPALS else _joint(scan, name, parent)
        local = np.eye(4)
        local[:3, :3] = Rotation.from_rotvec(vector).as_matrix()
        local[:3, 3] = pivot - local[:3, :3] @ pivot
        moved[name] = before @ local
    return moved


def _joint(scan: HandScan, name: str, parent: str) -> np.ndarray:
    a = scan.bones.volume.to_ras(_indices(scan, name))
    b = scan.bones.volume.to_ras(_indices(scan, parent))
    distance, nearest = cKDTree(a).query(b)
    close = np.argsort(distance)[:60]
    return (a[nearest[close]].mean(axis=0) + b[close].mean(axis=0)) / 2


def _exposed(scan: HandScan, view: View, poses: dict[str, np.ndarray]) -> np.ndarray:
    """Line integrals: soft tissue of the posed hand, and each bone's excess over it."""
    spacing = 1.0
    clouds = {n: transform_points(poses[n], scan.bones.volume.to_ras(_indices(scan, n))) for n in poses}
    every = np.concatenate(list(clouds.values()))
    low = every.min(axis=0) - 16
    shape = np.ceil((every.max(axis=0) + 16 - low) / spacing).astype(int)
    flesh = np.zeros(shape[::-1], bool)
    index = np.round((every - low) / spacing).astype(int)
    flesh[index[:, 2], index[:, 1], index[:, 0]] = True
    tissue = np.where(_near(flesh, 6.0 / spacing), 40.0, -1000.0).astype(np.float32)
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = low
    total = project_ct(Volume(ndimage.gaussian_filter(tissue, 0.8), matrix), view, np.eye(4))
    for segment in scan.bones.segments:
        index = _indices(scan, segment.segment_id)
        first, last = index.min(axis=0) - 1, index.max(axis=0) + 2
        box = tuple(slice(max(a, 0), b) for a, b in zip(first[::-1], last[::-1], strict=True))
        hu = scan.ct.crop(box)
        near = ndimage.binary_dilation(scan.bones.labels[box] == segment.label)
        excess = np.where(near, np.maximum(hu.voxels - 40.0, -100), 0.0) - 1000.0
        total += project_ct(hu.with_voxels(excess.astype(np.float32)), view, poses[segment.segment_id])
    return total
