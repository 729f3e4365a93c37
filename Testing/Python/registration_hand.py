"""A re-posed hand from real bone surfaces: CT, MR and the true motion of every bone, for the tests of registration.

The surfaces are signed-distance fields, so that partial volume is right at any voxel size; the MR is drawn from the
same fields after each bone has moved along its chain. Nothing here is shared with the library's own phantom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import vtk
from calcinosis_testing import SHARED_DATA
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS, BONE_NAMES, digit_of, parent_of
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume, transform_points
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from vtk.util.numpy_support import vtk_to_numpy

MESHES = "opensim_hand_bones_A"
FIELD_STEP_MM = 0.5
MARGIN_MM = 11.0
SKIN_MM = 7.0
PROXIMAL_CUT_MM = -215.0
"""The forearm is drawn from here on (the surfaces of radius and ulna reach to the elbow)."""

SIGNALS = {
    "t1": {"air": 0.0, "muscle": 350.0, "fat": 900.0, "cortex": 40.0, "marrow": 800.0},
    "fatsat": {"air": 0.0, "muscle": 500.0, "fat": 150.0, "cortex": 30.0, "marrow": 130.0},
    "gre": {"air": 0.0, "muscle": 700.0, "fat": 850.0, "cortex": 40.0, "marrow": 180.0},
}


@dataclass(frozen=True, eq=False)
class Field:
    """Signed distance to one bone (negative inside), sampled on a grid of `FIELD_STEP_MM`; and its surface points."""

    origin: np.ndarray
    distance: np.ndarray
    surface: np.ndarray

    def sample(self, ras: np.ndarray) -> np.ndarray:
        index = (ras - self.origin) / FIELD_STEP_MM
        return ndimage.map_coordinates(self.distance, index.T, order=1, mode="nearest")


def _file_of(bone: str) -> str:
    digit = digit_of(bone)
    if digit is None:
        return f"arm_r_{bone}.vtp"
    segment = bone.split("-")[0]
    if digit == 1 and segment != "metacarpal":
        return f"arm_r_thumb{ {'proximal': 'prox', 'distal': 'dist'}[segment] }.vtp"
    short = {"metacarpal": "mc", "proximal": "proxph", "middle": "midph", "distal": "distph"}[segment]
    return f"arm_r_{digit}{short}.vtp"


@cache
def bone_field(bone: str, mirrored: bool = False) -> Field:
    """One bone in RAS mm of the surfaces (R radial, A palmar, S proximal); mirrored: a left hand."""
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(SHARED_DATA / MESHES / _file_of(bone)))
    fill = vtk.vtkFillHolesFilter()
    fill.SetInputConnection(reader.GetOutputPort())
    fill.SetHoleSize(1.0)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(fill.GetOutputPort())
    normals.ConsistencyOn()
    normals.AutoOrientNormalsOn()
    normals.SplittingOff()
    normals.Update()
    mesh = normals.GetOutput()
    points = vtk_to_numpy(mesh.GetPoints().GetData()).astype(float) * 1000.0
    points = np.ascontiguousarray(points[:, [2, 0, 1]])
    if mirrored:
        points[:, 0] *= -1.0
    moved = vtk.vtkPolyData()
    moved.DeepCopy(mesh)
    array = vtk.vtkPoints()
    for point in points:
        array.InsertNextPoint(*point)
    moved.SetPoints(array)

    low, high = points.min(0), points.max(0)
    high[2] = min(high[2], PROXIMAL_CUT_MM + 10.0)
    low, high = low - MARGIN_MM, high + MARGIN_MM * (high[2] < PROXIMAL_CUT_MM)
    shape = np.ceil((high - low) / FIELD_STEP_MM).astype(int) + 1
    inside = _voxelise(moved, low, shape)
    distance = (ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)) * FIELD_STEP_MM
    distance = ndimage.gaussian_filter(distance.astype(np.float32), 0.8)
    surface = points[points[:, 2] < PROXIMAL_CUT_MM]
    return Field(low, distance, surface)


def _voxelise(mesh: vtk.vtkPolyData, origin: np.ndarray, shape: np.ndarray) -> np.ndarray:
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(mesh)
    stencil.SetOutputOrigin(*origin)
    stencil.SetOutputSpacing(*[FIELD_STEP_MM] * 3)
    extent = (0, int(shape[0]) - 1, 0, int(shape[1]) - 1, 0, int(shape[2]) - 1)
    stencil.SetOutputWholeExtent(*extent)
    image = vtk.vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    voxels = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars()).reshape(tuple(shape[::-1]))
    return voxels.transpose(2, 1, 0).astype(bool)


def rigid(rotation: Rotation, centre: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """4x4: rotate about ``centre``, then shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.as_matrix()
    matrix[:3, 3] = centre - rotation.as_matrix() @ centre + shift
    return matrix


