"""Product specifications: the shipped one, its mistakes listed at once, and the judgement of results."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cellbank.domain.specification import (
    ResultVerdict,
    SpecificationProblems,
    earliest_result_at,
    judge_result,
    load_specification,
)

SHIPPED = (Path(__file__).parents[2] / "cellbank" / "protocols" / "p-mmsc.toml").read_text(encoding="utf-8")
SPECIFICATION = load_specification(SHIPPED)
IN_SPEC, OUT_OF_SPEC, INFORMATIVE = ResultVerdict


def changed(*replacements: tuple[str, str]) -> str:
    text = SHIPPED
    for old, new in replacements:
        assert text.count(old) >= 1, f"the specification file has no {old!r}"
        text = text.replace(old, new, 1)
    return text


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(SpecificationProblems) as refused:
        load_specification(text)
    return refused.value.problems


def test_shipped_specification_holds_the_published_limits():
    assert (SPECIFICATION.id, SPECIFICATION.product_code) == ("P-MMSC", "D0001")
    assert SPECIFICATION.donor.retest_lifting_codes == ("HIV-NAT", "HBV-NAT", "HCV-NAT")
    assert SPECIFICATION.donor.test("HBSAG").acceptable == "negative"
    assert (SPECIFICATION.culture.passage_max, SPECIFICATION.culture.cpdl_warn, SPECIFICATION.culture.cpdl_block) == (
        5,
        15,
        20,
    )
    assert SPECIFICATION.donation("cord").hours_hard == 48
    assert SPECIFICATION.freezing.shelf_life_months("product") == 24
    assert SPECIFICATION.handling.warming_total_seconds == 90
    assert SPECIFICATION.provider("viability").code == "PT-VIABILITY"
    assert SPECIFICATION.provider("recovery").code == "PT-RECOVERY"


def test_a_program_may_have_a_band_and_asks_for_its_run_then():
    freezing = SPECIFICATION.freezing
    assert freezing.programs_with_a_band == ("CRF-1", "CRF-2") and freezing.band("CRF-1").points[0].minute == 0
    assert freezing.band(None) is freezing.band("KITCHEN") is None
    before, _, after = SHIPPED.partition("[freezing.programs.band]")
    without = before + after[after.index("\n[[freezing.programs]]") :]
    assert load_specification(without).freezing.programs_with_a_band == ("CRF-2",)


@pytest.mark.requirement("R24")
def test_all_mistakes_of_a_band_are_listed_at_once():
    problems = problems_of(
        changed(
            ("{ minute = 0,", "{ minute = 3,"),
            ("{ minute = 54,", "{ minute = 42,"),
            ("rise_celsius = 10", "rise_celsius = 0"),
            ("start_celsius = 2", 'start_celsius = "cold"'),
        )
    )
    assert [problem.split(": ")[0].removeprefix("freezing.programs[1].band.") for problem in problems] == [
        "start_celsius",
        "points[1].minute",
        "points[4].minute",
        "nucleation.rise_celsius",
    ]


@pytest.mark.parametrize("name", ["wj-kansas", "wj-ebiomed-2020"])
def test_published_specifications_are_read(name):
    text = (Path(__file__).parents[2] / "cellbank" / "protocols" / "published" / f"{name}.toml").read_text("utf-8")
    published = load_specification(text)
    required = {test.code for test in published.tests if test.required}
    assert {"CD73", "CD90", "CD105", "NEGATIVE", "STERILITY", "MYCOPLASMA", "ENDOTOXIN", "KARYOTYPE"} <= required
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("minimum = ", "maximum = ")) and not line.startswith("maximum = 100"):
            assert "domain reference §5" in line or "[default]" in line, f"line {number} names no source: {line}"


def test_what_a_test_may_say_beside_its_limit():
    plain, sterility = SPECIFICATION.test("CD73"), SPECIFICATION.test("STERILITY")
    assert (plain.samples, plain.reviewed_by, plain.method_version) == (1, ("technician", "quality_officer"), None)
    assert (plain.days_to_result, sterility.days_to_result) == (7, 14)
    more = 'minimum = 95\nsamples = 3\nresult_days = 5\nmethod_version = "SOP-7 v2"\nreviewed_by = ["quality_officer"]'
    changed_test = load_specification(changed(("minimum = 95", more))).test("CD73")
    assert (changed_test.samples, changed_test.days_to_result) == (3, 5)
    assert (changed_test.method_version, changed_test.reviewed_by) == ("SOP-7 v2", ("quality_officer",))


def test_informative_tests_are_not_required_for_release():
    required = {test.code for test in SPECIFICATION.required_tests("lot")}
    assert "STERILITY" in required
    assert not required & {"HLA-DR", "POTENCY", "PT-VIABILITY"}


def test_both_usual_vials_fit_the_filling_range():
    assert SPECIFICATION.freezing.cells_per_ml.holds(25_000_000)
    assert SPECIFICATION.freezing.cells_per_ml.holds(50_000_000 / Decimal("1.8"))


RESULTS = [
    ("CD73", Decimal("95"), IN_SPEC),
    ("CD73", Decimal("94.99"), OUT_OF_SPEC),
    ("NEGATIVE", 2, IN_SPEC),
    ("NEGATIVE", Decimal("2.01"), OUT_OF_SPEC),
    ("HLA-DR", 40, INFORMATIVE),
    ("ENDOTOXIN", Decimal("5"), IN_SPEC),
    ("ENDOTOXIN", Decimal("5.0001"), OUT_OF_SPEC),
    ("PT-VIABILITY", 70, IN_SPEC),
    ("PT-VIABILITY", Decimal("69.9"), OUT_OF_SPEC),
    ("PT-RECOVERY", Decimal("100.5"), OUT_OF_SPEC),
    ("STERILITY", "no growth", IN_SPEC),
    ("STERILITY", "growth", OUT_OF_SPEC),
    ("KARYOTYPE", "non-clonal change", IN_SPEC),
    ("KARYOTYPE", "clonal change", OUT_OF_SPEC),
]


@pytest.mark.parametrize(("code", "value", "verdict"), RESULTS)
def test_results_are_judged(code, value, verdict):
    assert judge_result(SPECIFICATION.test(code), value) is verdict


@pytest.mark.parametrize(
    ("bound", "value", "verdict"),
    [
        ("minimum", 70, OUT_OF_SPEC),
        ("minimum", Decimal("70.01"), IN_SPEC),
        ("maximum", 100, OUT_OF_SPEC),
        ("maximum", Decimal("99.99"), IN_SPEC),
    ],
)
def test_a_limit_can_be_excluded(bound, value, verdict):
    text = changed(
        (
            'minimum = 70\nmaximum = 100\nprovides = "viability"',
            f'minimum = 70\nmaximum = 100\n{bound}_inclusive = false\nprovides = "viability"',
        )
    )
    assert judge_result(load_specification(text).test("PT-VIABILITY"), value) is verdict


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("CD73", "95"),
        ("CD73", 95.0),
        ("CD73", True),
        ("CD73", Decimal("NaN")),
        ("STERILITY", "negative"),
        ("KARYOTYPE", "Normal"),
        ("KARYOTYPE", 46),
    ],
)
def test_what_is_no_result_of_the_test_is_refused(code, value):
    with pytest.raises(ValueError, match=f"is not a result of {code}"):
        judge_result(SPECIFICATION.test(code), value)


@pytest.mark.parametrize(
    ("code", "earliest"),
    [
        ("STERILITY", datetime(2026, 12, 4, 9, tzinfo=UTC)),
        ("MYCOPLASMA", datetime(2026, 12, 18, 9, tzinfo=UTC)),
        ("CD73", datetime(2026, 11, 20, 9, tzinfo=UTC)),
    ],
)
def test_no_growth_takes_its_days(code, earliest):
    inoculated = datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert earliest_result_at(SPECIFICATION.test(code), inoculated) == earliest


ONE_MISTAKE = [
    ("product_code: String should match pattern", [('"D0001"', '"S0001"')]),
    ("short_name: String should have at most 24 characters", [("P-MMSC cryopreserved", "P-MMSC cryopreserved cells")]),
    (
        "donor.tests[1].acceptable: fine is not one of donor.results",
        [('acceptable = "negative"', 'acceptable = "fine"')],
    ),
    (
        "donor.tests[1].lifts_retest: only a NAT can lift",
        [('kind = "antibody"', 'kind = "antibody"\nlifts_retest = true')],
    ),
    ("donor.tests[2].code: HIV-AB is already the code of item 1", [('code = "HIV-NAT"', 'code = "HIV-AB"')]),
    (
        "donations[1].transport_soft_celsius: -1 to 8 is not inside transport_hard_celsius 0 to 24",
        [("soft_celsius = { low = 2", "soft_celsius = { low = -1")],
    ),
    ("donations[1].hours_soft: is more than hours_hard 48", [("hours_soft = 24", "hours_soft = 49")]),
    ("culture.cpdl_warn: is more than cpdl_block 20", [("cpdl_warn = 15", "cpdl_warn = 21")]),
    (
        "culture.seeding_typical_per_cm2: is outside seeding_per_cm2 1000 to 5000",
        [("typical_per_cm2 = 3_000", "typical_per_cm2 = 6_000")],
    ),
    ("culture.passage_above_max: should be 'warn' or 'refuse'", [('"refuse"', '"pray"')]),
    ("freezing.cells_per_ml.high: should be a whole number of cells", [("high = 28e6", "high = 28000000.5")]),
    ("freezing.cells_per_ml.high: is below low, 5000000", [("high = 28e6", "high = 4e6")]),
    (
        "handling.warming_total_seconds: is less than warming_single_seconds",
        [("total_seconds = 90", "total_seconds = 29")],
    ),
    (
        "temperature.critical_above_celsius: is warmer than reject_above_celsius -80",
        [("critical_above_celsius = -135", "critical_above_celsius = -79")],
    ),
    (
        "temperature.warn_above_celsius: is warmer than critical_above_celsius -135",
        [("warn_above_celsius = -150", "warn_above_celsius = -134")],
    ),
    ("tests[1].unit: is missing: a test of kind number needs it", [('unit = "%"', "")]),
    ("tests[1].maximum: is below minimum 95", [("minimum = 95", "minimum = 95\nmaximum = 90")]),
    ("tests[1].maximum: a required number needs a minimum or a maximum", [("minimum = 95", "")]),
    ("tests[1].choices: does not belong to a test of kind number", [("minimum = 95", 'minimum = 95\nchoices = ["a"]')]),
    ("tests[6].accept: all is not among the choices", [('accept = ["all three"]', 'accept = ["all"]')]),
    ("tests[9].earliest_days: is missing: a test of kind growth needs it", [("earliest_days = 14", "")]),
    (
        "tests[11].provides: the dose calculation needs endotoxin: the test must be required",
        [('method = "USP <85>"\nrequired = true', 'method = "USP <85>"\nrequired = false')],
    ),
    ("tests[1].samples: should be greater than or equal to 1", [("minimum = 95", "minimum = 95\nsamples = 0")]),
    ("tests[1].stage: should be 'tissue', 'in_process', 'lot' or 'post_thaw'", [('stage = "lot"', 'stage = "bench"')]),
    (
        "tests[1].reviewed_by[1]: should be 'technician' or 'quality_officer'",
        [("minimum = 95", 'minimum = 95\nreviewed_by = ["auditor"]')],
    ),
    (
        "tests[1].reviewed_by: names a role twice",
        [("minimum = 95", 'minimum = 95\nreviewed_by = ["technician", "technician"]')],
    ),
    (
        "tests[9].result_days: is less than earliest_days 14",
        [("earliest_days = 14", "earliest_days = 14\nresult_days = 3")],
    ),
    (
        "tests[11].provides: the dose calculation needs endotoxin of the lot",
        [('stage = "lot"\nmethod = "USP <85>"', 'stage = "in_process"\nmethod = "USP <85>"')],
    ),
    (
        "tests[11].provides: the dose calculation needs one endotoxin",
        [('provides = "endotoxin"', 'provides = "endotoxin"\nsamples = 2')],
    ),
    ("tests: 0 tests provide recovery; the dose calculation needs exactly one", [('provides = "recovery"', "")]),
    (
        "freezing.programs[1].band.points[1].minute: is 1: the band begins at minute 0",
        [("{ minute = 0,", "{ minute = 1,")],
    ),
    ("freezing.programs[1].band.points[3].minute: 10 is not after 10", [("{ minute = 42,", "{ minute = 10,")]),
    ("freezing.programs[1].band.points[1].high: is below low, -4", [("low = -4, high = 3", "low = -4, high = -5")]),
    ("freezing.programs[1].band.points[1].colour: is not a known key", [("high = 3 }", "high = 3, colour = 1 }")]),
    (
        "freezing.programs[1].band.gap_minutes: should be greater than or equal to 1",
        [("gap_minutes = 3", "gap_minutes = 0")],
    ),
    (
        "freezing.programs[1].band.nucleation.until_minute: is not after from_minute 5",
        [("until_minute = 25", "until_minute = 5")],
    ),
    (
        "freezing.programs[1].band.nucleation.until_minute: 61 is after the last point, 60",
        [("until_minute = 25", "until_minute = 61")],
    ),
    (
        "freezing.programs[1].band.nucleation.until_minute: 60.5 is after the last point, 60",
        [("until_minute = 25", "until_minute = 60.5")],
    ),
    ("tests: 2 tests provide viability", [('provides = "recovery"', 'provides = "viability"')]),
]


@pytest.mark.parametrize(
    "edge",
    [
        ("minimum = 95", "minimum = 95\nmaximum = 95"),
        ("earliest_days = 14", "earliest_days = 14\nresult_days = 14"),
        ("until_minute = 25", "until_minute = 60"),
        ("soft_celsius = { low = 2", "soft_celsius = { low = 0"),
        ("hours_soft = 24", "hours_soft = 48"),
        ("cpdl_warn = 15", "cpdl_warn = 20"),
        ("typical_per_cm2 = 3_000", "typical_per_cm2 = 5_000"),
        ("total_seconds = 90", "total_seconds = 30"),
        ("critical_above_celsius = -135", "critical_above_celsius = -80"),
        ("warn_above_celsius = -150", "warn_above_celsius = -135"),
        ('provides = "endotoxin"', 'provides = "endotoxin"\nsamples = 1'),
    ],
    ids=lambda edge: edge[1],
)
def test_two_limits_may_be_equal(edge):
    assert load_specification(changed(edge))


@pytest.mark.parametrize(("problem", "mistakes"), ONE_MISTAKE, ids=[problem for problem, _ in ONE_MISTAKE])
def test_a_mistake_is_named_with_its_path(problem, mistakes):
    problems = problems_of(changed(*mistakes))
    assert any(found.startswith(problem) for found in problems), problems


@pytest.mark.requirement("R24")
def test_all_mistakes_are_listed_at_once():
    problems = problems_of(
        changed(
            ('"D0001"', '"S0001"'),
            ("cpdl_warn = 15", "cpdl_warn = 21"),
            ('unit = "%"', ""),
            ("hours_soft", "hours_sof"),
        )
    )
    assert [problem.split(": ")[0] for problem in problems] == [
        "product_code",
        "donations[1].hours_soft",
        "donations[1].hours_sof",
        "culture.cpdl_warn",
        "tests[1].unit",
    ]


def test_a_kind_that_the_specification_does_not_know_is_named():
    with pytest.raises(KeyError, match="master_bank, working_bank, product"):
        SPECIFICATION.freezing.shelf_life_months("seed")


def test_as_shipped_nothing_may_be_pending():
    assert SPECIFICATION.conditional_release is None


def test_a_specification_may_name_tests_that_may_be_pending():
    text = SHIPPED + '\n[conditional_release]\ntests = ["MYCOPLASMA", "PT-STERILITY"]\n'
    assert load_specification(text).conditional_release.tests == ("MYCOPLASMA", "PT-STERILITY")


def test_every_mistake_about_pending_tests_is_listed():
    tests = '["MYCOPLASMA", "MYCOPLASMA", "NOTHING", "PT-VIABILITY", "POTENCY"]'
    assert problems_of(SHIPPED + f"\n[conditional_release]\ntests = {tests}\n") == (
        "conditional_release.tests[2]: MYCOPLASMA is named twice",
        "conditional_release.tests[3]: NOTHING is not one of the tests",
        "conditional_release.tests[4]: PT-VIABILITY provides the viability of the dose calculation and can never be "
        "pending",
        "conditional_release.tests[5]: POTENCY is no required test of the lot or after thaw: nothing waits for it",
    )
    empty, unknown = problems_of(SHIPPED + "\n[conditional_release]\ntests = []\nevery = true\n")
    assert empty.startswith("conditional_release.tests: ")
    assert unknown == "conditional_release.every: is not a known key"
