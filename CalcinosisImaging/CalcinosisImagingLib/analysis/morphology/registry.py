"""Every measure of a deposit, once: table columns, panel and documentation are made from this list."""

from __future__ import annotations

from dataclasses import dataclass

SCT_VOLUME = ("118565006", "SCT", "Volume")
SCT_AREA = ("42798000", "SCT", "Area")
SCT_LONG = ("103339001", "SCT", "Long axis")
SCT_SHORT = ("103340004", "SCT", "Short axis")
DCM_MASS = ("122661", "DCM", "Calcium Mass")
IBSI = "IBSI 1, arXiv:1612.07003"
OWN = "docs/morphology.md"


@dataclass(frozen=True)
class Measure:
    """One column of ``deposits.csv``.

    Attributes
    ----------
    key: column name, unit included; never renamed.
    title: what the panel shows (translated there).
    description: one sentence.
    unit: UCUM-like text, '' for none.
    code: DICOM code (value, scheme, meaning), None where no published code fits.
    source: where the definition comes from.
    group: size | shape | density | place | kind | note.
    modalities: those of 'ct', 'mr', 'xray' to which it applies.
    """

    key: str
    title: str
    description: str
    unit: str = ""
    code: tuple[str, str, str] | None = None
    source: str = OWN
    group: str = "size"
    modalities: tuple[str, ...] = ("ct", "mr")


_CT = ("ct",)
_MR = ("mr",)
_FILM = ("xray",)
_3D = ("ct", "mr")
_ALL = ("ct", "mr", "xray")


def _group(name: str, *measures: tuple) -> tuple[Measure, ...]:
    """Measures of one group from (key, title, description, unit, code, source, modalities)."""
    return tuple(Measure(k, t, d, u, c, s, name, m) for k, t, d, u, c, s, m in measures)


_SIZE = _group(
    "size",
    ("fragments", "Fragments", "Connected pieces (corners count) that make up the deposit.", "", None, OWN, _ALL),
    (
        "largest_fragment",
        "Largest fragment",
        "Part of the voxels that the largest piece holds.",
        "",
        None,
        OWN,
        _ALL,
    ),
    (
        "fragment_roundness",
        "Roundness of fragments",
        "Minor over major axis of the pieces, mean by voxels.",
        "",
        None,
        OWN,
        _3D,
    ),
    (
        "volume_mm3",
        "Volume",
        "Best estimate of the true volume, from voxel fractions.",
        "mm3",
        SCT_VOLUME,
        OWN,
        _3D,
    ),
    ("volume_lower_mm3", "Volume, lower", "Lower end of the volume's 95 % interval.", "mm3", None, OWN, _3D),
    ("volume_upper_mm3", "Volume, upper", "Upper end of the volume's 95 % interval.", "mm3", None, OWN, _3D),
    ("voxel_volume_mm3", "Voxel volume", "Number of voxels times the volume of one.", "mm3", SCT_VOLUME, IBSI, _3D),
    ("mesh_volume_mm3", "Mesh volume", "Volume within the marching-cubes mesh of the mask.", "mm3", None, IBSI, _3D),
    (
        "mesh_area_mm2",
        "Mesh area",
        "Area of the marching-cubes mesh: overstates a smooth surface.",
        "mm2",
        None,
        IBSI,
        _3D,
    ),
    (
        "surface_area_mm2",
        "Surface area",
        "Best estimate of the real area: co-area formula on the grey values.",
        "mm2",
        SCT_AREA,
        OWN,
        _3D,
    ),
    ("area_mm2", "Area", "Area of the shadow in the object's plane (see size_plane).", "mm2", SCT_AREA, OWN, _FILM),
    ("area_detector_mm2", "Area at the detector", "Area of the shadow on the detector.", "mm2", None, OWN, _FILM),
    ("max_diameter_mm", "Largest diameter", "Largest distance between mesh vertices.", "mm", SCT_LONG, IBSI, _ALL),
    ("major_axis_mm", "Major axis", "4 sqrt(lambda) of the first principal component.", "mm", None, IBSI, _ALL),
    ("minor_axis_mm", "Minor axis", "4 sqrt(lambda) of the second principal component.", "mm", None, IBSI, _ALL),
    ("least_axis_mm", "Least axis", "4 sqrt(lambda) of the third principal component.", "mm", None, IBSI, _3D),
    (
        "max_inplane_diameter_mm",
        "Largest in-plane diameter",
        "Largest diameter within one slice.",
        "mm",
        None,
        OWN,
        _3D,
    ),
    ("box_length_mm", "Box length", "Longest side of the box along the principal axes.", "mm", None, OWN, _3D),
    ("box_width_mm", "Box width", "Middle side of that box.", "mm", None, OWN, _3D),
    ("box_height_mm", "Box height", "Shortest side of that box.", "mm", None, OWN, _3D),
    (
        "long_diameter_mm",
        "Long diameter",
        "Longest diameter of the shadow, as a reader measures it.",
        "mm",
        SCT_LONG,
        OWN,
        _FILM,
    ),
    (
        "short_diameter_mm",
        "Short diameter",
        "Width of the shadow across the long diameter.",
        "mm",
        SCT_SHORT,
        OWN,
        _FILM,
    ),
    (
        "ellipse_area_mm2",
        "Ellipse area",
        "pi/4 times long times short diameter, a reader's area.",
        "mm2",
        None,
        OWN,
        _FILM,
    ),
    (
        "magnification",
        "Magnification",
        "Length at the detector over length in the object's plane.",
        "",
        None,
        OWN,
        _FILM,
    ),
    (
        "size_plane",
        "Plane of sizes",
        "object (known depth), palm (15 mm above the detector assumed) or detector.",
        "",
        None,
        OWN,
        _FILM,
    ),
)

