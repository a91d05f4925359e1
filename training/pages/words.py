"""The words of made pages: language, names, numbers, dates, codes, punctuation. Knows nothing of faces or layout.

A `Vocabulary` holds the word lists, most frequent first; `Vocabulary.load` takes them from the package wordfreq.
A `Writer` draws text from it for one page: its words come by a flattened frequency, so rare ones come often.
"""

from __future__ import annotations

import random
import string
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

LANGUAGES = {"en": 60, "de": 9, "fr": 9, "es": 7, "it": 5, "pt": 3, "pl": 3, "nl": 2, "sv": 1, "cs": 1}
LETTERS = {
    "de": "äöüßÄÖÜ", "fr": "àâçéèêëîïôùûœÉÀ", "es": "áéíñóúü¿¡", "it": "àèéìòù", "pt": "ãõáâàçéêíóôú",
    "pl": "ąćęłńóśźżŁŚŻ", "nl": "éëï", "sv": "åäöÅÄÖ", "cs": "áčďéěíňóřšťúůýžČŘŠŽ",
}  # fmt: skip
MONTHS = "January February March April May June July August September October November December"
UNITS = "kg km m² mm cm kWh GW MW °C °F GB MB ms Hz kHz dB ppm bps bn m k pts t/yr kg/m³ USD EUR GBP CHF PLN JPY"
ONSETS = "b c d f g h j k l m n p qu r s t v w x z bl br ch cl cr dr fl gl gr pl pr sc sh sk sl sn sp st str th tr tw"
VOWELS = "a e i o u y ai au ea ee ei ie io oa oo ou"
CODAS = "b c d f g k l m n p r s t x ck ct ft ld lk ll lt mp nd ng nk nt pt rd rk rm rn rt sh sk ss st th"
FIRMS = "Inc. Ltd GmbH AG S.A. plc LLC Group"
TLDS = "com org de eu net io co.uk fr"
# What is spelled rather than read: 9 is a digit, % a capital, ~ a word, ^ a host on the net.
CODES = (
    "%%-999", "%%-99999/%", "%%9999-01", "%9%%99", "%%%%9999%", "9%9%9%99", "99-9999999", "%999", "#999", "9999-99",
    "+99 999 999 9999", "(999) 999-9999", "0999/999999", "999-999-9999", "~@^", "~.~@^", "~_~@^", "www.^",
    "https://^/~", "http://www.^/9999", "9.9", "9.9", "9.9.9", "9.99.9.9", "99.9", "§ 99", "No. 999", "Art. 9", "p. 99",
    "Fig. 9", "99:99", "9:99 am", "9:99 pm", "99:99 h", "[9]", "[99]", "(9)", "(99)", "(a)", "(ii)", "9/9", "99/16",
    "~®", "~™", "© 2099",
)  # fmt: skip
PUNCTUATED = (
    "~ –",
    "~ —",
    "~/^",
    "~ &",
    "~ +",
    "~ =",
    "~…",
    "~*",
    "~¹",
    "~²",
    "~†",
    "~ | ^",
    "~ <",
    "~ >",
    "_~_",
    "~•^",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Word lists by language code, the most frequent word first."""

    words: Mapping[str, Sequence[str]]
    _sums: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, words: Mapping[str, Sequence[str]]) -> Vocabulary:
        """The vocabulary of these lists."""
        sums = {code: list(accumulate((rank + 30.0) ** -0.75 for rank in range(len(w)))) for code, w in words.items()}
        return cls(words, sums)

    @classmethod
    @cache
    def load(cls) -> Vocabulary:
        """The lists of wordfreq (`pip install wordfreq`): 80,000 English words, 30,000 of each other language."""
        from wordfreq import top_n_list

        lists = {code: top_n_list(code, 80_000 if code == "en" else 30_000) for code in LANGUAGES}
        return cls.of({code: [w for w in words if _plain(w)] for code, words in lists.items()})

    def draw(self, rng: random.Random, language: str) -> str:
        """One word of `language`, lower case."""
        sums = self._sums[language]
        return self.words[language][bisect(sums, rng.random() * sums[-1], 0, len(sums) - 1)]


def _plain(word: str) -> bool:
    return len(word) <= 24 and word.replace("'", "").replace("-", "").isalpha() and all(ord(c) < 0x180 for c in word)


class Writer:
    """Writes text of one language for one page. Every call draws on `rng`."""

    def __init__(self, rng: random.Random, vocabulary: Vocabulary) -> None:
        self.rng = rng
        self.vocabulary = vocabulary
        codes = [c for c in LANGUAGES if c in vocabulary.words]
        self.language = rng.choices(codes, [LANGUAGES[c] for c in codes])[0]
        self.numbers = rng.choice((0.02, 0.05, 0.1, 0.2))  # share of the tokens of running text
        self.made_up = rng.choice((0.02, 0.05, 0.1))
        self.point, self.comma = (".", ",") if self.language == "en" or rng.random() < 0.3 else (",", rng.choice(". "))
        self.quotes = rng.choice(("''", '""', "“”", "‘’", "„“", "«»"))
        self.apostrophe = rng.choice("'’")
        self.currency = rng.choice(("$", "€", "£", "US$", "", "EUR", "CHF", "zł"))

    @property
    def letters(self) -> str:
        """The letters beyond ASCII that the language needs."""
        return LETTERS.get(self.language, "")

    def word(self) -> str:
        """One word, lower case but for what the language or chance capitalises."""
        rng, roll = self.rng, self.rng.random()
        if roll < self.made_up:
            return "".join(self._syllable() for _ in range(rng.randint(1, 4)))
        word = self.vocabulary.draw(rng, self.language).replace("'", self.apostrophe)
        if roll < 0.82:
            return word.capitalize() if self.language == "de" and roll > 0.6 else word
        if roll < 0.93:
            return word.capitalize()  # a name
        if roll < 0.96:
            return word.upper()
        if roll < 0.98:
            return f"{word}-{self.vocabulary.draw(rng, self.language)}"
        return "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.randint(2, 5)))

    def _syllable(self) -> str:
        return self._of(ONSETS) + self._of(VOWELS) + (self._of(CODAS) if self.rng.random() < 0.8 else "")

    def words(self, count: int) -> str:
        """So many words."""
        return " ".join(self.word() for _ in range(count))

    def title(self, low: int = 1, high: int = 6) -> str:
        """A heading: some words in one of the ways headings are capitalised."""
        rng = self.rng
        text = self.words(rng.randint(low, high))
        if rng.random() < 0.12:
            text += f" {self.number() if rng.random() < 0.5 else self.year()}"
        roll = rng.random()
        if roll < 0.2:
            return text.upper()
        if roll < 0.5:
            return " ".join(w[:1].upper() + w[1:] for w in text.split(" "))
        return text[:1].upper() + text[1:]

    def name(self) -> str:
        """A person's or a company's name."""
        rng = self.rng
        one, two = (self.vocabulary.draw(rng, self.language).capitalize() for _ in range(2))
        if rng.random() < 0.4:
            return f"{one} {self._of(FIRMS)}"
        return f"{one} {rng.choice(string.ascii_uppercase)}. {two}" if rng.random() < 0.3 else f"{one} {two}"

    def year(self) -> str:
        """A year, alone or in one of its forms."""
        year = self.rng.choice((self.rng.randint(1990, 2026), self.rng.randint(1800, 2060)))
        short = f"{year % 100:02d}"
        forms = (f"FY{short}", f"{year}/{short}", f"Q{year % 4 + 1}", f"’{short}", f"{year - 1}–{short}")
        return str(year) if self.rng.random() < 0.6 else self.rng.choice(forms)

    def digits(self, count: int) -> str:
        """So many digits, the first not zero."""
        return str(self.rng.randint(10 ** (count - 1), 10**count - 1))

    def integer(self, low: int = 1, high: int = 9) -> str:
        """An integer of `low` to `high` digits with separators."""
        text = self.digits(self.rng.randint(low, high))
        if len(text) < 4 or self.rng.random() < 0.1:
            return text
        head = len(text) % 3
        groups = ([text[:head]] if head else []) + [text[i : i + 3] for i in range(head, len(text), 3)]
        return self.comma.join(groups)

    def amount(self) -> str:
        """A figure of a table: an integer, a decimal, a negative, a percentage."""
        rng, roll = self.rng, self.rng.random()
        if roll < 0.4:
            return self.integer(1, 8)
        if roll < 0.62:
            return f"{self.integer(1, 5)}{self.point}{rng.randint(0, 99):02d}"
        if roll < 0.74:
            return f"({self.integer(1, 6)})"
        if roll < 0.79:
            return rng.choice("-–−") + self.integer(1, 5)
        if roll < 0.9:
            return self.percent()
        return rng.choice(("–", "—", "-", "n/a", "0", f"{rng.randint(0, 9)}{self.point}{rng.randint(0, 9)}", "*", "nm"))

    def percent(self) -> str:
        """A percentage."""
        number = str(self.rng.randint(0, 120))
        if self.rng.random() < 0.6:
            number += f"{self.point}{self.rng.randint(0, 99)}"
        return self.rng.choice((f"{number}%", f"{number}%", f"{number} %", f"({number}%)", f"+{number}%"))

    def money(self) -> str:
        """An amount with its currency."""
        number = self.integer(1, 8) + (f"{self.point}{self.rng.randint(0, 99):02d}" if self.rng.random() < 0.5 else "")
        sign = self.currency
        return f"{sign}{number}" if sign in ("$", "£", "US$") else f"{number} {sign or '€'}"

    def date(self) -> str:
        """A date in one of many forms."""
        rng = self.rng
        day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1950, 2030)
        name = MONTHS.split()[month - 1] if self.language == "en" else self.vocabulary.draw(rng, self.language)
        return rng.choice((
            f"{day} {name} {year}", f"{name} {day}, {year}", f"{name[:3]} {day}", f"{name[:3]}-{year % 100:02d}",
            f"{day:02d}/{month:02d}/{year}", f"{month}/{day}/{year % 100:02d}", f"{day:02d}.{month:02d}.{year}",
            f"{year}-{month:02d}-{day:02d}", f"{name} {year}", f"{day:02d}-{name[:3].upper()}-{year}",
        ))  # fmt: skip

    def code(self) -> str:
        """A reference, telephone number, address of the net, section number: what is spelled, not read."""
        rng = self.rng
        if rng.random() < 0.12:
            return f"{rng.randint(1, 999)}{rng.choice(('', ' '))}{self._of(UNITS)}"
        return "".join(self._filled(sign) for sign in rng.choice(CODES))

    def _filled(self, sign: str) -> str:
        if sign == "9":
            return str(self.rng.randint(0, 9))
        if sign == "%":
            return self.rng.choice(string.ascii_uppercase)
        if sign == "~":
            return self.vocabulary.draw(self.rng, self.language)
        if sign == "^":
            return f"{self.vocabulary.draw(self.rng, self.language)}.{self._of(TLDS)}"
        return sign

    def _of(self, words: str) -> str:
        return self.rng.choice(words.split())

    def number(self) -> str:
        """A number of any kind that stands in running text."""
        makers = (self.integer, self.amount, self.percent, self.money, self.date, self.year, self.year, self.code)
        return self.rng.choice(makers)()

    def sentence(self, low: int = 4, high: int = 24) -> str:
        """A sentence with punctuation as in text."""
        rng = self.rng
        parts = []
        for _ in range(rng.randint(low, high)):
            part = self.number() if rng.random() < self.numbers else self.word()
            roll = rng.random()
            if roll < 0.07:
                part += ","
            elif roll < 0.085:
                part += rng.choice(";:")
            elif roll < 0.1:
                part = f"({part})"
            elif roll < 0.112:
                part = f"{self.quotes[0]}{part}{self.quotes[1]}"
            elif roll < 0.122:
                part = rng.choice(PUNCTUATED).replace("~", part).replace("^", self.word())
            parts.append(part)
        text = " ".join(parts)
        return text[:1].upper() + text[1:] + rng.choices((".", "?", "!", ":", ".”"), (20, 1, 1, 1, 0.3))[0]

    def paragraph(self, sentences: int) -> str:
        """So many sentences."""
        return " ".join(self.sentence() for _ in range(sentences))

    def label(self) -> str:
        """A short name for a row, a field or an axis."""
        rng, roll = self.rng, self.rng.random()
        text = self.words(rng.choice((1, 1, 2, 2, 3, 4)))
        if roll < 0.6:
            text = text[:1].upper() + text[1:]
        if roll > 0.94:
            text += rng.choice((" (1)", " *", f" {self.year()}", f" ({self.currency or '%'})", " †", ":"))
        return text
