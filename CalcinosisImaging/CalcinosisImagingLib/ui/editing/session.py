"""One effect in one editor: turns buttons, clicks and keys into operations, and says what came of them.

Slicer loads this at its start and whenever a Segment Editor is made: what needs scipy or SimpleITK (operations,
candidates, files) is imported at its first use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ...analysis.errors import CalcinosisError
from .context import Context, context_of
from .options import SLIDERS, Options, folder_of
from .stroke import StrokeInView, stroke_between
from .tools import CUT, IN, tools

if TYPE_CHECKING:
    from ...analysis.editing.candidates import Choice
    from .bodies import Index
    from .preview import Preview

PREVIEW_DELAY_MS = 150
SLICE_VIEW = "qMRMLSliceWidget"
CENTRE_VIEWS = ("Red", "Yellow", "Green")


class EffectSession:
    """State of the effect: preview, stroke, options. ``python`` is the effect's Python object."""

    def __init__(self, python: Any) -> None:
        self._python = python
        self._effect = python.scriptedEffect
        self._preview: Preview | None = None
        self._stroke = StrokeInView(self._effect)
        self._shown: tuple[float, ...] = ()
        self._timer = qt.QTimer()
        self._timer.interval = PREVIEW_DELAY_MS
        self._timer.connect("timeout()", self.update_preview)
        self.options = Options(self._effect, self, python.updateMRMLFromGUI)

    def show(self) -> None:
        """The node's parameters to the options; a moved slider moves the preview, a little later."""
        self.options.show()
        values = tuple(self._effect.doubleParameter(name) for name in SLIDERS)
        if values != self._shown and self._preview is not None:
            self._timer.start()
        self._shown = values

    def deactivate(self) -> None:
        """Take everything out of the views."""
        self._timer.stop()
        self._stroke.clear()
        self.cancel()

    def cleanup(self) -> None:
        """The editor goes, perhaps with the effect in hand: leave nothing in views and scene, release connections."""
        self.deactivate()
        self._timer.disconnect("timeout()", self.update_preview)
        self.options.disconnect()

    # Options

    def choose_tool(self, name: str) -> None:
        """The reader chose a tool."""
        self._stroke.clear()
        self._effect.setParameter("Tool", name)
        self.options.show()

    def find(self) -> None:
        """Look for candidates in the region and show them."""

        def run(context: Context) -> str:
            from .preview import Preview

            whole = bool(self._effect.integerParameter("WholeImage"))
            center = None if whole else centre_kji(context)
            with slicer.util.WaitCursor():
                self._preview = Preview(context, center, self._effect.doubleParameter("RegionRadius"))
                count = self._preview.update(context, self._choice())
            self.options.show_preview_buttons(True)
            return _("Candidates: {n}. Move the sliders, click some in, or apply all.").format(n=count)

        self._perform(run)

    def update_preview(self) -> None:
        """Choose the candidates anew by the sliders."""
        self._timer.stop()
        preview = self._preview
        if preview is not None:
            self._perform(lambda context: _("Candidates: {n}.").format(n=preview.update(context, self._choice())))

    def apply(self) -> None:
        """Make a deposit of each candidate."""

        def run(context: Context) -> str:
            from .operations import take_in_all

            if self._preview is None or self._preview.candidates.count == 0:
                raise CalcinosisError(_("There are no candidates: find some first, or move the sliders."))
            message = take_in_all(context, self._preview.candidates.bodies())
            self.cancel()
            return message

        self._perform(run)

    def cancel(self) -> None:
        """Forget the candidates."""
        self._timer.stop()
        if self._preview is not None:
            self._preview.stop()
            self._preview = None
        self.options.show_preview_buttons(False)

    def save(self) -> None:
        """Save the deposits as a reader's edit."""

        def run(context: Context) -> str:
            from .saving import save_edit

            text = folder_of(self._effect)
            if not text:
                raise CalcinosisError(_("Choose the folder 'edits' of the visit first."))
            with slicer.util.WaitCursor():
                return _("Saved: {path}").format(path=save_edit(context, Path(text)))

        self._perform(run)

    # Views

    def interact(self, interactor: Any, event: int, view: Any) -> bool:
        """One event of a view; True if it was ours and must go no further."""
        if view.className() != SLICE_VIEW:
            return False
        modified = bool(interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey())
        if event == vtk.vtkCommand.KeyPressEvent:
            return not modified and self._key(interactor.GetKeySym() or "")
        xy = interactor.GetEventPosition()
        if event == vtk.vtkCommand.LeftButtonPressEvent:
            if modified:
                return False
            if self._effect.parameter("Tool") == CUT:
                self._stroke.begin(view, xy)
            else:
                self._click(xy, view)
            return True
        if self._stroke.view is not None and event == vtk.vtkCommand.MouseMoveEvent:
            self._stroke.follow(xy)
            return True
        if self._stroke.view is not None and event == vtk.vtkCommand.LeftButtonReleaseEvent:
            self._cut(xy)
            return True
        return False

    def _key(self, key: str) -> bool:
        tool = next((t for t in tools() if t.key == key.lower()), None)
        if tool is None:
            return False
        self.choose_tool(tool.name)
        return True

    def _click(self, xy: tuple[int, int], view: Any) -> None:
        tool = self._effect.parameter("Tool")

        def run(context: Context) -> str:
            from .operations import CLICKS

            seed = self._seed(context, xy, view)
            return self._take_in(context, seed) if tool == IN else CLICKS[tool](context, seed)

        self._perform(run)

    def _take_in(self, context: Context, seed: Index) -> str:
        from .operations import take_in

        preview = self._preview
        body = None if preview is None else preview.candidates.at(seed, context.spacing_kji_mm)
        message = take_in(context, seed, body)
        if preview is not None and body is not None:
            preview.take(body)
            preview.show(context)
        return message

    def _cut(self, xy: tuple[int, int]) -> None:
        view = self._stroke.view
        start, end = self._stroke.end(xy)

        def run(context: Context) -> str:
            from .operations import cut_along

            ends = [self._python.xyToRas(point, view) for point in (start, end)]
            parent = context.node.GetParentTransformNode()
            stroke = stroke_between(*ends, view.mrmlSliceNode(), parent)
            return cut_along(context, stroke, self._effect.parameter("CutPart"))

        self._perform(run)

    def _seed(self, context: Context, xy: tuple[int, int], view: Any) -> Index:
        """Array index (k, j, i) at a position in a view.

        Not by the effect's own ``xyToIjk``: it refuses the grid transform under which a registered MR hangs.
        """
        return tuple(int(v) for v in np.round(kji_at(context, self._python.xyToRas(xy, view))))

    def _choice(self) -> Choice:
        from ...analysis.editing.candidates import Choice

        return Choice(*[self._effect.doubleParameter(name) for name in SLIDERS])

    def _perform(self, operation: Callable[[Context], str]) -> None:
        """Run an operation; its sentence, or that of an error of ours, goes to the options."""
        try:
            self.options.status.text = operation(context_of(self._effect))
        except CalcinosisError as error:
            self.options.status.text = str(error)


def centre_kji(context: Context) -> np.ndarray:
    """Where the slices meet, as array index (k, j, i) of the image; the first view's centre if they do not."""
    by_view = {node.GetLayoutName(): node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")}
    nodes = [by_view[name] for name in CENTRE_VIEWS if name in by_view]
    matrices = [slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()) for node in nodes]
    if not matrices:
        return np.array(context.volume.voxels.shape) / 2
    normals = np.array([m[:3, 2] for m in matrices])
    origins = np.array([m[:3, 3] for m in matrices])
    meeting = origins[0]
    if np.linalg.matrix_rank(normals, tol=0.1) == 3:
        meeting = np.linalg.lstsq(normals, (normals * origins).sum(axis=1), rcond=None)[0]
    return kji_at(context, meeting)


def kji_at(context: Context, ras: Sequence[float]) -> np.ndarray:
    """Array index (k, j, i), with fractions, of a point of the world (RAS mm)."""
    to_local = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, context.node.GetParentTransformNode(), to_local)
    return context.volume.to_ijk(np.array(to_local.TransformPoint(ras)))[::-1]
