#!/usr/bin/env python3
"""Verify a trail that `cellbank trail export` wrote, with nothing but Python's standard library.

    python3 verify_trail.py trail.jsonl [HEAD …] [--against HEADS [--public-key KEY]]

Prints OK with the head of each site's chain, or the first line that is wrong. A HEAD is `site:number:digest` as an
earlier export printed it: the chain must still pass through it. HEADS is the file to which the server adds signed heads
(`heads.jsonl`), KEY who signed it, as `cellbank trail key` printed it there; without KEY that of the export counts.
Without heads, a trail that was cut, or rewritten from some point on, seals and all, looks sound; so keep them where
nobody who can reach the database can change them.

Each line is one act with the changes that it made, as texts exactly as the database sealed them. Its content is every
field of the act, then every field of its changes, each as a netstring (`length:bytes,`; `~,` for no value). The seal of
act n of a site is sha256(seal n-1 || sha256(content)), the seal before the first being 32 zero bytes. A line of signed
heads holds the sha256 of the line before it, and an Ed25519 signature (RFC 8032) over all of it but the signature; so
the signature of the last line is over all of them.

Times: along a chain acts are recorded one after the other; an act says that it is of about the time at which it was
recorded, unless a story is played (which the trail tells); and what a line of heads has, and the line before has not,
was recorded between the two, by the clock of the database, to five minutes.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

ACT_FIELDS = 16
TOLD_FIELDS = 2  # more of an act that says when it happened, and why that was entered late
CHANGE_FIELDS = 5
ACT, AT, RECORDED_AT = 0, 11, 12  # which of the fields of an act
SLACK, LONGEST_ACT = timedelta(minutes=5), timedelta(hours=1, minutes=5)
HEAD_FIELDS = ["heads", "file", "number", "before", "key", "at", "database_at", "chains", "signature"]
START = (0, bytes(32).hex())

Act = dict[str, Any]  # a line of the export
Heads = dict[int, tuple[int, str]]  # by site: number and digest of the last act of its chain
Point = tuple[int, int, int, int]


class SignedHead(NamedTuple):
    """The head of a chain in a line of signed heads, and between which times what is new in it was recorded."""

    where: str
    site: int
    number: int
    digest: str
    since: datetime | None  # None: there is no line before
    until: datetime | None  # None: all that comes after the last line


class Bad(Exception):
    """The trail is not as it was sealed."""


def netstring(field: str | None) -> bytes:
    """One field, marked off so that no two lists of fields look the same."""
    if field is None:
        return b"~,"
    data = field.encode()
    return b"%d:%s," % (len(data), data)


def seal(previous: str, act: list[str | None], changes: list[list[str | None]]) -> str:
    """The seal of an act, from the one before it and everything that the act is and did."""
    content = hashlib.sha256()
    for field in act:
        content.update(netstring(field))
    for change in changes:
        for field in change:
            content.update(netstring(field))
    return hashlib.sha256(bytes.fromhex(previous) + content.digest()).hexdigest()


def read_line(line: bytes) -> Act:
    """The line as an object, if it is written exactly as the export writes it."""
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise Bad(f"cannot be read: {error}") from None
    if not isinstance(value, dict) or written(value) != line:
        raise Bad("is not written as the export writes it")
    return value


def written(value: Act) -> bytes:
    """The only way in which an export writes a line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"


def check_act(line: Act, heads: Heads) -> None:
    """The act follows the one before it in the chain of its site, and is what was sealed."""
    if list(line) != ["site", "number", "digest", "act", "changes"]:
        raise Bad("is not an act of the trail")
    number, digest = heads.get(line["site"], START)
    if line["number"] != number + 1:
        raise Bad(f"number {line['number']} of site {line['site']} follows number {number}: acts are missing or moved")
    told = any(is_fields(line["act"], count) for count in (ACT_FIELDS, ACT_FIELDS + TOLD_FIELDS))
    if not told or not all(is_fields(item, CHANGE_FIELDS) for item in line["changes"]):
        raise Bad("has not the fields of an act and its changes")
    if line["act"][1] != str(line["site"]) or seal(digest, line["act"], line["changes"]) != line["digest"]:
        raise Bad(f"act {line['act'][0]} ({line['act'][3]}) is not what was sealed")
    heads[line["site"]] = (line["number"], line["digest"])


def is_fields(item: object, count: int) -> bool:
    """A list of so many texts or nothings."""
    return isinstance(item, list) and len(item) == count and all(one is None or isinstance(one, str) for one in item)