_SHAPE = _group(
    "shape",
    ("elongation", "Elongation", "Minor over major axis: 1 is round, small is long.", "", None, IBSI, _ALL),
    ("flatness", "Flatness", "Least over major axis: small is flat.", "", None, IBSI, _3D),
    ("sphericity", "Sphericity", "From mesh volume and area; about 0.93 for a sphere on a grid.", "", None, IBSI, _3D),
    ("surface_to_volume_per_mm", "Surface to volume", "Mesh area over mesh volume.", "/mm", None, IBSI, _3D),
    ("compactness_1", "Compactness 1", "Mesh volume over sqrt(pi) area^1.5.", "", None, IBSI, _3D),
    ("compactness_2", "Compactness 2", "36 pi volume^2 over area^3.", "", None, IBSI, _3D),
    ("solidity", "Solidity", "Mesh volume over the volume of its convex hull.", "", None, IBSI, _3D),
    (
        "com_shift_mm",
        "Centre shift",
        "Distance from the mask's centre to that of its grey levels.",
        "mm",
        None,
        IBSI,
        _3D,
    ),
    ("integrated_intensity", "Integrated intensity", "Mean grey level times mesh volume.", "", None, IBSI, _3D),
    ("thickness_mm", "Thickness", "Median way through the body along its normals.", "mm", None, OWN, _3D),
    ("max_thickness_mm", "Largest thickness", "95th percentile of that way.", "mm", None, OWN, _3D),
    ("euler_number", "Euler number", "Pieces minus loops plus hollows (corners connect).", "", None, OWN, _3D),
    ("loops", "Loops", "Loops of a net: 1 minus the Euler number, at least 0.", "", None, OWN, _3D),
    ("roughness", "Roughness", "Mesh area over the area of its convex hull.", "", None, OWN, _3D),
)

_DENSITY = _group(
    "density",
    ("mean_hu", "Mean HU", "Mean CT number of the mask.", "[hnsf'U]", None, IBSI, _CT),
    ("max_hu", "Maximal HU", "Largest CT number of the mask.", "[hnsf'U]", None, IBSI, _CT),
    ("min_hu", "Minimal HU", "Smallest CT number of the mask.", "[hnsf'U]", None, IBSI, _CT),
    ("sd_hu", "SD of HU", "Standard deviation within the mask (N-1).", "[hnsf'U]", None, OWN, _CT),
    ("median_hu", "Median HU", "Median CT number of the mask.", "[hnsf'U]", None, IBSI, _CT),
    ("p10_hu", "10th percentile", "10th percentile of the mask.", "[hnsf'U]", None, IBSI, _CT),
    ("p90_hu", "90th percentile", "90th percentile of the mask.", "[hnsf'U]", None, IBSI, _CT),
    ("background_hu", "Background", "CT number of the tissue around.", "[hnsf'U]", None, OWN, _CT),
    ("plateau_hu", "Plateau", "The deposit's own CT number, partial volume taken out.", "[hnsf'U]", None, OWN, _CT),
    ("noise_hu", "Noise", "Standard deviation of the tissue around.", "[hnsf'U]", None, OWN, _CT),
    ("density_grade", "Density grade", "0 to 3 by the plateau: below 150, 400, 800 HU, and above.", "", None, OWN, _CT),
    (
        "integrated_hu_mm3",
        "Integrated HU",
        "CT number above the background, summed over deposit and shell.",
        "[hnsf'U].mm3",
        None,
        OWN,
        _CT,
    ),
    ("mass_mg", "Mass", "Hydroxyapatite, with a calibration only.", "mg", DCM_MASS, OWN, _CT),
    ("mass_lower_mg", "Mass, lower", "Lower end of its 95 % interval.", "mg", None, OWN, _CT),
    ("mass_upper_mg", "Mass, upper", "Upper end of its 95 % interval.", "mg", None, OWN, _CT),
    ("mean_signal", "Mean signal", "Mean MR signal of the mask.", "", None, OWN, _MR),
    ("background_signal", "Background signal", "MR signal of the tissue around.", "", None, OWN, _MR),
    ("signal_ratio", "Signal ratio", "The deposit's own signal over that of the tissue around.", "", None, OWN, _MR),
    ("dense_share", "Dense share", "Part of the inner voxels above 500 HU: chalk.", "", None, OWN, _CT),
    (
        "heterogeneity",
        "Heterogeneity",
        "Spread of the smoothed inner voxels over the contrast.",
        "",
        None,
        OWN,
        _3D,
    ),
)