def joint_centre(parent: str, child: str, mirrored: bool = False) -> np.ndarray:
    """Midpoint of the closest surface points, moved 3 mm into the parent's head."""
    a, b = bone_field(parent, mirrored).surface, bone_field(child, mirrored).surface
    distance, index = cKDTree(a).query(b)
    nearest = np.argsort(distance)[:20]
    touch = 0.5 * (a[index[nearest]] + b[nearest]).mean(0)
    towards = a.mean(0) - touch
    return touch + 3.0 * towards / np.linalg.norm(towards)


def random_pose(bones, seed: int, amount: float = 1.0, mirrored: bool = False) -> dict[str, np.ndarray]:
    """True CT -> MR motion (4x4, RAS) of each bone: the hand moved, the wrist turned, the fingers flexed and spread."""
    random = np.random.default_rng(seed)
    everything = np.concatenate([bone_field(b, mirrored).surface for b in bones])
    whole = rigid(
        Rotation.from_rotvec(np.radians(random.uniform(-30, 30, 3) * amount)),
        everything.mean(0),
        random.uniform(-25, 25, 3) * amount,
    )
    wrist = joint_centre("capitate", "lunate", mirrored)
    turn = np.radians(random.uniform(-20, 20, 3) * amount * np.array([1.0, 0.5, 0.3]))
    poses: dict[str, np.ndarray] = {}
    for bone in BONE_NAMES:
        parent, digit = parent_of(bone), digit_of(bone)
        if parent is None:
            poses[bone] = whole
        elif bone == "ulna":
            poses[bone] = whole @ rigid(Rotation.from_rotvec([0, 0, np.radians(4) * amount]), wrist)
        elif digit is None:
            part = 0.5 if bone in ("scaphoid", "lunate", "triquetrum", "pisiform") else 1.0
            jitter = np.radians(random.uniform(-3, 3, 3)) * amount
            own = rigid(Rotation.from_rotvec(jitter), bone_field(bone, mirrored).surface.mean(0))
            poses[bone] = whole @ rigid(Rotation.from_rotvec(turn * part), wrist) @ own
        else:
            centre = joint_centre(parent, bone, mirrored)
            if bone.startswith("metacarpal"):
                degrees = random.uniform(-1, 1, 3) * (np.array([12, 12, 6]) if digit == 1 else np.array([3, 3, 2]))
            elif bone.startswith("proximal"):
                degrees = np.array([random.uniform(-25, 40), random.uniform(-10, 10), random.uniform(-4, 4)])
            else:
                degrees = np.array([random.uniform(-10, 45), random.uniform(-2, 2), random.uniform(-2, 2)])
            poses[bone] = poses[parent] @ rigid(Rotation.from_rotvec(np.radians(degrees * amount)), centre)
    return {bone: poses[bone] for bone in bones}


def grid(low, high, spacing, tilt_degrees=(0.0, 0.0, 0.0)) -> Volume:
    """An empty float32 volume over the box; i, j, k run along R, A, S before the tilt."""
    low, high, spacing = np.asarray(low, float), np.asarray(high, float), np.asarray(spacing, float)
    count = np.ceil((high - low) / spacing).astype(int) + 1
    turn = Rotation.from_euler("xyz", tilt_degrees, degrees=True).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = turn * spacing
    middle = (low + high) / 2
    matrix[:3, 3] = middle - turn @ (spacing * (count - 1) / 2)
    return Volume(np.zeros(count[::-1], np.float32), matrix)


def draw(volume: Volume, poses: dict[str, np.ndarray], mirrored: bool = False):
    """Fractions per voxel: (distance to the nearest bone mm, its index + 1, its signed distance); each (K, J, I)."""
    nearest = np.full(volume.voxels.shape, MARGIN_MM, np.float32)
    owner = np.zeros(volume.voxels.shape, np.uint8)
    for index, (bone, pose) in enumerate(poses.items()):
        field = bone_field(bone, mirrored)
        size = np.array(field.distance.shape) * FIELD_STEP_MM
        corners = field.origin + np.array(np.meshgrid(*[(0, 1)] * 3)).reshape(3, -1).T * size
        ijk = volume.to_ijk(transform_points(pose, corners))
        low = np.maximum(np.floor(ijk.min(0)).astype(int), 0)
        high = np.minimum(np.ceil(ijk.max(0)).astype(int) + 1, volume.size)
        if np.any(high <= low):
            continue
        box = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
        k, j, i = np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij")
        to_bone = np.linalg.inv(pose) @ volume.ijk_to_ras
        points = transform_points(to_bone, np.stack([i, j, k], -1).reshape(-1, 3))
        index_points = (points - field.origin) / FIELD_STEP_MM
        distance = ndimage.map_coordinates(field.distance, index_points.T, order=1, cval=MARGIN_MM)
        distance = distance.reshape(k.shape).astype(np.float32)
        better = distance < nearest[box]
        nearest[box][better] = distance[better]
        owner[box][better] = index + 1
    return nearest, owner


