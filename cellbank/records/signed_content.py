"""What a signature covers, as a digest."""

import hashlib

from cellbank.records.base import Record, as_json


def content_digest(record: Record, act: str = "") -> str:
    """sha256 of what a signature given by this act covers of this record: the kind and the columns as canonical JSON.
    Without an act: all of `SIGNED`."""
    content = {column: getattr(record, column) for column in record.signed_by(act)}
    return hashlib.sha256(as_json([record.kind, record.id, content]).encode()).hexdigest()


def still_covers(record: Record, act: str, digest: str) -> bool:
    """Whether the record is as it was signed; else the signature is void. One that was given before its act covered
    more than `SIGNED` holds for these columns: no digest of fewer columns is ever that of more."""
    return digest in (content_digest(record, act), content_digest(record))
