"""A test hand drawn from bone surfaces, independent of the phantom package: posed, skinned, scanned by a simple CT.

Frame of the hand (mm): R = radial, A = volar, S = proximal, for the right hand as the meshes have it; the left hand is
its mirror image in R. `scan` puts it into a scanner by a rigid pose and returns what a CT would show, with the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from calcinosis_testing import SHARED_DATA
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS, BONE_NAMES, digit_of, parent_of, ray
from CalcinosisImagingLib.analysis.volume import Volume
from scipy import ndimage
from scipy.spatial.transform import Rotation

FOLDER = "opensim_hand_bones_A"
SDF_STEP_MM = 0.3
PAD_MM = 3.0
FOREARM_END_MM = -205.0
SKIN_MM = 1.2
STREAKING_HU = 4000.0
FILES = {
    **{n: n for n in ("radius", "ulna", "scaphoid", "lunate", "triquetrum", "pisiform", "trapezium", "trapezoid")},
    **{n: n for n in ("capitate", "hamate")},
    **{f"metacarpal-{d}": f"{d}mc" for d in range(1, 6)},
    **{f"proximal-{d}": f"{d}proxph" for d in range(2, 6)},
    **{f"middle-{d}": f"{d}midph" for d in range(2, 6)},
    **{f"distal-{d}": f"{d}distph" for d in range(2, 6)},
    "proximal-1": "thumbprox",
    "distal-1": "thumbdist",
}


@dataclass(frozen=True, eq=False)
class BoneShape:
    """Signed distance (mm, inside < 0) on a grid of `SDF_STEP_MM`; ``origin`` is its first voxel (x, y, z)."""

    sdf: np.ndarray
    origin: np.ndarray
    centre: np.ndarray
    axis: np.ndarray
    length: float

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance at points (N, 3) of the hand's frame; `PAD_MM` far away."""
        index = (points - self.origin) / SDF_STEP_MM
        return ndimage.map_coordinates(self.sdf, index.T, order=1, mode="constant", cval=PAD_MM)

    def surface(self) -> np.ndarray:
        """Voxel centres near the surface, (N, 3)."""
        near = np.argwhere(np.abs(self.sdf) < 0.5 * SDF_STEP_MM)
        return near * SDF_STEP_MM + self.origin


@lru_cache(maxsize=1)
def shapes() -> dict[str, BoneShape]:
    """All 29 bones of the right hand."""
    return {name: _shape(name) for name in BONE_NAMES}


def _shape(name: str) -> BoneShape:
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(SHARED_DATA / FOLDER / f"arm_r_{FILES[name]}.vtp"))
    clean = vtk.vtkCleanPolyData()
    clean.SetInputConnection(reader.GetOutputPort())
    fill = vtk.vtkFillHolesFilter()
    fill.SetHoleSize(1.0)
    fill.SetInputConnection(clean.GetOutputPort())
    turn = vtk.vtkTransform()
    turn.SetMatrix([0, 0, 1000, 0, 1000, 0, 0, 0, 0, 1000, 0, 0, 0, 0, 0, 1])
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetTransform(turn)
    placed.SetInputConnection(fill.GetOutputPort())
    placed.Update()
    points = vtk_to_numpy(placed.GetOutput().GetPoints().GetData())
    low, high = points.min(0) - PAD_MM - 1, points.max(0) + PAD_MM + 1
    if name in ("radius", "ulna"):
        high[2] = FOREARM_END_MM + PAD_MM + 1
    size = np.ceil((high - low) / SDF_STEP_MM).astype(int)
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputConnection(placed.GetOutputPort())
    stencil.SetOutputOrigin(low)
    stencil.SetOutputSpacing([SDF_STEP_MM] * 3)
    stencil.SetOutputWholeExtent(0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1)
    image = vtk.vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    inside = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars()).reshape(size[::-1]).transpose(2, 1, 0) > 0
    if name in ("radius", "ulna"):
        # Coarse open surfaces with folds: crevices closed, slivers dropped.
        inside = ndimage.binary_opening(ndimage.binary_closing(inside, iterations=6), iterations=5)
    inside = ndimage.binary_fill_holes(inside)
    pieces, _ = ndimage.label(inside)
    inside = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    sdf = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    sdf = ndimage.gaussian_filter(sdf.astype(np.float32), 1.0) * SDF_STEP_MM
    cloud = np.argwhere(inside) * SDF_STEP_MM + low
    centre = cloud.mean(0)
    axis = np.linalg.eigh(np.cov((cloud - centre).T))[1][:, -1]
    axis = axis * -np.sign(axis[2] or 1.0)
    along = (cloud - centre) @ axis
    return BoneShape(np.clip(sdf, -30, PAD_MM), low, centre, axis, float(np.ptp(along)))