def _tissues(volume: Volume, nearest: np.ndarray, cortex_mm: float, sharp_mm: float) -> dict[str, np.ndarray]:
    """Volume fraction of each tissue; ``sharp_mm`` is the width of the partial-volume ramp."""
    skin = ndimage.gaussian_filter(nearest, 1.2 / volume.spacing_mm[::-1])
    ramp = lambda d: np.clip(0.5 - d / sharp_mm, 0, 1)  # noqa: E731
    bone, core, body = ramp(nearest), ramp(nearest + cortex_mm), ramp(skin - SKIN_MM)
    body = np.maximum(body, bone)
    fat = (1 - np.clip(0.5 - (skin - SKIN_MM + 2.5) / (2 * sharp_mm), 0, 1)) * (body - bone)
    return {"air": 1 - body, "marrow": core, "cortex": bone - core, "fat": fat, "muscle": body - bone - fat}


def make_ct(poses, spacing, seed=0, noise_hu=20.0, mirrored=False, margin=14.0):
    """CT (int16 HU) and its named bones, both in the pose given."""
    bones = list(poses)
    points = np.concatenate([transform_points(poses[b], bone_field(b, mirrored).surface) for b in bones])
    volume = grid(points.min(0) - margin, np.minimum(points.max(0) + margin, 1e9), spacing)
    nearest, owner = draw(volume, poses, mirrored)
    fractions = _tissues(volume, nearest, 1.0, float(np.mean(volume.spacing_mm)))
    hu = {"air": -1000.0, "muscle": 55.0, "fat": -95.0, "cortex": 1350.0, "marrow": 180.0}
    image = sum(hu[t] * f for t, f in fractions.items())
    image = ndimage.gaussian_filter(image, 0.45)
    random = np.random.default_rng(seed)
    image += ndimage.gaussian_filter(random.normal(0, noise_hu * 3.0, image.shape).astype(np.float32), 0.6)
    labels = np.zeros(image.shape, np.uint16)
    for index, bone in enumerate(bones):
        labels[(owner == index + 1) & (nearest < 0)] = BONE_LABELS[bone]
    segments = tuple(Segment(BONE_LABELS[b], b, b) for b in bones)
    ct = volume.with_voxels(np.clip(np.round(image), -1024, 3071).astype(np.int16))
    return ct, Segmentation(ct.with_voxels(labels), segments)


def make_mr(
    poses, spacing, contrast="t1", seed=0, snr=25.0, mirrored=False, tilt_degrees=(0, 0, 0), box=None, bias=0.3
):
    """MR (float32) of the posed bones: partial volume, muscle texture, bias field, Rician noise."""
    points = np.concatenate([transform_points(poses[b], bone_field(b, mirrored).surface) for b in poses])
    margin = 14.0 + 0.3 * float(np.ptp(points, axis=0).max()) * np.sin(np.radians(np.abs(tilt_degrees).max()))
    low, high = (points.min(0) - margin, points.max(0) + margin) if box is None else box
    volume = grid(low, high, spacing, tilt_degrees)
    nearest, _ = draw(volume, poses, mirrored)
    fractions = _tissues(volume, nearest, 1.0, float(np.mean(volume.spacing_mm)))
    random = np.random.default_rng(1000 + seed)
    texture = ndimage.gaussian_filter(random.normal(size=nearest.shape), 2.0 / volume.spacing_mm[::-1])
    texture *= 0.15 / texture.std()
    signal = dict(SIGNALS[contrast])
    image = sum(signal[t] * f for t, f in fractions.items() if t != "muscle")
    image = image + signal["muscle"] * fractions["muscle"] * (1 + texture)
    image = ndimage.gaussian_filter(image, 0.4)
    slow = ndimage.gaussian_filter(random.normal(size=nearest.shape), 40.0 / volume.spacing_mm[::-1])
    image = image * np.exp(bias * slow / max(np.abs(slow).max(), 1e-9))
    sigma = signal["muscle"] / snr
    noise = random.normal(0, sigma, (2, *image.shape))
    return volume.with_voxels(np.hypot(image + noise[0], noise[1]).astype(np.float32))


def bone_errors(registration, poses, mirrored=False) -> dict[str, float]:
    """Mean distance (mm) of each bone's surface points between the found and the true motion."""
    errors = {}
    for bone, found in registration.bones.items():
        surface = bone_field(bone, mirrored).surface[::7]
        gap = transform_points(found.matrix_ct_to_mr_ras, surface) - transform_points(poses[bone], surface)
        errors[bone] = float(np.linalg.norm(gap, axis=1).mean())
    return errors
