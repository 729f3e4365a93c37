"""Result tables, texts and plots as nodes that a saved scene keeps.

A scene stores tables as tab-separated text: the first cell of a row must not be empty, doubles keep 6 digits,
quotes break a row. So every column is text, written as in our CSV files, and the first column is a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import vtk

from ..analysis.files import cell_text

KEY_COLUMN = "key"


def table_node(
    scene: object, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], node: object = None
) -> object:
    """A vtkMRMLTableNode of text columns, ``key`` first (the row's own, else its number); ``node`` is refilled."""
    rows = list(rows)
    node = node or scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    modified = node.StartModify()
    node.RemoveAllColumns()
    for column in (KEY_COLUMN, *columns):
        values = vtk.vtkStringArray()
        values.SetName(column)
        for number, row in enumerate(rows, start=1):
            value = row.get(column, number if column == KEY_COLUMN else None)
            values.InsertNextValue(_safe(cell_text(value)))
        node.AddColumn(values)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    node.EndModify(modified)
    return node


def _safe(text: str) -> str:
    """Without what breaks a tab-separated row."""
    return text.translate({ord("\t"): " ", ord("\n"): " ", ord('"'): "'"}).strip()


def table_rows(node: object) -> list[dict[str, str]]:
    """The rows of a table node as text, without the key."""
    table = node.GetTable()
    names = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())]
    return [
        {name: table.GetValueByName(row, name).ToString() for name in names if name != KEY_COLUMN}
        for row in range(table.GetNumberOfRows())
    ]


def text_node(scene: object, name: str, text: str) -> object:
    """A vtkMRMLTextNode; keeps JSON with all its digits."""
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", name)
    node.SetText(text)
    return node


def scatter_plot(
    scene: object, name: str, x: tuple[str, np.ndarray], y: tuple[str, np.ndarray], colour: tuple[float, float, float]
) -> object:
    """A plot chart of points with its own small numeric table; x and y are (axis title, values (N,))."""
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} data")
    for title, values in (("n", np.arange(1, len(x[1]) + 1)), x, y):
        array = vtk.vtkDoubleArray()
        array.SetName(title)
        for value in values:
            array.InsertNextValue(float(value))
        table.AddColumn(array)
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(x[0])
    series.SetYColumnName(y[0])
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleNone)
    series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
    series.SetColor(*colour)
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"{name} chart")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle(name)
    chart.SetXAxisTitle(x[0])
    chart.SetYAxisTitle(y[0])
    chart.SetLegendVisibility(False)
    return chart
