# ruff: noqa: INP001 - a script beside the notebooks, no package
"""Run the notebooks from the top and write them back with what they show.

``make notebooks`` runs this. What is written depends on the notebook and the package alone: no
times, no versions, no names of machines. The interactive page keeps its text only, because code
hosts do not run it and it would weigh more than all the rest.
"""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parent / "output" / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COLORS = 160
TIMEOUT = 300  # seconds a cell


def run(path: Path, *, folder: Path = HERE) -> nbformat.NotebookNode:
    """The notebook with the outputs of a run from the top, in ``folder``.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # it warns of its ports, which are loopback's
    )
    client.execute()
    return notebook


def normalize(notebook: nbformat.NotebookNode) -> None:
    """Leave out of ``notebook`` what differs from run to run, and the interactive page."""
    notebook.metadata = METADATA
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "<iframe" in data.get("text/html", ""):
                output.data = {"text/plain": data["text/plain"]}
            if "image/png" in data:
                data["image/png"] = _smaller(data["image/png"])


def keep_pictures(notebook: nbformat.NotebookNode, name: str, folder: Path = PICTURES) -> None:
    """Write each picture of ``notebook`` into ``folder``, as ``NAME-1.png`` and so on."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    drawn = [data["image/png"] for o in outputs if "image/png" in (data := o.get("data", {}))]
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(drawn, start=1):
        (folder / f"{name}-{number}.png").write_bytes(b64decode(picture))


def _smaller(picture: str) -> str:
    """A picture of a few flat colors and their mixtures, with a palette: a third of the size."""
    stream = BytesIO()
    drawn = Image.open(BytesIO(b64decode(picture))).convert("RGB")
    drawn.quantize(COLORS, dither=Image.Dither.NONE).save(stream, "png", optimize=True)
    return b64encode(stream.getvalue()).decode("ascii")


def main(paths: list[Path]) -> None:
    """Run and rewrite ``paths``, or every notebook beside this file."""
    for path in paths or sorted(HERE.glob("*.ipynb")):
        notebook = run(path)
        normalize(notebook)
        keep_pictures(notebook, path.stem)
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
        sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
