"""Write the CMake lists anew from the files on disk: what is not listed is not installed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "CalcinosisImaging"
TESTS = ROOT / "Testing" / "Python"
RESOURCES = (".ui", ".png", ".svg", ".json")


def files(folder, suffixes):
    found = [p for p in folder.rglob("*") if p.suffix in suffixes and "__pycache__" not in p.parts]
    return sorted(p.relative_to(folder).as_posix() for p in found)


def listed(name, entries):
    return f"set({name}\n" + "".join(f"  {entry}\n" for entry in entries) + "  )\n"


def module_lists():
    """The content of CalcinosisImaging/CMakeLists.txt."""
    return (
        "# Written by `make lists` from the files on disk.\n\n"
        + listed("MODULE_PYTHON_SCRIPTS", files(MODULE, {".py"}))
        + "\n"
        + listed("MODULE_PYTHON_RESOURCES", files(MODULE, set(RESOURCES)))
        + "\nslicerMacroBuildScriptedModule(\n"
        "  NAME CalcinosisImaging\n"
        "  SCRIPTS ${MODULE_PYTHON_SCRIPTS}\n"
        "  RESOURCES ${MODULE_PYTHON_RESOURCES}\n"
        "  WITH_GENERIC_TESTS\n"
        "  )\n\n"
        "if(BUILD_TESTING)\n"
        "  slicer_add_python_unittest(SCRIPT CalcinosisImaging.py)\n"
        "endif()\n"
    )


def test_lists():
    """The content of Testing/Python/CMakeLists.txt."""
    scripts = files(TESTS, {".py"})
    tests = [name for name in scripts if name.startswith("test_") and not runs_outside_only(TESTS / name)]
    lines = "".join(f"slicer_add_python_unittest(SCRIPT {name})\n" for name in tests)
    return f"# Written by `make lists` from the files on disk.\n\n{lines}"


def runs_outside_only(path):
    """Tests of the stand-ins and of the command line's processes make no sense inside Slicer."""
    return "OUTSIDE_SLICER_ONLY" in path.read_text(encoding="utf-8")


TARGETS = {MODULE / "CMakeLists.txt": module_lists, TESTS / "CMakeLists.txt": test_lists}

if __name__ == "__main__":
    for path, content in TARGETS.items():
        path.write_text(content(), encoding="utf-8")
