"""The app on the default corpus (or `VDR_CORPUS`): `python app.py`, and what a Hugging Face Space runs."""

from vdr import ui
from vdr.corpus import Corpus

demo = ui.build(Corpus())

if __name__ == "__main__":
    ui.launch(demo)
