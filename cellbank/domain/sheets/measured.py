"""Whether a title tells of the temperature that was measured, or of another one: what was to be, what is around, what
may be, what was worked out. A title with a word that is in neither list is asked about, for nobody knows."""

import re

# Another temperature begins so, or no temperature at all.
_ANOTHER = (
    "set", "soll", "target", "ziel", "room", "raum", "ambient", "umgebung", "outdoor", "limit", "alarm", "min", "max",
    "high", "low", "avg", "average", "mean", "std", "dew", "taupunkt", "humid", "feucht", "unit", "einheit", "rate",
    "offset", "delta", "завдан", "задан", "уставк", "ціль", "кімнат", "навкол", "довкіл", "межа", "мін", "макс",
    "середн", "вологіс", "точка", "одиниц", "різниц", "тривог", "consign", "ambian", "zadan", "otoczen",
)  # fmt: skip
_ANOTHER_WORDS = {"sp", "sv", "rh"}
# Words that say no more than "the temperature, as it was measured".
_PLAIN = (
    "temp", "темп", "celsius", "centigrade", "fahrenheit", "kelvin", "цельс", "фаренг", "кельв", "deg", "град",
    "channel", "канал", "probe", "sensor", "датчик", "зонд", "measure", "виміря", "reading", "показ", "value", "знач",
    "messwert", "isttemp", "actual", "current", "sample", "зраз", "product", "продукт",
)  # fmt: skip
_PLAIN_WORDS = {"ch", "pv", "ist", "of", "the", "in"}
_OF_THE_LOGGER = re.compile(r"\([^)]*s/n[^)]*\)?", re.IGNORECASE)  # `(LGR S/N: 2099, LBL: tank)`
_SIGN_OF_DEGREES = re.compile("[º˚]")  # by their kind they are letters
_CAMEL = re.compile(r"(?<=[a-zа-яії])(?=[A-ZА-ЯІЇ])")


def is_another(title: str) -> bool:
    """Whether a title tells of another temperature than the measured one."""
    return any(word.startswith(_ANOTHER) or word in _ANOTHER_WORDS for word in _words(title))


def is_plain(title: str) -> bool:
    """Whether a title says nothing but that a temperature was measured."""
    words = _words(title)
    return all(word.startswith(_PLAIN) or word in _PLAIN_WORDS or len(word) == 1 for word in words)


def _words(title: str) -> list[str]:
    plain = _SIGN_OF_DEGREES.sub("°", _OF_THE_LOGGER.sub(" ", title))
    return re.findall(r"[^\W\d_]+", _CAMEL.sub(" ", plain).lower())
