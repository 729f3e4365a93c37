"""A whole synthetic study in the study layout, with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.errors import InputError
from ..analysis.files import write_csv, write_json, write_text
from ..analysis.progress import Progress, part, report, silent
from .ct import image_ct
from .dicom_files import CT_CLASS, MR_CLASS, common_tags, film_tags, write_film, write_slices
from .film import expose, film_placement, line_integrals
from .frames import rigid
from .hand import PosedHand
from .mr import image_mr
from .person import draw_hand, stream
from .pose import draw_angles, draw_placement
from .presets import FilmProtocol, MrProtocol, Preset, preset_named
from .scanner import ct_grid, mr_grid
from .truth import (
    DEPOSIT_COLUMNS,
    deposit_rows,
    film_points,
    landmarks,
    write_distractors,
    write_film_points,
    write_labels,
    write_points,
    write_poses,
    write_shadows,
    write_view,
)

MR_TILT_DEG = 3.0
"""SD of how far MR slices are turned from the scanner's axes."""
ASIDE_MM = 85.0
"""Distance of each hand from the middle where both are in one scan."""
PRONE_DOWN = (0.0, 1.0, 0.0)
"""Gravity of a prone patient: towards the front (RAS)."""
MR_TAGS = {
    "t1": {
        "SeriesDescription": "T1 SE",
        "ScanningSequence": "SE",
        "RepetitionTime": "600",
        "EchoTime": "12",
        "FlipAngle": "90",
    },
    "t2fs": {
        "SeriesDescription": "T2 FS",
        "ScanningSequence": "SE",
        "RepetitionTime": "4000",
        "EchoTime": "60",
        "FlipAngle": "90",
    },
    "gre": {
        "SeriesDescription": "GRE",
        "ScanningSequence": "GR",
        "RepetitionTime": "20",
        "EchoTime": "5",
        "FlipAngle": "20",
    },
}


def write_phantom_study(
    out: Path,
    participants: int = 2,
    repeats: int = 1,
    seed: int = 0,
    preset: str = "typical",
    progress: Progress = silent,
) -> None:
    """Write ``study.json``, ``participants.tsv``, the images as DICOM and ``truth/`` into a new or empty folder.

    Parameters
    ----------
    participants: number of hands, one per participant.
    repeats: the first so many have a second visit with MR and film but no CT.
    seed: the same seed gives the same bytes.
    preset: easy | typical | hard.

    Raises
    ------
    InputError: unknown preset, impossible numbers, or the folder is not empty.
    """
    settings = preset_named(preset)
    if participants < 1 or not 0 <= repeats <= participants:
        raise InputError(
            f"{participants} participants with {repeats} repeat visits cannot be made; "
            "give at least one participant and no more repeats than participants."
        )
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is not an empty folder; choose a new one for the synthetic study.")
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(1, participants + 1):
        share = part(progress, (number - 1) / participants, number / participants)
        writer = _Writer(out, settings, f"{preset}-{seed}", seed, f"sub-{number:02d}")
        writer.write(2 if number <= repeats else 1, share)
        rows.append(f"{writer.participant}\t{writer.hand.side}\n")
    write_text(out / "participants.tsv", "participant_id\thand\n" + "".join(rows))
    write_json(
        out / "study.json",
        {"name": f"Synthetic study ({preset}, seed {seed})", "format": "calcinosis-study", "version": 1},
    )
    report(progress, 1.0, "synthetic study written")


