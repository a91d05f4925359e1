"""The picture of a page as every tab shows it."""

from __future__ import annotations

from typing import Any

import gradio as gr


def page_picture(elem_id: str, *, download: bool = True, **options: Any) -> gr.Image:
    """Return an image without label or frame, to look at in full size, and to download unless that is not wanted."""
    return gr.Image(
        type="pil",
        format="webp",
        show_label=False,
        container=False,
        interactive=False,
        buttons=["fullscreen", "download"] if download else ["fullscreen"],
        elem_id=elem_id,
        **options,
    )
