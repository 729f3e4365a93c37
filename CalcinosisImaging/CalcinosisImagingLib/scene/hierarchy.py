"""The subject hierarchy: participant, visit, then the nodes.

In the application every data node gets an item by itself, in slicer-core none does: `place` covers both.
"""

from __future__ import annotations

import slicer


def subject_hierarchy(scene: object) -> object:
    """The scene's vtkMRMLSubjectHierarchyNode."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def participant_item(scene: object, participant: str) -> int:
    """Item of a participant, made if there is none."""
    tree = subject_hierarchy(scene)
    item = tree.GetItemChildWithName(tree.GetSceneItemID(), participant)
    return item or tree.CreateSubjectItem(tree.GetSceneItemID(), participant)


def visit_item(scene: object, participant: str, visit: str) -> int:
    """Item of a participant's visit, made if there is none."""
    tree = subject_hierarchy(scene)
    parent = participant_item(scene, participant)
    return tree.GetItemChildWithName(parent, visit) or tree.CreateStudyItem(parent, visit)


def place(scene: object, parent_item: int, node: object) -> None:
    """Put the node under the item."""
    tree = subject_hierarchy(scene)
    item = tree.GetItemByDataNode(node)
    if item:
        tree.SetItemParent(item, parent_item)
    else:
        tree.CreateItem(parent_item, node)
