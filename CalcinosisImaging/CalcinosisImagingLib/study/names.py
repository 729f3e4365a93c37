"""Names that are safe in results: no person in them, and valid as part of a file name everywhere."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 40
"""Longest safe name, characters."""

_WORDS = """
    t1 t2 t2s t2w t1w pd pdw stir tirm flair dixon water fat fs fatsat spair spir dess medic dwi adc swi
    se tse fse gre ge ffe fspgr spgr vibe lava flash trufi fiesta space cube ute zte 2d 3d iso
    ax axial tra transverse cor coronal sag sagittal pre post gd mag ip op in opp inphase
    hand hands wrist finger fingers thumb forearm left right bone soft tissue sharp smooth kernel
    pa ap lat lateral obl oblique ct mr mri xray
"""
SERIES_WORDS = frozenset(_WORDS.split())
"""Words that may be taken over from a free-text description: technique, plane and body part, nothing else."""


def safe_name(text: str) -> str:
    """Letters (any script), digits, ``-`` and ``_`` of ``text``, the rest as single ``-``; may be empty.

    >>> safe_name(" T1 SE/cor: Hände ")
    'T1-SE-cor-Hände'
    """
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"[^\w]+", "-", text).strip("-_")[:MAX_LENGTH].strip("-_")


def series_name(description: str, otherwise: str) -> str:
    """Short name of a series from its free-text description, by a list of harmless words.

    Free text can hold a person's name, so only `SERIES_WORDS` pass; ``otherwise`` if none does.

    >>> series_name("T1_SE cor hand DOE^JANE 12.03.1960", "mr")
    't1-se-cor-hand'
    """
    words = [word for word in re.split(r"[^a-z0-9]+", description.lower()) if word in SERIES_WORDS]
    return "-".join(dict.fromkeys(words)) or otherwise


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Sorting key that counts: ``ses-2`` before ``ses-10``."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
