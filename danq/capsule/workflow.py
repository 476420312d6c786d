"""Where the workflow that comes with danq lies."""

from pathlib import Path

import danq


def workflow_folder() -> Path:
    """Folder of the Snakefile: inside of what was installed, or of the checkout that danq runs from."""
    package = Path(danq.__file__).parent
    installed = package / "workflow"
    return installed if installed.is_dir() else package.parent / "workflow"