class Times:
    """The times of the acts, one after the other: possible, and between those of the signed heads."""

    def __init__(self, signed: Iterable[SignedHead]) -> None:
        self._since: dict[tuple[int, int], datetime | None] = {}  # of the first act that a line has
        self._until: dict[tuple[int, int], datetime] = {}  # of the last one
        self._before: dict[int, datetime] = {}  # by site: when the act before was recorded
        self._played: int | None = None  # from this act on acts may be of any time
        self._raised: list[int] = []
        ends: dict[int, int] = {}
        for head in signed:
            end = ends.get(head.site, 0)
            if head.until is None:
                self._since[head.site, end + 1] = head.since
            elif head.number > end:
                self._since[head.site, end + 1], self._until[head.site, head.number] = head.since, head.until
                ends[head.site] = head.number

    def check(self, line: Act) -> None:
        """Raises Bad, naming the act whose time cannot be."""
        act, at, recorded_at = int(line["act"][ACT]), moment(line["act"][AT]), moment(line["act"][RECORDED_AT])
        before = self._before.get(line["site"], recorded_at)
        self._before[line["site"]] = recorded_at
        if recorded_at < before:
            raise Bad(f"act {act} says that it was recorded at {recorded_at}, and the one before it at {before}")
        self._is_between_heads(line, act, recorded_at)
        if self._played is None and any(change[1] == "played_time" for change in line["changes"]):
            self._played = act
        if self._played is not None and act >= self._played:
            return
        if at < recorded_at - LONGEST_ACT and recorded_at == before:
            self._raised.append(act)
        elif not recorded_at - LONGEST_ACT <= at <= recorded_at + SLACK:
            raise Bad(f"act {act} says that it is of {at}, and was recorded at {recorded_at}")

    def _is_between_heads(self, line: Act, act: int, recorded_at: datetime) -> None:
        place = line["site"], line["number"]
        since, until = self._since.get(place), self._until.get(place)
        if since is not None and recorded_at < since - SLACK:
            raise Bad(f"act {act} says that it was recorded at {recorded_at}: heads signed at {since} do not have it")
        if until is not None and recorded_at > until + SLACK:
            raise Bad(f"act {act} says that it was recorded at {recorded_at}: heads signed at {until} have it")

    def notes(self) -> list[str]:
        """What is no fault, and is to be known."""
        found = []
        if self._played is not None:
            found.append(f"A story is played here: from act {self._played} on acts may be of any time.")
        if self._raised:
            acts = f"{len(self._raised)} acts from act {min(self._raised)} on"
            found.append(f"{acts} bear the time of the one before them: the clock of the database was set back.")
        return found


def moment(text: str) -> datetime:
    """A time as the trail has it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def check_end(line: Act, heads: Heads, acts: int, file_digest: str) -> None:
    """The last line tells what came before it, so that an export that was cut short is found."""
    told = {"acts": acts, "heads": {str(site): list(head) for site, head in heads.items()}, "sha256": file_digest}
    if line != {"end": told}:
        raise Bad("the last line does not fit the lines before it")


def verify(
    lines: Iterable[bytes],
    expected: Iterable[str] = (),
    signed: Iterable[SignedHead] = (),
    notes: list[str] | None = None,
) -> Heads:
    """The heads of the chains, as site -> (number, digest). Raises Bad, naming the first line that is wrong. `signed`
    are heads as `read_heads` found them; `notes` gets what is no fault, and is to be known."""
    signed = list(signed)
    heads: Heads = {}
    wanted = {tuple(head.rsplit(":", 1)) for head in expected}
    held = {(head.site, head.number): (head.digest, head.where) for head in signed if head.until is not None}
    times = Times(signed)
    file_digest, acts, ended, place = hashlib.sha256(), -1, False, 0
    for place, line in enumerate(lines, start=1):
        try:
            value = read_line(line)
            if ended:
                raise Bad("comes after the end")
            if place == 1 and value.get("trail") != "cellbank":
                raise Bad("is not the beginning of an exported trail")
            if "end" in value:
                check_end(value, heads, acts, file_digest.hexdigest())
                ended = True
            elif place > 1:
                check_act(value, heads)
                times.check(value)
                wanted.discard((f"{value['site']}:{value['number']}", value["digest"]))
                digest, where = held.pop((value["site"], value["number"]), (value["digest"], ""))
                if digest != value["digest"]:
                    raise Bad(f"the chain of site {value['site']} was rewritten: {where} signed another seal")
        except Bad as problem:
            raise Bad(f"line {place}: {problem}") from None
        file_digest.update(line)
        acts += 1
    if not ended:
        raise Bad(f"line {place}: the export ends here, without its last line")
    if wanted:
        raise Bad(f"the chain does not pass through {', '.join(sorted(':'.join(head) for head in wanted))}")
    for (site, number), (_, where) in held.items():
        raise Bad(f"the chain of site {site} was shortened: {where} signed number {number}")
    if notes is not None:
        notes += times.notes()
    return heads


# --- the signed heads -------------------------------------------------------------------------


def read_heads(lines: Iterable[bytes], key: str, until: datetime | None = None) -> list[SignedHead]:
    """Every head in a file of signed heads, but those signed after `until`; last for each site what comes after all of
    them. Raises Bad, naming the first line that is not as the holder of this key wrote it. A line torn by a crash
    counts as written when the next one holds it."""
    found: list[SignedHead] = []
    since, latest = None, None  # a clock that was set back leaves more room
    last: dict[str, Any] = {"number": 0}
    before, torn = "0" * 64, 0
    ends: dict[str, Any] = {}
    for place, raw in enumerate(lines, start=1):
        line = head_line(raw)
        if line and line["before"] != before:
            where = torn or max(place - 1, 1)
            raise Bad(f"heads, line {where}: it was changed, or lines behind it were taken out or put in")
        if line and (line["number"] != last["number"] + 1 or line["file"] != last.get("file", line["file"])):
            raise Bad(f"heads, line {place}: it does not belong there")
        if line and line["key"] != key:
            raise Bad(f"heads, line {place}: it is signed with another key, {line['key']}")
        before = hashlib.sha256(raw.removesuffix(b"\n")).hexdigest()
        last, torn = (line, 0) if line else (last, torn or place)
        if line and (until is None or moment(line["database_at"]) <= until):
            at = moment(line["database_at"])
            since, latest = since and min(since, at), max(at, latest or at)
            for site, head in line["chains"].items():
                named = f"line {place} of the heads"
                found.append(SignedHead(named, int(site), head["number"], head["digest"], since, latest))
            since, ends = at, line["chains"]
    if torn or not last["number"]:
        raise Bad(f"heads, line {torn or 1}: it is no line as it was written")
    signature = last.pop("signature")
    if not is_signed(bytes.fromhex(key), compact(last), bytes.fromhex(signature)):
        raise Bad(f"heads, line {place}: its signature does not fit")
    rest = [SignedHead("", int(site), head["number"], head["digest"], since, None) for site, head in ends.items()]
    return found + rest


def head_line(raw: bytes) -> dict[str, Any] | None:
    """A line of the file, if it is written exactly as the server writes it."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(value, dict) and list(value) == HEAD_FIELDS and compact(value) == raw.removesuffix(b"\n")
    return value if is_one else None


