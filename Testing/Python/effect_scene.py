"""A scene for tests of the effect: bodies of known place in a CT, MR or film, and the editor on it."""

import functools
import hashlib

import numpy as np
import slicer
import vtk
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.scene.links import MODALITY_ATTRIBUTE
from CalcinosisImagingLib.scene.segmentations import segmentation_to_node
from CalcinosisImagingLib.scene.volumes import volume_to_node
from CalcinosisImagingLib.ui.registration import register_effect
from standins.editor import Editor
from vtk.util import numpy_support

SPACING = 0.5
SHAPE = (40, 60, 60)
BALLS = {"a": ((10.0, 10.0, 10.0), 3.0), "b": ((20.0, 18.0, 10.0), 2.5), "c": ((10.0, 20.0, 8.0), 2.0)}
"""Centre (r, a, s) and radius, mm, in the volume's own frame."""


def fractions(names=tuple(BALLS), shape=SHAPE, bridge=None):
    """Part of each voxel (K, J, I) that lies in the named balls; ``bridge`` joins two of them by a bar."""
    return _fractions(tuple(BALLS[n] for n in names), shape, bridge and tuple(BALLS[n][0] for n in bridge))


@functools.cache
def _fractions(balls, shape, bridge):
    k, j, i = np.indices(shape) * SPACING
    total = np.zeros(shape)
    for (r, a, s), radius in balls:
        distance = np.sqrt((i - r) ** 2 + (j - a) ** 2 + ((k - s) ** 2 if shape[0] > 1 else 0))
        total = np.maximum(total, np.clip((radius - distance) / SPACING + 0.5, 0, 1))
    if bridge is not None:
        ends = [np.array(center) * ([1, 1, 0] if shape[0] == 1 else 1) for center in bridge]
        total = np.maximum(total, _bar(*ends, k, j, i))
    total.flags.writeable = False
    return total


def _bar(start, end, k, j, i):
    points = np.stack([i, j, k], axis=-1)
    along = (end - start) / np.linalg.norm(end - start)
    t = np.clip((points - start) @ along, 0, np.linalg.norm(end - start))
    distance = np.linalg.norm(points - start - t[..., None] * along, axis=-1)
    return np.clip((0.7 - distance) / SPACING + 0.5, 0, 1)


def image_of(modality, fraction, seed=0):
    """Voxels of a modality: CT 40 and 700 HU; MR tissue 400, void 40; film 1000 and +300, bright bone."""
    base, step, noise = {"ct": (40, 660, 15), "mr": (400, -360, 8), "xray": (1000, 300, 5)}[modality]
    rng = np.random.default_rng(seed)
    return (base + step * fraction + rng.normal(0, noise, fraction.shape)).astype(np.int16)


class EffectScene:
    """Volume, segmentation and editor; ``turn`` puts both under a rotation. Only the last one is open."""

    _open = None

    def __init__(self, modality="ct", balls=("a", "b"), turn=False, extra=(), direction=None, bridge=None, drawn=None):
        if EffectScene._open is not None:
            EffectScene._open.close()
        EffectScene._open = self
        slicer.mrmlScene.Clear(0)
        shape = (1, 60, 60) if modality == "xray" else SHAPE
        self.modality, self.shape = modality, shape
        matrix = np.diag([SPACING, SPACING, SPACING, 1.0])
        if direction is not None:
            matrix[:3, :3] = direction * SPACING
            matrix[:3, 3] = (5.0, -7.0, 3.0)
        self.fraction = fractions(balls + tuple(extra), shape, bridge)
        self.grid = Volume(image_of(modality, self.fraction), matrix)
        self.volume = volume_to_node(slicer.mrmlScene, self.grid, "Image", modality)
        labels = np.zeros(shape, np.uint16)
        for number, name in enumerate(balls if drawn is None else drawn, start=1):
            labels[fractions((name,), shape, bridge) >= 0.5] = number
        names = balls if drawn is None else drawn
        segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, len(names) + 1))
        drawn_labels = Segmentation(self.grid.with_voxels(labels), segments)
        self.segmentation = segmentation_to_node(slicer.mrmlScene, drawn_labels, "Deposits", self.volume)
        self.segmentation.SetAttribute(MODALITY_ATTRIBUTE, modality)
        if turn:
            self._turn()
        register_effect()
        self.editor = Editor("Calcinosis", self.volume, self.segmentation)
        self.editor.activate()

    def _turn(self):
        transform = vtk.vtkTransform()
        transform.Translate(3, -4, 5)
        transform.RotateWXYZ(35, 1, 2, 3)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        node.SetMatrixTransformToParent(transform.GetMatrix())
        for hung in (self.volume, self.segmentation):
            hung.SetAndObserveTransformNodeID(node.GetID())

    def world(self, point):
        """A point given in mm of the voxel grid (index times spacing) -> RAS of the world."""
        local = self.grid.to_ras(np.array(point, float) / SPACING)
        transform = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(self.volume.GetParentTransformNode(), None, transform)
        return np.array(transform.TransformPoint(local))

    def center(self, name):
        """World position of a ball's centre."""
        r, a, s = BALLS[name][0]
        return self.world((r, a, 0.0 if self.modality == "xray" else s))

    def ball(self, name):
        """Voxels of a ball, boolean (K, J, I)."""
        return fractions((name,), self.shape) >= 0.5

    def mask(self, segment_id):
        """Voxels of a segment on the volume's grid."""
        if self.segmentation.GetSegmentation().GetSegment(segment_id) is None:
            return np.zeros(self.shape, bool)
        image, whole = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
        self.segmentation.GetBinaryLabelmapRepresentation(segment_id, image)
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            image, self._image(np.zeros(self.shape)), whole, False, False
        )
        return numpy_support.vtk_to_numpy(whole.GetPointData().GetScalars()).reshape(self.shape) > 0

    def set_mask(self, segment_id, mask):
        """Give a segment other voxels, as a program would, past the editor."""
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        logic.SetBinaryLabelmapToSegment(self._image(mask), self.segmentation, segment_id, logic.MODE_REPLACE)

    def _image(self, mask):
        image = slicer.vtkOrientedImageData()
        image.SetDimensions(self.shape[::-1])
        scalars = numpy_support.numpy_to_vtk(np.ascontiguousarray(mask, np.uint8).reshape(-1), deep=True)
        image.GetPointData().SetScalars(scalars)
        image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(self.grid.ijk_to_ras))
        return image

    def deposits(self):
        """Voxels of all deposits."""
        return np.any([self.mask(i) for i in self.ids() if i != "bone"] or [np.zeros(self.shape, bool)], axis=0)

    def ids(self):
        """IDs of all segments."""
        return list(self.segmentation.GetSegmentation().GetSegmentIDs())

    def state(self):
        """Everything that undo must bring back: IDs, names, and a digest of the voxels of each segment."""
        segmentation = self.segmentation.GetSegmentation()
        return {
            i: (segmentation.GetSegment(i).GetName(), hashlib.sha256(self.mask(i).tobytes()).hexdigest())
            for i in self.ids()
        }

    def tool(self, name):
        """Choose a tool."""
        self.editor.python.session.choose_tool(name)

    def find_and_apply(self):
        """Look for candidates where the view looks, and take all in."""
        self.editor.python.session.find()
        self.editor.python.session.apply()

    @property
    def message(self):
        """What the effect says."""
        return self.editor.python.session.options.status.text

    def close(self):
        """End the editor; a second call does nothing."""
        if EffectScene._open is self:
            EffectScene._open = None
            self.editor.close()


def dice(a, b):
    """Overlap of two masks."""
    return 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)
