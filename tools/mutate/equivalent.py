"""Faults that make no difference to anybody, by name, each with the reason: they count in no score.

A name is what the report prints, without the number of the line. One that names no fault any more is an error.
"""

_ROWS = "logger_rows.py RowReader"
_BECAUSE = {
    "The quick way through the rows: what it does not know goes the slow way, which comes to the same.": (
        f"{_ROWS}._read_rows: and is or: `columns.date is not None or columns.zone is not None` in "
        "joined = columns.date is not None or columns.zone is not None",
        f"{_ROWS}._read_rows: turned: `columns.date is not None` in "
        "joined = columns.date is not None or columns.zone is not None",
        f"{_ROWS}._read_rows: turned: `columns.zone is not None` in "
        "joined = columns.date is not None or columns.zone is not None",
        f"{_ROWS}._read_rows: always: `joined` in time = self._joined(cells) if joined else cells[time_at]",
        f"{_ROWS}._read_rows: never: `joined` in time = self._joined(cells) if joined else cells[time_at]",
        f"{_ROWS}._read_rows: one more: `13` in "
        "at, value = hours[time[:13]] + rests[time[13:]], values[cells[value_at]]",
        f"{_ROWS}._read_rows: always: `not usual` in if not usual:",
        f"{_ROWS}._value: always: `len(self.values) < MOST_REMEMBERED` in if len(self.values) < MOST_REMEMBERED:",
        f"{_ROWS}._value: moved: `len(self.values) < MOST_REMEMBERED` in if len(self.values) < MOST_REMEMBERED:",
    ),
    "Only for speed: what is in order is put in order, or what is told by one row is told by all of them.": (
        f"{_ROWS}.__init__: the other answer: `True` in self.in_order = True",
        f"{_ROWS}._read_rows: always: `at <= last` in if at <= last:",
        f"{_ROWS}.finished: always: `not self.in_order` in if not self.in_order:",
        f"{_ROWS}._ask: always: `self.doubled` in if self.doubled:",
        "sheets/readings.py in_order: never: `len(pieces) == 1` in "
        'return pieces[0] if len(pieces) == 1 else array("q", heapq.merge(*pieces))',
        'folding.py _latin: never: `text.isascii()` in return text if text.isascii() else "".join(map(_look, text))',
    ),
    "Any number that no count of rows is.": (
        f"{_ROWS}.read: one more: `1` in before, first = EARLIEST, -1",
    ),
    "Both are of one length always; `strict` is there for whoever changes that.": (
        f"{_ROWS}._tell_passes: the other answer: `True` in for place, second in zip(places, found, strict=True):",
    ),
    "Of two last lines the last one is shown as well.": (
        "logger_file.py _columns: one more: `1` in last = deque(filter(str.strip, stream), maxlen=1)",
    ),
    "Day 0 was refused above.": (
        "dose.py date_of_day: moved: `day > 0` in "
        "return first_infusion_on + timedelta(days=day - 1 if day > 0 else day)",
    ),
    "Only the exponent of that number is looked at.": (
        "quantities.py _plain: one more: `1` in return value.quantize(Decimal(1).scaleb(-_decimals(value))) + 0",
        "quantities.py millions: one more: `1` in "
        "rounded = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_HALF_UP)",
    ),
    "Microseconds of less than 285 years are exact as a float.": (
        "growth.py doubling_time_hours: counted otherwise: `elapsed // timedelta(microseconds=1)` in "
        "hours = Decimal(elapsed // timedelta(microseconds=1)) / (3600 * 10**6)",
    ),
}  # fmt: skip
EQUIVALENT = {name: reason for reason, names in _BECAUSE.items() for name in names}