@dataclass(frozen=True)
class Pose:
    """Angles in degrees: flexion per joint (by the name of its distal bone), abduction per digit; the rest is 0."""

    flexion: dict[str, float] = field(default_factory=dict)
    abduction: dict[str, float] = field(default_factory=dict)


def random_pose(seed: int, amount: float = 1.0) -> Pose:
    """Fingers bent by up to 35 (MCP), 45 (PIP), 30 (DIP) degrees, spread by up to 8, thumb by up to 20."""
    rng = np.random.default_rng(seed)
    flexion, abduction = {}, {}
    limits = {"metacarpal": 3, "proximal": 35, "middle": 45, "distal": 30}
    curl = rng.uniform(0, 1)
    for digit in range(1, 6):
        for name in ray(digit):
            own = rng.uniform(0, 1)
            flexion[name] = amount * limits[name.split("-")[0]] * (0.7 * curl + 0.3 * own)
        abduction[f"proximal-{digit}"] = amount * rng.uniform(-8, 8)
    flexion["metacarpal-1"] = amount * rng.uniform(-15, 15)
    flexion["proximal-1"] *= 0.6
    abduction["metacarpal-1"] = amount * rng.uniform(-10, 10)
    abduction["proximal-1"] = 0.0
    return Pose(flexion, abduction)


def transforms(pose: Pose) -> dict[str, np.ndarray]:
    """4x4 per bone: its place in the meshes -> its place in the posed hand."""
    bones = shapes()
    placed: dict[str, np.ndarray] = {}
    for name in ("radius", "ulna", "scaphoid", "lunate", "triquetrum", "pisiform"):
        placed[name] = np.eye(4)
    for name in ("trapezium", "trapezoid", "capitate", "hamate"):
        placed[name] = np.eye(4)
    for digit in range(1, 6):
        for name in ray(digit):
            parent = parent_of(name)
            own, other = bones[name].surface(), bones[parent].surface()
            gap = ((own[::7, None] - other[None, ::7]) ** 2).sum(-1)
            joint = own[::7][np.argsort(gap.min(1))[:20]].mean(0)
            hinge = np.cross(bones[name].axis, [0.0, 1.0, 0.0])
            if digit == 1:
                hinge = np.cross(bones[name].axis, [-1.0, 0.3, 0.0])
            hinge /= np.linalg.norm(hinge)
            side = np.cross(hinge, bones[name].axis)
            turn = Rotation.from_rotvec(np.deg2rad(pose.flexion.get(name, 0.0)) * hinge) * Rotation.from_rotvec(
                np.deg2rad(pose.abduction.get(name, 0.0)) * side
            )
            step = np.eye(4)
            step[:3, :3] = turn.as_matrix()
            step[:3, 3] = joint - turn.as_matrix() @ joint
            placed[name] = placed[parent] @ step
    return placed


@dataclass(frozen=True)
class Deposit:
    """A body in the hand's frame (posed, right hand): signed distance (mm), its HU, a ball that holds it."""

    kind: str
    distance: Callable[[np.ndarray], np.ndarray]
    hu: float
    centre: np.ndarray
    reach: float


