#!/usr/bin/env python3
"""Verify a trail that `cellbank trail export` wrote, with nothing but Python's standard library.

    python3 verify_trail.py trail.jsonl [HEAD …]

Prints OK with the head of each site's chain, or the first line that is wrong. A HEAD is `site:number:digest` as an
earlier export printed it: the chain must still pass through it. Without one, a trail that was rewritten from some
point on, seals and all, looks sound; so write the heads down where nobody who can reach the database can change them.

Each line is one act with the changes that it made, as texts exactly as the database sealed them. Its content is every
field of the act, then every field of its changes, each as a netstring (`length:bytes,`; `~,` for no value). The seal of
act n of a site is sha256(seal n-1 || sha256(content)), the seal before the first being 32 zero bytes.
"""

import hashlib
import json
import sys
from collections.abc import Iterable

ACT_FIELDS = 16
TOLD_FIELDS = 2  # more of an act that says when it happened, and why that was entered late
CHANGE_FIELDS = 5
START = (0, bytes(32).hex())


class Bad(Exception):
    """The trail is not as it was sealed."""


def netstring(field: str | None) -> bytes:
    """One field, marked off so that no two lists of fields look the same."""
    if field is None:
        return b"~,"
    data = field.encode()
    return b"%d:%s," % (len(data), data)


def seal(previous: str, act: list, changes: list) -> str:
    """The seal of an act, from the one before it and everything that the act is and did."""
    content = hashlib.sha256()
    for field in act:
        content.update(netstring(field))
    for change in changes:
        for field in change:
            content.update(netstring(field))
    return hashlib.sha256(bytes.fromhex(previous) + content.digest()).hexdigest()


def read_line(line: bytes) -> dict:
    """The line as an object, if it is written exactly as the export writes it."""
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise Bad(f"cannot be read: {error}") from None
    if not isinstance(value, dict) or written(value) != line:
        raise Bad("is not written as the export writes it")
    return value


def written(value: dict) -> bytes:
    """The only way in which an export writes a line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"


def check_act(line: dict, heads: dict) -> None:
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


def check_end(line: dict, heads: dict, acts: int, file_digest: str) -> None:
    """The last line tells what came before it, so that an export that was cut short is found."""
    told = {"acts": acts, "heads": {str(site): list(head) for site, head in heads.items()}, "sha256": file_digest}
    if line != {"end": told}:
        raise Bad("the last line does not fit the lines before it")


def verify(lines: Iterable[bytes], expected: Iterable[str] = ()) -> dict:
    """The heads of the chains, as site -> (number, digest). Raises Bad, naming the first line that is wrong."""
    heads: dict = {}
    wanted = {tuple(head.rsplit(":", 1)) for head in expected}
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
                wanted.discard((f"{value['site']}:{value['number']}", value["digest"]))
        except Bad as problem:
            raise Bad(f"line {place}: {problem}") from None
        file_digest.update(line)
        acts += 1
    if not ended:
        raise Bad(f"line {place}: the export ends here, without its last line")
    if wanted:
        raise Bad(f"the chain does not pass through {', '.join(sorted(':'.join(head) for head in wanted))}")
    return heads


def main(arguments: list) -> int:
    """Exit status 0: sound; 1: not; 2: wrong use."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(arguments[0], "rb") as file:
            heads = verify(file, arguments[1:])
    except Bad as problem:
        print(f"NOT SOUND: {problem}")
        return 1
    print("OK", *(f"{site}:{number}:{digest}" for site, (number, digest) in sorted(heads.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
