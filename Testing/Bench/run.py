"""All benchmarks, one after the other; results as Markdown in bench-results/."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parents[1] / "bench-results"


def main(names):
    """Run the named benchmarks (``ct`` for bench_ct.py), all if none is named."""
    sys.path[:0] = [str(HERE), str(HERE.parent / "Python"), str(HERE.parents[1] / "CalcinosisImaging")]
    RESULTS.mkdir(exist_ok=True)
    for path in sorted(HERE.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        if names and name not in names:
            continue
        print(f"## {name}\n", flush=True)
        table = importlib.import_module(path.stem).run()
        (RESULTS / f"{name}.md").write_text(table + "\n", encoding="utf-8")
        print(table + "\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