@dataclass(frozen=True)
class Scanner:
    """How the CT looks at the hand; see `scan`."""

    spacing_mm: tuple[float, float, float] = (0.4, 0.4, 0.4)
    psf_fwhm_mm: float = 0.7
    edge_gain: float = 0.0
    noise_hu: float = 25.0
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left: bool = False
    seed: int = 0
    cortex_hu: tuple[float, float] = (1000.0, 1700.0)
    cortex_mm: tuple[float, float] = (0.6, 1.8)
    bones: tuple[str, ...] = BONE_NAMES
    min_gap_mm: float = 0.8
    box: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Scan:
    """The CT and its truth: ``bones`` labels (uint8), ``deposits`` labels 1..N where half a voxel or more is filled.

    ``others``: labels 1..M of the distractors.
    """

    volume: Volume
    bones: np.ndarray
    deposits: np.ndarray
    true_volume_mm3: tuple[float, ...]
    kinds: tuple[str, ...]
    hand_to_ras: np.ndarray
    others: np.ndarray


def scan(
    pose: Pose,
    scanner: Scanner = Scanner(),
    deposits: tuple[Deposit, ...] = (),
    distractors: tuple[Deposit, ...] = (),
) -> Scan:
    """A CT of the posed hand; ``scanner.box`` limits it to a part (low, high corner in the hand's frame).

    ``distractors`` are painted like deposits but are no part of the truth; metal (above `STREAKING_HU`) streaks.
    """
    rng = np.random.default_rng(scanner.seed)
    placed = transforms(pose)
    bones = shapes()
    corners = []
    for name in scanner.bones:
        surface = bones[name].surface()[::5]
        corners.append(surface @ placed[name][:3, :3].T + placed[name][:3, 3])
    cloud = np.concatenate(corners)
    cloud = cloud[cloud[:, 2] < FOREARM_END_MM - 1]
    turn = Rotation.from_euler("xyz", scanner.rotation_deg, degrees=True).as_matrix()
    tilt = Rotation.from_euler("xyz", rng.uniform(-12, 12, 3), degrees=True).as_matrix()
    if scanner.box is None:
        low, high = (cloud @ tilt).min(0) - 12, (cloud @ tilt).max(0) + 12
        high[2] -= 22.0
        middle = tilt @ (0.5 * (low + high))
    else:
        low, high = scanner.box
        middle = 0.5 * (low + high)
    # Voxel axes are the hand's, tilted a little; the world is turned as a whole, so the grid may be oblique.
    size = np.ceil((high - low) / np.array(scanner.spacing_mm)).astype(int)
    grid_to_hand = np.eye(4)
    grid_to_hand[:3, :3] = tilt * np.array(scanner.spacing_mm)
    grid_to_hand[:3, 3] = middle - grid_to_hand[:3, :3] @ ((size - 1) / 2)
    painter = _Painter(grid_to_hand, size, rng)
    painter.soft_tissue(cloud)
    for name in scanner.bones:
        painter.bone(name, placed[name], scanner)
    for number, body in enumerate(distractors, start=1):
        painter.distractor(number, body)
    volumes = [painter.deposit(i + 1, d) for i, d in enumerate(deposits)]
    _streak(painter.hu, rng)
    hu = _ct(painter.hu, scanner, rng)
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0]) if scanner.left else np.eye(4)
    hand_to_ras = np.eye(4)
    hand_to_ras[:3, :3] = turn
    hand_to_ras = hand_to_ras @ mirror
    matrix = hand_to_ras @ grid_to_hand
    return Scan(
        Volume(hu, matrix),
        painter.labels,
        painter.deposits,
        tuple(volumes),
        tuple(d.kind for d in deposits),
        hand_to_ras,
        painter.others,
    )


