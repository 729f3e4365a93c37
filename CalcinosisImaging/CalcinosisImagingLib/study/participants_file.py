"""``participants.tsv`` and ``study.json``: who takes part, and what the study is called."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from .names import safe_name

PARTICIPANT_ID = re.compile(r"sub-[A-Za-z0-9]+")
"""Ids go into results, so they may hold letters and digits only."""
COLUMNS = ("participant_id", "hand")
HANDS = ("left", "right", "both")
NOT_SAID = ("", "n/a")


def read_participants(path: Path, problems: list[str]) -> dict[str, str | None]:
    """Participant id -> hand (None where ``n/a``), in order of the file; further columns are not looked at.

    Whatever is wrong is appended to ``problems``, one sentence each.
    """
    text = _text(path, problems)
    if text is None:
        return {}
    rows = [row for row in csv.reader(io.StringIO(text), delimiter="\t") if any(cell.strip() for cell in row)]
    header = [cell.strip() for cell in rows[0]] if rows else []
    lacking = [column for column in COLUMNS if column not in header]
    if lacking:
        what = " and ".join(lacking)
        hint = "; separate columns by tabs" if len(header) == 1 and re.search("[,;]", header[0]) else ""
        problems.append(f"{path}: lacks the column {what} (found: {', '.join(header) or 'nothing'}); add it{hint}.")
        return {}
    at_id, at_hand = (header.index(column) for column in COLUMNS)
    hands: dict[str, str | None] = {}
    for line, row in enumerate(rows[1:], start=2):
        row = [*row, *[""] * len(header)]
        participant, hand = row[at_id].strip(), row[at_hand].strip().lower()
        if not PARTICIPANT_ID.fullmatch(participant):
            problems.append(
                f"{path}: row {line} has the participant_id {participant!r}; "
                "write sub- and letters or digits, like sub-01."
            )
        elif participant in hands:
            problems.append(f"{path}: {participant} is there twice; keep one row (hand both for two hands).")
        elif hand not in HANDS and hand not in NOT_SAID:
            problems.append(f"{path}: {participant} has the hand {hand!r}; write left, right, both or n/a.")
        else:
            hands[participant] = hand or None if hand in HANDS else None
    if not hands and len(rows) < 2:
        problems.append(f"{path}: lists no participant; add one row per participant.")
    return hands


def _text(path: Path, problems: list[str]) -> str | None:
    """The file's text: UTF-8 with or without byte order mark, or UTF-16 with one (as spreadsheets write it)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}: cannot be opened ({error.strerror}); allow reading it.")
        return None
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        problems.append(f"{path}: is not UTF-8 text; save it as tab-separated UTF-8.")
        return None


def read_study_name(path: Path, problems: list[str]) -> str:
    """Safe name of the study from ``study.json`` ("name"); "study" if the file is absent or has none."""
    if not path.is_file():
        return "study"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        problems.append(f"{path}: cannot be opened ({error.strerror}); allow reading it.")
        return "study"
    except ValueError:
        problems.append(f"{path}: is not JSON text; correct or remove it.")
        return "study"
    if not isinstance(content, dict):
        problems.append(f"{path}: holds {type(content).__name__}, not a JSON object; correct or remove it.")
        return "study"
    return safe_name(str(content.get("name", ""))) or "study"
