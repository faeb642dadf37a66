"""What makes a PDF one for the archive (PDF/A-2b): metadata in XMP, the meaning of its colours, a date of its own.

The structure follows ISO 19005-2; the files were not put through a validator such as veraPDF. Fonts are embedded by
`label_fonts`, and nothing here is transparent, encrypted or kept outside the file.
"""

import datetime
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape

from PIL import ImageCms
from reportlab.lib.utils import TimeStamp
from reportlab.pdfbase.pdfdoc import XMP, PDFArray, PDFDictionary, PDFDocument, PDFName, PDFStream, PDFString
from reportlab.pdfgen.canvas import Canvas

EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # the date of what was never issued
PROFILE_DATE = slice(24, 36)  # of an ICC profile: when it was made
PRODUCER = "ReportLab"

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<xmp:CreateDate>{at}</xmp:CreateDate>
<xmp:ModifyDate>{at}</xmp:ModifyDate>
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<pdf:Producer>{producer}</pdf:Producer>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def make_archival(canvas: Canvas, at: datetime.datetime | None) -> None:
    """Give a document its metadata, its output intent and its date. What the canvas says of itself stands already."""
    # reportlab shows no other way to the file as a whole, and its stubs know only a part of that.
    document: Any = canvas._doc  # type: ignore[attr-defined]  # see above
    moment = (at or EPOCH).astimezone(datetime.UTC).replace(microsecond=0)
    document._timeStamp = _stamp(moment)
    info = document.info
    info.producer = PRODUCER
    said = {name: escape(str(getattr(info, name))) for name in ("title", "author", "subject", "creator", "producer")}
    metadata = XMP(creator=lambda _: _XMP.format(at=moment.isoformat(), **said).encode())
    metadata.filters = []  # to be read by programs that know nothing of PDF
    document.Catalog.Metadata = metadata
    document.Catalog.OutputIntents = _output_intent(document)
    document.Catalog.__NoDefault__ = [*document.Catalog.__NoDefault__, "OutputIntents"]


def _stamp(moment: datetime.datetime) -> TimeStamp:
    """reportlab takes the clock or the year 2000; a document has the moment at which it was issued."""
    stamp = TimeStamp(invariant=True)
    stamp.t, stamp.lt, stamp.YMDhms = moment.timestamp(), moment.timetuple(), moment.timetuple()[:6]
    return stamp


def _output_intent(document: PDFDocument) -> PDFArray:
    profile = PDFStream(dictionary=PDFDictionary({"N": 3}), content=_srgb())
    intent = {
        "Type": PDFName("OutputIntent"),
        "S": PDFName("GTS_PDFA1"),
        "OutputConditionIdentifier": PDFString("sRGB IEC61966-2.1"),
        "Info": PDFString("sRGB IEC61966-2.1"),
        "DestOutputProfile": document.Reference(profile),  # type: ignore[no-untyped-call]  # no types in its stubs
    }
    return PDFArray([PDFDictionary(intent)])


@lru_cache
def _srgb() -> bytes:
    """The ICC profile of sRGB; it bears the time at which it was made, which would make every file another one."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[PROFILE_DATE] = EPOCH.year.to_bytes(2, "big") + bytes((0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
    return bytes(profile)
