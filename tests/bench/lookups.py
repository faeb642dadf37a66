"""What is measured in this process: traces, labels, the trail."""

import statistics
import time
from collections.abc import Iterator

import pypdfium2
import zxingcpp

from cellbank.outside.label_pdf import load_templates, render
from cellbank.services.lookup.tracing import trace
from cellbank.services.trail import verification
from tests.bench.figures import Figure
from tests.bench.site import Site
from tests.outside.label_samples import ROWS

# Donors from all over the bank, each with ten lots of 200 vials.
DONORS = """SELECT d.code FROM donor d JOIN donation n ON n.donor_id = d.id JOIN vial v ON v.donation_id = n.id
             GROUP BY d.id HAVING count(*) = 2000 ORDER BY hashint8(d.id) LIMIT 5"""
LABELS = 1000
DOTS_PER_INCH = (300, 203)


def measure_traces(large: Site, small: Site) -> Iterator[Figure]:
    """From a donor down to 2,000 vials and the subjects that received some, as JSON is made of it."""
    in_large, in_small = _trace_ms(large), _trace_ms(small)
    yield Figure("trace of a donor with 2,000 vials: on the server", in_large, "ms", "at most", 50)
    yield Figure(
        "trace: large bank against small", in_large / in_small, "×", "at most", 1.3, f"small: {in_small:.1f} ms"
    )


def _trace_ms(site: Site) -> float:
    times = []
    for donor in site.column(DONORS):
        trace(site.installation, donor)
        for _ in range(3):
            start = time.perf_counter()
            found = trace(site.installation, donor).as_json()
            times.append(1000 * (time.perf_counter() - start))
        assert len(found["down"]) > 2000
    return statistics.median(times)


def measure_labels() -> Iterator[Figure]:
    """A thousand vial labels: made, weighed, and read back by an independent decoder at two resolutions."""
    rows = [
        {**ROWS["vial"], "division": f"{n:06d}", "symbol": f"=+04000=A99992600004200=<D0001V99=,{n:06d}&>0280912359"}
        for n in range(1, LABELS + 1)
    ]
    template = load_templates()["vial"]
    render(template, rows[:1])
    start = time.perf_counter()
    pdf = render(template, rows)
    yield Figure("1,000 vial labels: made in", time.perf_counter() - start, "s", "at most", 0.5)
    yield Figure("1,000 vial labels: PDF a label", len(pdf) / LABELS, "bytes", "at most", 750)
    for dots in DOTS_PER_INCH:
        unread = sum(
            row["symbol"] not in _read(page, dots) for row, page in zip(rows, pypdfium2.PdfDocument(pdf), strict=True)
        )
        yield Figure(f"1,000 vial labels: not read at {dots} dpi", unread, "", "at most", 0)


def _read(page: pypdfium2.PdfPage, dots: int) -> list[str]:
    """What a scanner reads of a label as a thermal printer burns it: dots are black or white, nothing between."""
    grey = page.render(scale=dots / 72).to_pil().convert("L")
    picture = grey.point(lambda light: 255 if light >= 128 else 0)
    return [code.text for code in zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)]


def measure_trail(site: Site) -> Iterator[Figure]:
    """The whole trail against its seals and every record against the trail: of what COPY made and of what acts did."""
    start = time.perf_counter()
    verdict = verification.verify(site.installation)
    seconds = time.perf_counter() - start
    note = f"{verdict.acts:,} acts, {verdict.changes:,} changes, {verdict.records:,} records in {seconds:.0f} s"
    yield Figure("trail verify: changes checked", verdict.changes / seconds, "/s", note=note)
    yield Figure("trail verify: faults", int(not verdict.sound), "", "at most", 0, str(verdict.fault or ""))
