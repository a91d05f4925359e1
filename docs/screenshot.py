"""Take the pictures of the app: index the sample documents, serve them, search, look.

Writes `screenshot.png` (desktop), `screenshot-phone.png` and `screenshot-scan.png` (a page without a text layer) beside
this file. Needs Chromium on the PATH.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent
SAMPLE = DOCS.parent / "sample_pdfs" / "pdfs"
CASH = "How much cash did Quellmar's operations bring in, and what went into investments?"
PIANO = "Which invoice mentions a crack in the soundboard of the grand piano?"
PICTURES = {
    "screenshot.png": (CASH, 1400, 900),
    "screenshot-phone.png": (CASH, 390, 844),
    "screenshot-scan.png": (PIANO, 1400, 900),
}
SERVE = """
import sys
from vdr import Corpus, ui
corpus = Corpus(sys.argv[1])
corpus.add(sys.argv[2])
ui.serve(corpus, port=int(sys.argv[3]))
"""


def main() -> None:
    """Write the pictures."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE, f"{folder}/corpus", str(SAMPLE), str(port)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr
            while "answers at" not in (line := server.stderr.readline()):
                if not line:
                    sys.exit("the app did not start")
            try:
                photograph(f"http://127.0.0.1:{port}")
            finally:
                server.terminate()


def photograph(url: str) -> None:
    """Search in each size and write what is seen."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (question, width, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(url)
            query = page.locator("#query").locator("input, textarea")
            query.fill(question)
            query.press("Enter")
            page.locator("#hits .card").first.wait_for()
            page.wait_for_function("document.querySelector('#page img')?.complete")
            query.blur()
            page.wait_for_timeout(500)
            page.screenshot(path=DOCS / name)
        browser.close()


if __name__ == "__main__":
    main()
