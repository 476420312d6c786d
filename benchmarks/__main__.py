"""Run every measurement at its small size: ``python -m benchmarks`` (``make bench``)."""

import subprocess
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
    sys.stdout.write(f"\n== {path.stem} ==\n")
    sys.stdout.flush()
    subprocess.run([sys.executable, str(path)], check=False)
