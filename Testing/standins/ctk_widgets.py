"""ctk's widgets that the panel and the effect use, as native PySide6 classes with ctk's properties and signals."""

from __future__ import annotations

import enum

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLineEdit, QPushButton, QSlider, QToolButton, QWidget

STEPS = 10000
"""Positions of the inner slider; the value itself is kept as a number."""


class ctkCollapsibleButton(QWidget):  # noqa: N801
    """A titled section that folds; children are laid out below the title."""

    toggled = Signal(bool)
    clicked = Signal(bool)
    contentsCollapsed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._isCollapsed = False
        self._title = QPushButton(self)
        self._title.setObjectName("")
        self._title.setFlat(True)
        self._title.setStyleSheet("text-align: left; font-weight: bold")
        self._title.clicked.connect(lambda: self._setCollapsed(not self._isCollapsed))
        self.setContentsMargins(4, self._title.sizeHint().height() + 2, 4, 4)

    def resizeEvent(self, event: object) -> None:
        """Keep the title across the top."""
        self._title.setGeometry(0, 0, self.width(), self._title.sizeHint().height())

    def _collapsed(self) -> bool:
        return self._isCollapsed

    def _setCollapsed(self, collapsed: bool) -> None:
        if collapsed == self._isCollapsed:
            return
        self._isCollapsed = collapsed
        for child in self.children():
            if isinstance(child, QWidget) and child is not self._title:
                child.setVisible(not collapsed)
        self._showTitle()
        self.setMaximumHeight(self._title.sizeHint().height() + 4 if collapsed else 16777215)
        self.contentsCollapsed.emit(collapsed)
        self.toggled.emit(not collapsed)

    def _text(self) -> str:
        return self._title.text()[2:]

    def _setText(self, text: str) -> None:
        self._plain = text
        self._showTitle()

    def _showTitle(self) -> None:
        self._title.setText(("▸ " if self._isCollapsed else "▾ ") + getattr(self, "_plain", ""))

    collapsed = Property(bool, _collapsed, _setCollapsed)
    checked = Property(bool, lambda self: not self._isCollapsed, lambda self, on: self._setCollapsed(not on))
    text = Property(str, _text, _setText)


class ctkSliderWidget(QWidget):  # noqa: N801
    """A slider with a spin box."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        self._slider.setObjectName("Slider")
        self._slider.setRange(0, STEPS)
        self._spin = QDoubleSpinBox(self)
        self._spin.setObjectName("SpinBox")
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._spin)
        self._spin.valueChanged.connect(self._follow)
        self._slider.sliderMoved.connect(lambda at: self._spin.setValue(self._at(at)))

    def _at(self, position: int) -> float:
        return self._spin.minimum() + (self._spin.maximum() - self._spin.minimum()) * position / STEPS

    def _follow(self, value: float) -> None:
        span = self._spin.maximum() - self._spin.minimum()
        self._slider.setValue(round((value - self._spin.minimum()) / span * STEPS) if span else 0)
        self.valueChanged.emit(value)

    def setValue(self, value: float) -> None:
        """Set the value, clipped to the range and rounded to the decimals."""
        self._spin.setValue(value)

    def setRange(self, low: float, high: float) -> None:
        """Set both ends."""
        self._spin.setRange(low, high)

    value = Property(float, lambda self: self._spin.value(), setValue)
    minimum = Property(float, lambda self: self._spin.minimum(), lambda self, v: self._spin.setMinimum(v))
    maximum = Property(float, lambda self: self._spin.maximum(), lambda self, v: self._spin.setMaximum(v))
    singleStep = Property(float, lambda self: self._spin.singleStep(), lambda self, v: self._spin.setSingleStep(v))
    pageStep = Property(float, lambda self: self._page, lambda self, v: setattr(self, "_page", v))
    decimals = Property(int, lambda self: self._spin.decimals(), lambda self, v: self._spin.setDecimals(v))
    suffix = Property(str, lambda self: self._spin.suffix(), lambda self, v: self._spin.setSuffix(v))
    tracking = Property(bool, lambda self: self._track, lambda self, v: setattr(self, "_track", v))
    _page = 1.0
    _track = True


class ctkPathLineEdit(QWidget):  # noqa: N801
    """A line for a path with a button to choose one."""

    class Filter(enum.IntFlag):
        """What may be chosen, as QDir::Filter."""

        Dirs = 1
        Files = 2
        AllEntries = 7

    Dirs, Files = Filter.Dirs, Filter.Files
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._line = QLineEdit(self)
        self._browse = QToolButton(self)
        self._browse.setText("…")
        layout.addWidget(self._line, 1)
        layout.addWidget(self._browse)
        self._line.textChanged.connect(self.currentPathChanged)
        self._values: dict[str, object] = {"filters": self.Filter.AllEntries, "nameFilters": [], "settingKey": ""}

    def _keep(name: str) -> tuple[object, object]:  # noqa: N805
        return lambda self: self._values[name], lambda self, value: self._values.__setitem__(name, value)

    currentPath = Property(str, lambda self: self._line.text(), lambda self, text: self._line.setText(text))
    filters = Property(int, *_keep("filters"))
    nameFilters = Property("QStringList", *_keep("nameFilters"))
    settingKey = Property(str, *_keep("settingKey"))
    del _keep


CLASSES = (ctkCollapsibleButton, ctkSliderWidget, ctkPathLineEdit)
