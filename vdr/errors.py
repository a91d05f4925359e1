"""The errors vdr raises. Each message says what happened, to which file, and the way out.

VdrError
├── DocumentError         a file cannot be indexed (it names the file and the reason)
├── EncoderError          an encoder cannot be loaded or used
│   └── EncoderMismatch   the corpus was made with another encoder (it names both)
├── CorpusError           the corpus cannot be opened, read or written
│   └── NotFound          no such document or page in this corpus
├── ExportError           a corpus cannot be handed over in another format
├── QueryError            the query or its options cannot be used
├── ServiceError          a service on the network gives no useful answer
└── JudgementError        a set of judged queries cannot be used
"""


class VdrError(Exception):
    """Anything that vdr refuses to do, said in one clear line."""


class DocumentError(VdrError):
    """A file cannot be indexed.

    Args:
        path: The file, as the user named it.
        reason: What is wrong with it, as the end of a sentence: "is encrypted".
        advice: The way out, as a sentence of its own.
    """

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(f"{path} {reason}. {advice}")
        self.path = path
        self.reason = reason
        self.advice = advice


class EncoderError(VdrError):
    """An encoder cannot be loaded or used."""


class EncoderMismatch(EncoderError):
    """The corpus holds vectors of another encoder than the one that was asked for."""


class CorpusError(VdrError):
    """The corpus cannot be opened, read or written."""


class NotFound(CorpusError):
    """There is no such document or page in this corpus."""


class ExportError(VdrError):
    """A corpus cannot be handed over in another format."""


class QueryError(VdrError):
    """The query or its options cannot be used."""


class ServiceError(VdrError):
    """A service on the network gives no useful answer."""


class JudgementError(VdrError):
    """A set of judged queries cannot be used."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or the error's type if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
