"""Every page of the application, with the person who uses it: what the tests of appearance and access go through."""

from tests.browser.stage import Stage

CODES = {
    "vial": "SELECT code FROM vial WHERE state = 'IN_STOCK' ORDER BY id LIMIT 1",
    "box": "SELECT code FROM storage_unit WHERE name = 'Box 2'",
    "rack": "SELECT code FROM storage_unit WHERE name = 'Rack 1'",
    "culture": "SELECT code FROM culture WHERE state = 'GROWING'",
    "warm": "SELECT code FROM donation WHERE state = 'AWAITING_DECISION'",
    "donor": "SELECT code FROM donor ORDER BY id LIMIT 1",
    "bank": "SELECT code FROM lot WHERE state = 'QUARANTINE' AND purpose = 'master_bank'",
    "failed": "SELECT code FROM lot WHERE state = 'QUARANTINE' AND purpose = 'product'",
    "held": "SELECT code FROM lot WHERE state = 'ON_HOLD'",
    "hold": "SELECT h.code FROM hold h JOIN lot l ON l.id = h.lot_id WHERE l.state = 'ON_HOLD'",
    "ordered": "SELECT d.code FROM dose d JOIN subject s ON s.id = d.subject_id WHERE s.trial_number = 'EXP-13'",
    "thawing": "SELECT code FROM dose WHERE state = 'THAWING'",
    "prepared": "SELECT code FROM dose WHERE state = 'PREPARED'",
    "short": "SELECT code FROM dose WHERE is_short",
    "treated": "SELECT code FROM subject WHERE trial_number = 'EXP-12'",
    "screened": "SELECT code FROM subject WHERE trial_number = 'EXP-15'",
    "control": "SELECT code FROM subject WHERE trial_number = 'CTL-02'",
    "deviation": "SELECT code FROM deviation WHERE state = 'INVESTIGATED'",
    "action": "SELECT code FROM corrective_action",
    "reagent": "SELECT code FROM reagent_lot WHERE opened_at IS NOT NULL",
    "result": "SELECT code FROM test_result ORDER BY id DESC LIMIT 1",
    "to_pack": "SELECT code FROM shipment WHERE state = 'ORDERED'",
    "arrived": "SELECT code FROM shipment WHERE state = 'ARRIVED'",
    "shipper": "SELECT code FROM storage_unit WHERE name = 'Dry shipper 2'",
}
PAGES = {
    "": ("/sign-in",),
    "olena": (
        "/", "/record/{vial}", "/record/{box}", "/record/{rack}", "/record/{culture}", "/record/{ordered}",
        "/record/{thawing}", "/act/store_vials?vials={vial}", "/act/record_harvest?culture={culture}",
        "/act/pick_vial?dose={ordered}", "/act/pool_and_count?dose={thawing}", "/act/open_lot", "/act/receive_donation",
        "/act/open_deviation?records={vial}", "/record/{reagent}", "/record/{action}",
        "/storage", "/storage/stock", "/storage/fill/{box}", "/storage/fill/{box}?mode=rescan",
        "/storage/picture/{box}", "/storage/pick/{ordered}", "/list/reagents", "/list/cultures",
        "/acts", "/scan?code=A999926", "/password", "/record/{shipper}",
        "/shipments", "/shipments/{to_pack}", "/shipments/{to_pack}?shipper={shipper}",
    ),
    "halyna": ("/", "/record/{arrived}", "/shipments/{arrived}"),
    "iryna": (
        "/", "/record/{bank}", "/record/{failed}", "/record/{held}", "/record/{donor}", "/record/{warm}",
        "/record/{result}", "/record/{hold}", "/act/release_lot?lot={bank}", "/act/decide_donation?donation={warm}",
        "/act/enter_result?lot={failed}", "/trace/{donor}", "/trace/{short}", "/trail", "/list/lots", "/list/results",
        "/record/{deviation}", "/act/close_deviation?deviation={deviation}", "/act/plan_action?deviation={deviation}",
        "/list/deviations", "/trace/{reagent}", "/impact/{held}", "/act/recall_lot?lot={held}",
    ),
    "nataliia": (
        "/", "/record/{treated}", "/record/{screened}", "/record/{control}", "/record/{prepared}", "/record/{short}",
        "/act/enrol_subject", "/act/answer_criteria?subject={screened}", "/act/sign_eligibility?subject={screened}",
        "/act/measure_weight?subject={treated}", "/act/order_dose?subject={treated}", "/bedside", "/list/subjects",
        "/list/doses", "/nowhere",
    ),
    "admin": ("/", "/list/people", "/act/add_person"),
    "auditor": ("/", "/trail", "/trail?outcome=refused", "/done/500"),
}  # fmt: skip

NOT_FOUND = ("/nowhere", "/scan?code=A999926")


def pages_of(stage: Stage, person: str) -> list[str]:
    """The addresses of this person's pages in this copy of the story."""
    codes = {name: stage.rows(statement)[0]["code"] for name, statement in CODES.items()}
    return [path.format(**codes) for path in PAGES[person]]
