"""Figures that need matplotlib: the one optional extra, asked for at the moment of use and never at import."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from typing import Any

import numpy as np


def figures_possible() -> bool:
    """Whether matplotlib can be used; in Slicer it is offered for installation once."""
    try:
        from slicer.packaging import pip_ensure
    except ImportError:
        pass
    else:
        pip_ensure(["matplotlib"], requester="CalcinosisImaging")
    try:
        return importlib.util.find_spec("matplotlib") is not None
    except ValueError:
        # Blocked by an entry of None in sys.modules.
        return False


def bland_altman_figure(pairs: Sequence[tuple[float, float]], agreement: dict[str, Any]) -> str:
    """An SVG figure: ratio of the two volumes over their geometric mean, with bias and limits of agreement.

    pairs: (CT, MR) in mm³, both > 0. Logarithmic, because the volumes are skewed.
    """
    import matplotlib
    from matplotlib.figure import Figure

    ct, mr = np.array(pairs, float).T
    # Fixed salt and no date: the same figure is the same file.
    with matplotlib.rc_context({"svg.hashsalt": "calcinosis", "svg.fonttype": "path"}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        axes.scatter(np.sqrt(ct * mr), ct / mr, s=28, color="#d95f02", edgecolor="white", zorder=3)
        limits = agreement.get("bland_altman_log") or {}
        for key, style in (("bias", "-"), ("lower_limit", "--"), ("upper_limit", "--")):
            if limits.get(key) is not None:
                axes.axhline(np.exp(limits[key]), color="#444444", linestyle=style, linewidth=1.2)
        axes.axhline(1.0, color="#bbbbbb", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("geometric mean of CT and MR volume (mm³)")
        axes.set_ylabel("CT volume / MR volume")
        axes.set_title("Each point is one deposit; lines: bias and 95 % limits of agreement", fontsize=9)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return f"<figure>{text[text.index('<svg') :]}</figure>"