class _Painter:
    """Fills the grid: soft tissue, bones, deposits; arrays are (K, J, I)."""

    def __init__(self, grid_to_hand: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> None:
        self.matrix, self.size, self.rng = grid_to_hand, size, rng
        shape = tuple(size[::-1])
        self.hu = np.full(shape, -1000.0, np.float32)
        self.labels = np.zeros(shape, np.uint8)
        self.nearest = np.full(shape, PAD_MM, np.float32)
        self.deposits = np.zeros(shape, np.uint16)
        self.others = np.zeros(shape, np.uint8)
        self.step = float(np.mean(np.linalg.norm(grid_to_hand[:3, :3], axis=0)))

    def points(self, box: tuple[slice, ...]) -> np.ndarray:
        k, j, i = np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij")
        ijk = np.stack([i, j, k], -1).reshape(-1, 3)
        return ijk @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def box(self, points: np.ndarray, margin_mm: float) -> tuple[slice, ...] | None:
        inverse = np.linalg.inv(self.matrix)
        ijk = points @ inverse[:3, :3].T + inverse[:3, 3]
        low = np.maximum(np.floor(ijk.min(0) - margin_mm / self.step), 0).astype(int)
        high = np.minimum(np.ceil(ijk.max(0) + margin_mm / self.step) + 1, self.size).astype(int)
        if np.any(low >= high):
            return None
        return tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))

    def soft_tissue(self, cloud: np.ndarray) -> None:
        """Skin 7 mm outside the bones (more on the volar side), a fat layer under it, mottled."""
        coarse = 1.5
        origin, extent = cloud.min(0) - 16, cloud.max(0) + 16
        extent[2] = FOREARM_END_MM + 30
        size = np.ceil((extent - origin) / coarse).astype(int)
        filled = np.zeros(size, bool)
        for shift in ([0, 0, 0], [0, 2.5, 0]):
            filled[tuple(((cloud + shift - origin) / coarse).astype(int).T)] = True
        top = int((FOREARM_END_MM - 3 - origin[2]) / coarse)
        filled[:, :, top : top + 18] = filled[:, :, top - 1 : top]
        outside = ndimage.distance_transform_edt(~filled) * coarse
        web = ndimage.distance_transform_edt(outside < 9.0) * coarse
        palm = np.where(web > 5.5, web - 5.5, -20.0)
        depth = ndimage.gaussian_filter(np.maximum(7.0 - outside, palm), 1.2)
        shape = self.hu.shape
        for start in range(0, shape[0], 32):
            box = (slice(start, min(start + 32, shape[0])), slice(0, shape[1]), slice(0, shape[2]))
            index = (self.points(box) - origin) / coarse
            d = ndimage.map_coordinates(depth, index.T, order=1, mode="constant", cval=-20).reshape(
                [s.stop - s.start for s in box]
            )
            tissue = np.where(d < 1.2, 45.0, np.where(d < 3.2, -85.0, 55.0))
            skin = np.clip(0.5 + d / self.step, 0, 1)
            self.hu[box] = skin * tissue + (1 - skin) * -1000.0
        mottle = ndimage.zoom(self.rng.normal(0, 10, [n // 12 + 2 for n in shape]), 13, order=1)
        mottle = mottle[: shape[0], : shape[1], : shape[2]]
        self.hu += np.where(self.hu > -150, mottle, 0).astype(np.float32)

    def bone(self, name: str, placed: np.ndarray, scanner: Scanner) -> None:
        shape = shapes()[name]
        surface = shape.surface() @ placed[:3, :3].T + placed[:3, 3]
        box = self.box(surface, 2.5)
        if box is None:
            return
        own = (self.points(box) - placed[:3, 3]) @ placed[:3, :3]
        extent = [s.stop - s.start for s in box]
        d = shape.distance(own).reshape(extent)
        d = np.maximum(d, scanner.min_gap_mm - self.nearest[box])
        along = np.abs((own - shape.centre) @ shape.axis).reshape(extent) / shape.length
        low, high = scanner.cortex_mm
        long = digit_of(name) is not None or name in ("radius", "ulna")
        if name in ("radius", "ulna"):
            along = np.clip((0.5 * shape.length - (own - shape.centre) @ shape.axis).reshape(extent), 0, 40) / 100
            along = 0.5 - along
        shaft = np.clip(1.3 - 4.0 * along, 0, 1) if long else np.zeros_like(d)
        thickness = (low + (high - low) * shaft) * min(1.0, shape.length / 25.0 + 0.25)
        cortex = scanner.cortex_hu[0] + (scanner.cortex_hu[1] - scanner.cortex_hu[0]) * (0.3 + 0.7 * shaft)
        texture = self.rng.normal(0, 1, extent)
        texture = ndimage.gaussian_filter(texture, 0.5 / self.step)
        texture *= 60.0 / max(texture.std(), 1e-6)
        inner = (1 - shaft) * (260.0 + texture) + shaft * -40.0
        hu = self.hu[box]
        filled = np.clip(0.5 - d / self.step, 0, 1)
        hu += filled * (cortex - hu)
        hollow = np.clip(0.5 - (d + thickness) / self.step, 0, 1)
        hu += hollow * (inner - hu)
        self.labels[box][d < 0] = BONE_LABELS[name]
        self.nearest[box] = np.minimum(self.nearest[box], d)

    def deposit(self, label: int, deposit: Deposit) -> float:
        """Paint outside bone, with skin over what bulges; returns the true volume (mm³)."""
        box, away, fraction = self._fraction(deposit)
        if box is None:
            return 0.0
        fraction *= np.clip(0.5 + self.nearest[box] / self.step, 0, 1)
        hu = self.hu[box]
        hu[(away < SKIN_MM) & (hu < -200)] = 45.0
        hu += fraction * (deposit.hu - hu)
        self.deposits[box][fraction >= 0.5] = label
        return float(fraction.sum() * abs(np.linalg.det(self.matrix[:3, :3])))

    def distractor(self, label: int, body: Deposit) -> None:
        """Paint what is no deposit, also through bone and in air."""
        box, _, fraction = self._fraction(body)
        if box is not None:
            self.hu[box] += fraction * (body.hu - self.hu[box])
            self.others[box][fraction >= 0.25] = label

    def _fraction(self, body: Deposit) -> tuple[tuple[slice, ...] | None, np.ndarray, np.ndarray]:
        """Box, distance and filled share of its voxels (64 samples where the surface passes)."""
        # The margin is in mean voxels: more of them along the fine axes of thick slices.
        finest = float(np.linalg.norm(self.matrix[:3, :3], axis=0).min())
        box = self.box(body.centre[None], (body.reach + SKIN_MM + self.step) * self.step / finest)
        if box is None:
            return None, np.zeros(0), np.zeros(0)
        extent = [s.stop - s.start for s in box]
        centres = self.points(box)
        away = body.distance(centres)
        near = np.abs(away) < 1.0 * self.step
        fraction = (away <= -1.0 * self.step).astype(np.float32)
        steps = (np.arange(4) + 0.5) / 4 - 0.5
        some = centres[near]
        part = np.zeros(len(some), np.float32)
        for a in steps:
            for b in steps:
                for c in steps:
                    part += body.distance(some + self.matrix[:3, :3] @ np.array([a, b, c])) < 0
        fraction[near] = part / 64
        return box, away.reshape(extent), fraction.reshape(extent)


def _streak(hu: np.ndarray, rng: np.random.Generator) -> None:
    """Bright and dark rays from the metal of each slice, fading with distance, in place."""
    for plane in hu:
        metal = np.argwhere(plane > STREAKING_HU)
        if not len(metal):
            continue
        j, i = np.ogrid[: plane.shape[0], : plane.shape[1]]
        centre = metal.mean(0)
        radius = np.hypot(j - centre[0], i - centre[1])
        angle = np.arctan2(j - centre[0], i - centre[1])
        rays = sum(np.sin(n * angle + rng.uniform(0, 6.28)) for n in (2, 5, 9)) / 3.0
        size = np.sqrt(len(metal))
        plane += (min(60.0 * size, 500.0) * rays / (1.0 + radius / (2.0 * size))).astype(np.float32)


def _ct(hu: np.ndarray, scanner: Scanner, rng: np.random.Generator) -> np.ndarray:
    """Point spread (with an edge gain for a bone kernel) and noise of the same band, as int16."""
    sigma = scanner.psf_fwhm_mm / 2.3548 / np.array(scanner.spacing_mm[::-1])
    soft = ndimage.gaussian_filter(hu, sigma)
    noise = ndimage.gaussian_filter(rng.standard_normal(hu.shape).astype(np.float32), 0.6 * sigma)
    if scanner.edge_gain:
        soft += scanner.edge_gain * (soft - ndimage.gaussian_filter(hu, 2 * sigma))
        noise -= ndimage.gaussian_filter(noise, 2 * sigma)
    soft += noise * (scanner.noise_hu / noise.std())
    return np.clip(np.round(soft), -1024, 3071).astype(np.int16)
