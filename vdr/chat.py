"""A chat model that sees pictures, behind any endpoint that speaks OpenAI's chat completions. Knows no corpus.

The user names it by environment variables; without them vdr sends nothing anywhere.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from vdr import web
from vdr.errors import ServiceError

URL, MODEL, KEY = "VDR_CHAT_URL", "VDR_CHAT_MODEL", "VDR_CHAT_KEY"
HOW_TO = (
    f"Set {URL} to an OpenAI-compatible endpoint (such as http://localhost:11434/v1), {MODEL} to a model there that "
    f"sees pictures and, where one is needed, {KEY} to its key; then start vdr again."
)
"""What to tell a user who has configured none."""
TIMEOUT = 180.0
"""Seconds to wait for an answer: a large model on a small machine takes long over a page."""
QUALITY = 80
"""Of the JPEGs that are sent."""

_PATH = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said.

    Attributes:
        text: Its answer.
        cut: It stopped at a limit of length, so the end is missing.
    """

    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Chat:
    """An endpoint and a model behind it.

    Attributes:
        url: The endpoint, with or without `/chat/completions`.
        model: The model's name there.
        key: What it wants as a bearer token; empty for none.
        timeout: Seconds to wait for an answer.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = TIMEOUT

    def reply(self, instruction: str, parts: Sequence[str | Image.Image]) -> Reply:
        """Return what the model answers.

        Args:
            instruction: What it is to do, as the system's message.
            parts: The user's message: texts and pictures in their order.

        Raises:
            ServiceError: The endpoint cannot be reached, refuses, or answers something else than a chat completion.
        """
        what = f"The chat model {self.model}"
        url = self.url.rstrip("/").removesuffix(_PATH) + _PATH
        messages = [
            {"role": "system", "content": instruction},
            {"role": "user", "content": [_part(part) for part in parts]},
        ]
        body = {"model": self.model, "messages": messages}
        return _reply(web.post(url, body, token=self.key, timeout=self.timeout, what=what), what)


def from_environment() -> Chat | None:
    """Return the chat model that the environment names, None if it names none.

    Raises:
        ServiceError: There is an endpoint but no model.
    """
    url, model, key = (os.environ.get(name, "").strip() for name in (URL, MODEL, KEY))
    if not url:
        return None
    if not model:
        raise ServiceError(f"{URL} is set, but {MODEL} is not. Set it to the name of a model there that sees pictures.")
    return Chat(url, model, key)


def _part(part: str | Image.Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = io.BytesIO()
    part.convert("RGB").save(data, "JPEG", quality=QUALITY)
    picture = base64.b64encode(data.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}}


def _reply(told: Any, what: str) -> Reply:
    try:
        choice = told["choices"][0]
        content = choice["message"]["content"]
        if isinstance(content, list):  # some servers answer in parts, as they are asked
            content = "".join(part["text"] for part in content if part.get("type") == "text")
        if not isinstance(content, str) and choice["message"].get("refusal"):
            raise ServiceError(f"{what} refuses to answer: {choice['message']['refusal']}")
        if not content.strip():
            raise ServiceError(f"{what} gave an empty answer. Ask again, or try another model.")
        return Reply(content.strip(), choice.get("finish_reason") == "length")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ServiceError(
            f"{what} answered, but not with a chat completion. Check that {URL} is an OpenAI-compatible endpoint."
        ) from error