@dataclass
class _Writer:
    """Writes one participant."""

    out: Path
    preset: Preset
    key: str
    seed: int
    participant: str

    def __post_init__(self) -> None:
        self.hand = draw_hand(self.seed, self.participant, self.preset)

    def write(self, sessions: int, progress: Progress) -> None:
        """CT, MR and film of the first visit; MR and film of the others."""
        ct = self._posed("ct", 1, "ct")
        for session in range(1, sessions + 1):
            rows: list[dict[str, Any]] = []
            done, span = (session - 1) / sessions, 1.0 / sessions
            if session == 1:
                report(progress, done, f"{self.participant}: synthetic CT")
                rows += self._write_ct(ct)
            for number, protocol in enumerate(self.preset.mr, start=1):
                what = f"{self.participant}: synthetic MR {protocol.weighting}, visit {session}"
                report(progress, done + 0.4 * span, what)
                rows += self._write_mr(ct, session, number, protocol)
            report(progress, done + 0.7 * span, f"{self.participant}: synthetic film, visit {session}")
            rows += self._write_film(ct, session, "pa", self.preset.film)
            write_csv(self._truth(session) / "deposits.csv", DEPOSIT_COLUMNS, rows)
            write_distractors(self._truth(session) / "distractors.csv", ct)

    def _posed(self, held: str, session: int, name: str) -> PosedHand:
        """The hand as it is held for one image."""
        rng = stream(self.seed, self.participant, session, name, "pose")
        slack = rng.standard_normal((len(self.hand.deposits), 3)).clip(-2, 2) * self.preset.slack_mm
        slack[[d.site.touches for d in self.hand.deposits]] = 0.0
        angles = draw_angles(rng, held)
        aside = ASIDE_MM if held == "ct" and self.preset.ct.both_hands else 0.0
        if held == "film":
            return self.hand.held(angles, np.eye(4), slack)
        placement = draw_placement(rng, held, self.hand.side, self.preset.turn_deg, aside)
        return self.hand.held(angles, placement, slack, PRONE_DOWN)

    def _write_ct(self, ct: PosedHand) -> list[dict[str, Any]]:
        """The CT, its labels and its points; returns the rows of its deposits."""
        protocol = self.preset.ct
        hands = [ct, self._other_hand()] if protocol.both_hands else [ct]
        grid = ct_grid(hands, protocol.pixel_mm, protocol.slice_mm, protocol.cut_mm)
        image, painted = image_ct(hands, grid, protocol, stream(self.seed, self.participant, "ct", "noise"))
        tags = self._tags(1, "CT", 1, "CT bone") | {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "RescaleIntercept": "0",
            "RescaleSlope": "1",
            "RescaleType": "HU",
            "KVP": "120",
            "PatientPosition": "HFP",
            "GantryDetectorTilt": "0",
            "ConvolutionKernel": "BONE",
        }
        write_slices(self._images(1) / "ct", image, grid.ijk_to_world, CT_CLASS, tags)
        folder = self._truth(1) / "ct"
        count = sum(len(hand.hand.deposits) for hand in hands)
        write_labels(folder, painted, grid.ijk_to_world, count, protocol.both_hands)
        write_poses(folder / "poses.json", ct, None, "")
        write_points(folder / "points.csv", landmarks(ct))
        rows = deposit_rows(ct, self._common(1, "ct", ""), grid)
        for other in hands[1:]:
            common = self._common(1, "ct", "") | {"hand": other.hand.side}
            rows += deposit_rows(other, common, grid, first=len(rows) + 1)
        return rows

    def _other_hand(self) -> PosedHand:
        """The hand of the other side, which lies beside it in the CT; it has deposits of its own."""
        side = "right" if self.hand.side == "left" else "left"
        other = replace(draw_hand(self.seed + 1_000_003, self.participant, self.preset), side=side)
        rng = stream(self.seed, self.participant, "other", "pose")
        placement = draw_placement(rng, "ct", side, self.preset.turn_deg, ASIDE_MM)
        return other.held(draw_angles(rng, "ct"), placement, np.zeros((len(other.deposits), 3)), PRONE_DOWN)

    def _write_mr(self, ct: PosedHand, session: int, number: int, protocol: MrProtocol) -> list[dict[str, Any]]:
        """One MR series and its truth."""
        name = protocol.weighting
        posed = self._posed("mr", session, name)
        rng = stream(self.seed, self.participant, session, name, "noise")
        tilt = rigid(np.clip(rng.standard_normal(3), -2, 2) * MR_TILT_DEG)[:3, :3]
        grid = mr_grid(posed, protocol.pixel_mm, protocol.slice_mm, tilt, protocol.cut_mm)
        image, painted = image_mr(posed, grid, protocol, rng)
        tags = (
            self._tags(session, "MR", number, name)
            | MR_TAGS[name]
            | {
                "ImageType": ["ORIGINAL", "PRIMARY", "M"],
                "SequenceVariant": "NONE",
                "ScanOptions": "FS" if name == "t2fs" else "",
                "MRAcquisitionType": "2D",
                "EchoTrainLength": "1",
                "MagneticFieldStrength": "3",
                "PatientPosition": "HFP",
            }
        )
        write_slices(self._images(session) / "mr" / name, image, grid.ijk_to_world, MR_CLASS, tags)
        folder = self._truth(session) / "mr" / name
        write_labels(folder, painted, grid.ijk_to_world, len(self.hand.deposits))
        write_poses(folder / "poses.json", posed, ct, "matrix_ct_to_mr_ras")
        write_points(folder / "points.csv", landmarks(posed))
        return deposit_rows(posed, self._common(session, "mr", name), grid)

    def _write_film(self, ct: PosedHand, session: int, name: str, protocol: FilmProtocol) -> list[dict[str, Any]]:
        """One radiograph and its truth."""
        rng = stream(self.seed, self.participant, session, name, "film")
        posed, view = film_placement(self._posed("film", session, name), protocol, rng, name)
        integrals, shadows = line_integrals(posed, view, protocol.calcium_gain)
        middle = float(posed.bone_to_world("metacarpal-3")[2, 3])
        sop_class, geometry = film_tags(view, middle, protocol.tags)
        tags = self._tags(session, "DX", 1, "HAND PA") | {
            "ImageType": ["ORIGINAL", "PRIMARY", ""],
            "ImageLaterality": self.hand.side[0].upper(),
            "ViewPosition": "PA",
            "KVP": "55",
            "RescaleIntercept": "0",
            "RescaleSlope": "1",
            "RescaleType": "US",
            "PatientOrientation": "",
            "LossyImageCompression": "00",
            "Exposure": "3",
        }
        del tags["FrameOfReferenceUID"], tags["PositionReferenceIndicator"]
        path = self._images(session) / "xray" / name / f"{name}.dcm"
        write_film(path, expose(integrals, view, protocol, rng), view, sop_class, tags | geometry)
        folder = self._truth(session) / "xray" / name
        write_view(folder, view, posed, ct)
        write_film_points(folder / "points.csv", view, film_points(view, posed))
        write_shadows(folder / "deposits.seg.nrrd", view, shadows, len(self.hand.deposits))
        return deposit_rows(posed, self._common(session, "xray", name), view, shadows)

    def _tags(self, session: int, modality: str, number: int, description: str) -> dict[str, Any]:
        """DICOM tags that all series share."""
        return common_tags(self.key, self.participant, session, self.hand.side, modality, number, description)

    def _common(self, session: int, modality: str, view: str) -> dict[str, Any]:
        """First columns of a row of a table."""
        return {
            "participant": self.participant,
            "session": f"ses-{session}",
            "hand": self.hand.side,
            "modality": modality,
            "view": view,
        }

    def _images(self, session: int) -> Path:
        """Folder of one visit's images."""
        return self.out / self.participant / f"ses-{session}"

    def _truth(self, session: int) -> Path:
        """Folder of one visit's truth."""
        return self.out / "truth" / self.participant / f"ses-{session}"
