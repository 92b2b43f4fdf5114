"""How easily an English text is read."""

from __future__ import annotations

import re

LEAST_EASE = 30.0
"""Below it, in Flesch's own table, prose is "very difficult": that of scientific journals. What a
fraud analyst reads hundreds of times a day must not be."""

_SENTENCE_END = re.compile(r"[.!?]+[\"”’)]*(?:\s+|$)")
_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?|\d[\d.,:]*")
_VOWELS = re.compile(r"[aeiouyà-öø-ÿ]+", re.IGNORECASE)
_SILENT_E = re.compile(r"(?<![aeiouyl])e$|(?<=[aeiouy][^aeiouytd])ed$", re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """A text's sentences. A point inside a figure ends none."""
    return [part for part in _SENTENCE_END.split(text) if part.strip()]


def words(text: str) -> list[str]:
    """A text's words; a figure is one."""
    return _WORD.findall(text)


def syllables(word: str) -> int:
    """Syllables of a word, by its groups of vowels; a figure counts as one, as Flesch has it."""
    if word[0].isdigit():
        return 1
    return max(1, len(_VOWELS.findall(_SILENT_E.sub("", word))))


def reading_ease(text: str) -> float:
    """Flesch's reading ease: about 100 for very easy prose, 60 to 70 for plain English, below 30
    for very difficult one; 0 for a text without words.

    206.835 − 1.015 · (words / sentences) − 84.6 · (syllables / words). Source: R. Flesch, "A new
    readability yardstick", Journal of Applied Psychology 32 (1948), 221–233.
    """
    found = words(text)
    if not found:
        return 0.0
    per_sentence = len(found) / max(1, len(sentences(text)))
    per_word = sum(syllables(word) for word in found) / len(found)
    return 206.835 - 1.015 * per_sentence - 84.6 * per_word
