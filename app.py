"""The app on the default corpus (or `VDR_CORPUS`): `python app.py`, and what a Hugging Face Space runs."""

import os
from pathlib import Path

from vdr import ui
from vdr.ui import gpu, space

encoders = (os.environ.get(name) for name in ("VDR_ENCODER", "VDR_TEXT_ENCODER", "VDR_DENSE_ENCODER"))
corpus = gpu.open_corpus(*encoders)
in_space = "SPACE_ID" in os.environ
demo = space.build(corpus, Path(__file__).with_name("sample_pdfs")) if in_space else ui.build(corpus)

if __name__ == "__main__":
    ui.launch(demo, max_file_size=space.FILE_SIZE if in_space else None)