_PLACE = _group(
    "place",
    ("centroid_r_mm", "Centre R", "Centre of the mask, RAS.", "mm", None, OWN, _3D),
    ("centroid_a_mm", "Centre A", "Centre of the mask, RAS.", "mm", None, OWN, _3D),
    ("centroid_s_mm", "Centre S", "Centre of the mask, RAS.", "mm", None, OWN, _3D),
    ("u_px", "Centre u", "Centre of the shadow, columns from 0.", "px", None, OWN, _FILM),
    ("v_px", "Centre v", "Centre of the shadow, rows from 0.", "px", None, OWN, _FILM),
    ("site", "Site", "Nearest bone.", "", None, OWN, _ALL),
    ("digit", "Digit", "1 (thumb) to 5, metacarpals included; empty at the wrist.", "", None, OWN, _ALL),
    ("part", "Part", "joint or shaft: beyond half the bone's half length, or not.", "", None, OWN, _3D),
    ("aspect", "Aspect", "Side of the bone: volar, dorsal, radial or ulnar.", "", None, OWN, _3D),
    ("depth_skin_mm", "Depth", "Shortest way from the deposit to the skin.", "mm", None, OWN, _3D),
    ("distance_bone_mm", "Distance to bone", "Shortest way from the deposit to bone.", "mm", None, OWN, _3D),
    ("touches_bone", "Touches bone", "Whether a voxel of bone is a neighbour of the deposit's.", "", None, OWN, _3D),
    ("bone_contact_area_mm2", "Contact with bone", "Area shared with bone.", "mm2", None, OWN, _3D),
    ("nearest_joint", "Nearest joint", "Name of the nearest joint.", "", None, OWN, _3D),
    (
        "distance_joint_mm",
        "Distance to joint",
        "Shortest way from the deposit to the joint's middle.",
        "mm",
        None,
        OWN,
        _3D,
    ),
)

_KIND = _group(
    "kind",
    ("form", "Form", "stone, plate, net, stippled or unknown.", "", None, OWN, _3D),
    ("form_probability", "Form, probability", "Probability of the likeliest form.", "", None, OWN, _3D),
    ("consistency", "Consistency", "chalk, paste, mixed or unknown.", "", None, OWN, _3D),
    (
        "consistency_probability",
        "Consistency, probability",
        "Probability of the likeliest consistency.",
        "",
        None,
        OWN,
        _3D,
    ),
)

_NOTE = _group("note", ("note", "Note", "Why a cell is empty or a value less certain.", "", None, OWN, _ALL))

MEASURES: tuple[Measure, ...] = _SIZE + _SHAPE + _DENSITY + _PLACE + _KIND + _NOTE
"""All measures in the order of the table's columns."""

COLUMNS: tuple[str, ...] = ("deposit_id", *(measure.key for measure in MEASURES))
"""Keys of a row of `quantify`, in order."""


def markdown_table() -> str:
    """The measures as a Markdown table (docs/morphology.md holds it; a test keeps them equal)."""
    lines = ["| column | unit | applies to | what it is | source | code |", "|---|---|---|---|---|---|"]
    for measure in MEASURES:
        code = "" if measure.code is None else f"{measure.code[1]} {measure.code[0]}"
        cells = (
            f"`{measure.key}`",
            measure.unit,
            ", ".join(measure.modalities),
            measure.description,
            measure.source,
            code,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