def compact(value: dict[str, Any]) -> bytes:
    """The only way in which a line of heads is written."""
    return json.dumps(value, separators=(",", ":")).encode()


# Ed25519 as RFC 8032 gives it; a point is (x, y, z, t) with x/z, y/z on the curve and t = xy/z.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of this key signed the message."""
    if len(key) != 32 or len(signature) != 64:
        return False
    public, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if public is None or r is None or BASE is None or s >= ORDER:
        return False
    challenge = hashlib.sha512(signature[:32] + key + message).digest()
    left, right = times(s, BASE), plus(r, times(int.from_bytes(challenge, "little") % ORDER, public))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def point(data: bytes) -> Point | None:
    """The point with this y, and this bit of x; None where there is none."""
    number = int.from_bytes(data, "little")
    bit, y = number >> 255, number & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and bit):
        return None
    x = P - x if x & 1 != bit else x
    return x, y, 1, x * y % P


def plus(one: Point, other: Point) -> Point:
    """The sum of two points."""
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(count: int, one: Point) -> Point:
    """A point so many times."""
    total: Point = (0, 1, 1, 0)
    while count:
        if count & 1:
            total = plus(total, one)
        one, count = plus(one, one), count >> 1
    return total


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


# --- the command ------------------------------------------------------------------------------


def option(arguments: list[str], name: str) -> str | None:
    """What follows the name of an option; both are taken out."""
    if name not in arguments[:-1]:
        return None
    place = arguments.index(name)
    value = arguments[place + 1]
    del arguments[place : place + 2]
    return value


def signed_heads(trail: str, path: str, key: str | None) -> list[SignedHead]:
    """The heads in the file; the key is that of the export, if no other is given. Raises Bad."""
    with open(trail, "rb") as file:
        began = read_line(file.readline())
    key = key or str(began.get("key"))
    if len(key) != 64 or key.strip("0123456789abcdef"):
        raise Bad(f"{key} is no key, which has 64 digits and letters a-f")
    with open(path, "rb") as file:
        heads = read_heads(file, key, datetime.fromisoformat(began["exported_at"]))
    print(f"The heads in {path} are signed with {key}: compare it with the one that you know of.")
    return heads


def main(arguments: list[str]) -> int:
    """Exit status 0: sound; 1: not; 2: wrong use."""
    arguments = list(arguments)
    against, key = option(arguments, "--against"), option(arguments, "--public-key")
    if not arguments or any(one.startswith("--") for one in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    notes: list[str] = []
    try:
        signed = signed_heads(arguments[0], against, key) if against else ()
        with open(arguments[0], "rb") as file:
            heads = verify(file, arguments[1:], signed, notes)
    except (Bad, OSError) as problem:
        print(f"NOT SOUND: {problem}")
        return 1
    print(*(f"Note: {note}\n" for note in notes), sep="", end="", file=sys.stderr)
    print("OK", *(f"{site}:{number}:{digest}" for site, (number, digest) in sorted(heads.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
