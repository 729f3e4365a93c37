"""How nodes of one analysis know each other: node references and attributes, kept in a saved scene."""

from __future__ import annotations

import json
from typing import Any

from .tables import text_node

MODALITY_ATTRIBUTE = "Calcinosis.Modality"
"""On volumes, deposit and rejected segmentations: ct, mr or xray."""

SERIES_ATTRIBUTE = "Calcinosis.Series"
"""On MR volumes of a study: name of the series, as its folder is called."""

REGISTRATION_ROLE = "Calcinosis.Registration"
"""From the MR volume to the text node with registration.json."""

TRANSFORM_ROLE = "Calcinosis.RegistrationTransform"
"""From the MR volume to the transform node that registration made; another parent transform is the user's own."""

POSE_ROLE = "Calcinosis.Pose"
"""From a film's volume to the text node with its view of POSE.json."""


def set_json(scene: object, node: object, role: str, name: str, content: Any) -> object:
    """Keep JSON in a text node that ``node`` refers to by ``role``; an earlier one is refilled."""
    text = json.dumps(content)
    kept = node.GetNodeReference(role)
    if kept is None:
        kept = text_node(scene, name, text)
        node.SetNodeReferenceID(role, kept.GetID())
    else:
        kept.SetText(text)
    return kept


def get_json(node: object, role: str) -> Any | None:
    """What `set_json` kept, None if nothing was."""
    kept = node.GetNodeReference(role)
    return None if kept is None else json.loads(kept.GetText())
