"""qMRML widgets that the panel uses, on the real scene: the combo box of nodes, the table, the root widget."""

from __future__ import annotations

from typing import Any

import vtk
from PySide6.QtCore import Property, QSortFilterProxyModel, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QTableView, QWidget

_SCENE = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}


class qMRMLWidget(QWidget):  # noqa: N801
    """The root of a ``.ui``: passes the scene to those whose ``setMRMLScene`` is connected in the file."""

    mrmlSceneChanged = Signal(object)
    cxx_signals = _SCENE

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        """The scene, None before one is set."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene and tell the connected children."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QWidget):  # noqa: N801
    """Chooses a node of the scene. Without a scene it is empty and says nothing."""

    _nodeSignal = Signal(object)
    _validSignal = Signal(bool)
    currentNodeIDChanged = Signal(str)
    nodeAddedByUser = Signal(object)
    cxx_signals = {  # noqa: RUF012
        "currentNodeChanged(vtkMRMLNode*)": "_nodeSignal",
        "currentNodeChanged(bool)": "_validSignal",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._combo = QComboBox(self)
        layout.addWidget(self._combo)
        self._scene: Any = None
        self._tags: list[int] = []
        self._attributes: list[tuple[str, str, str | None]] = []
        self._values: dict[str, Any] = {
            "nodeTypes": [],
            "showHidden": False,
            "showChildNodeTypes": True,
            "noneEnabled": False,
            "noneDisplay": "None",
            "baseName": "",
        }
        for flag in ("addEnabled", "removeEnabled", "editEnabled", "renameEnabled", "selectNodeUponCreation"):
            self._values[flag] = flag != "editEnabled" and flag != "renameEnabled"
        self._combo.currentTextChanged.connect(self._report)
        self.setEnabled(False)

    def mrmlScene(self) -> Any:
        """The scene, None before one is set."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Show the nodes of this scene."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent):
                self._tags.append(scene.AddObserver(event, lambda *_: self._rebuild()))
        self.setEnabled(scene is not None)
        self._rebuild()

    def currentNode(self) -> Any:
        """The chosen node or None."""
        node_id = self._combo.currentData()
        return self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node, by itself or by its ID; None, or one that is not offered, chooses nothing."""
        self._choose(node if isinstance(node, str) else node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose a node by its ID."""
        self._choose(node_id)

    def nodeCount(self) -> int:
        """How many nodes are offered."""
        return len(self._offered())

    def addAttribute(self, nodeType: str, name: str, value: str | None = None) -> None:
        """Offer only nodes of this type that have the attribute (with this value)."""
        self._attributes.append((nodeType, name, value))
        self._rebuild()

    def _choose(self, node_id: str) -> None:
        index = self._combo.findData(node_id) if node_id else -1
        none = 0 if self._values["noneEnabled"] else -1
        self._combo.setCurrentIndex(index if index >= 0 else none)

    def _offered(self) -> list[Any]:
        if self._scene is None or self._scene.IsBatchProcessing():
            return []
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())]
        return [node for node in nodes if self._fits(node)]

    def _fits(self, node: Any) -> bool:
        types = self._values["nodeTypes"]
        exact = not self._values["showChildNodeTypes"]
        if not any(node.GetClassName() == kind or (not exact and node.IsA(kind)) for kind in types):
            return False
        if node.GetHideFromEditors() and not self._values["showHidden"]:
            return False
        return all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for kind, name, value in self._attributes
            if node.IsA(kind)
        )

    def _rebuild(self) -> None:
        """Remove what is gone and append what is new, as the real model does row by row."""
        offered = {node.GetID(): node.GetName() for node in self._offered()}
        none = self._values["noneEnabled"]
        if none and self._combo.findData("") < 0:
            self._combo.insertItem(0, self._values["noneDisplay"], "")
            if self._combo.count() == 1:
                self._combo.setCurrentIndex(0)
        self._combo.setItemText(self._combo.findData(""), self._values["noneDisplay"])
        if not none and self._combo.findData("") >= 0:
            self._combo.removeItem(self._combo.findData(""))
        for index in reversed(range(self._combo.count())):
            node_id = self._combo.itemData(index)
            if node_id and node_id not in offered:
                self._combo.removeItem(index)
        for node_id, name in offered.items():
            index = self._combo.findData(node_id)
            if index < 0:
                self._combo.addItem(name, node_id)
            else:
                self._combo.setItemText(index, name)

    def _report(self, _text: str) -> None:
        """As in Slicer, on a change of the text shown: also on renaming, not between nodes of one name."""
        if self._scene is not None and self._scene.IsBatchProcessing():
            return
        node = self.currentNode()
        self._nodeSignal.emit(node)
        self._validSignal.emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    @property
    def currentNodeChanged(self) -> Any:
        """The attribute form takes the node overload."""
        return self._nodeSignal

    def _set(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._rebuild()

    def _kept(name: str) -> tuple[Any, Any]:  # noqa: N805
        return lambda self: self._values[name], lambda self, value: self._set(name, value)

    currentNodeID = Property(str, lambda self: self._combo.currentData() or "", setCurrentNodeID)
    nodeTypes = Property("QStringList", *_kept("nodeTypes"))
    showHidden = Property(bool, *_kept("showHidden"))
    showChildNodeTypes = Property(bool, *_kept("showChildNodeTypes"))
    noneEnabled = Property(bool, *_kept("noneEnabled"))
    noneDisplay = Property(str, *_kept("noneDisplay"))
    baseName = Property(str, *_kept("baseName"))
    addEnabled = Property(bool, *_kept("addEnabled"))
    removeEnabled = Property(bool, *_kept("removeEnabled"))
    editEnabled = Property(bool, *_kept("editEnabled"))
    renameEnabled = Property(bool, *_kept("renameEnabled"))
    selectNodeUponCreation = Property(bool, *_kept("selectNodeUponCreation"))
    del _kept


class qMRMLTableView(QTableView):  # noqa: N801
    """Shows a table node: text cells behind a sort proxy."""

    mrmlSceneChanged = Signal(object)
    _selectionSignal = Signal()
    cxx_signals = _SCENE | {"selectionChanged()": "_selectionSignal"}

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._node: Any = None
        self._tag = 0
        self._source = QStandardItemModel(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._source)
        self.setModel(self._proxy)
        self.selectionModel().selectionChanged.connect(self._selectionSignal)

    def mrmlScene(self) -> Any:
        """The scene, None before one is set."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene."""
        self._scene = scene

    def mrmlTableNode(self) -> Any:
        """The table that is shown, or None."""
        return self._node

    def setMRMLTableNode(self, node: Any) -> None:
        """Show a table node, or nothing."""
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._fill())
        self._fill()

    def _fill(self) -> None:
        self._source.clear()
        table = self._node.GetTable() if self._node is not None else None
        if table is None:
            return
        columns, rows = table.GetNumberOfColumns(), table.GetNumberOfRows()
        named = self._node.GetUseColumnTitleAsColumnHeader()
        names = [table.GetColumnName(column) for column in range(columns)]
        titles = [self._node.GetColumnTitle(name) or name for name in names] if named else names
        self._source.setHorizontalHeaderLabels(titles)
        for row in range(rows):
            cells = [QStandardItem(table.GetValue(row, column).ToString()) for column in range(columns)]
            self._source.appendRow(cells)


CLASSES = (qMRMLWidget, qMRMLNodeComboBox, qMRMLTableView)
