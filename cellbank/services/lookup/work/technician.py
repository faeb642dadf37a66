"""What waits for the laboratory, in the order in which a day is worked."""

from cellbank.domain.phrase import By, If
from cellbank.services.lookup.work.line import DOSE, Line, day_at, today
from cellbank.services.lookup.work.shared import ACTIONS, DEVIATIONS, EXCURSION, TISSUE, results_due
from cellbank.services.quality.impact import AT_HOME, HOMES
from cellbank.services.temperature.probes import RESTING

REQUALIFY_DAYS, CALIBRATE_DAYS = 30, 14  # how early a qualification or a calibration that ends is in sight
_STOPPED_LOTS = "SELECT id FROM lot WHERE state IN ('REJECTED', 'RECALLED')"

# Where there is one site there are no shipments, and nothing is said of them.
SHIPMENTS = (
    Line(
        "shipment_pack",
        "Shipments to pack",
        "",
        """SELECT code, state, from_site_id AS site_id, receiver, packed, wanted FROM shipment_to_do
            WHERE state IN ('ORDERED', 'PACKING') ORDER BY ordered_at, id""",
        "Shipment to {receiver}",
        ("{packed} of {wanted} vials packed",),
        opens="shipment",
    ),
    Line(
        "shipment_send",
        "Sealed shipments to hand over",
        "",
        """SELECT code, state, from_site_id AS site_id, receiver, holder FROM shipment_to_do
            WHERE state = 'SEALED' ORDER BY sealed_at""",
        "Shipment to {receiver}",
        ("in hand of {holder}",),
        "hand_over_shipment",
        "shipment",
        opens="shipment",
    ),
    Line(
        "shipment_coming",
        "Shipments on the way to us",
        "",
        """SELECT code, state, to_site_id AS site_id, sender, holder, due FROM shipment_to_do
            WHERE state = 'ON_THE_WAY' ORDER BY due""",
        "Shipment from {sender}",
        ("in hand of {holder}",),
        "receive_shipment",
        "shipment",
        opens="shipment",
    ),
    Line(
        "shipment_check_in",
        "Shipments to check in",
        "",
        """SELECT code, state, to_site_id AS site_id, sender, scanned, packed FROM shipment_to_do
            WHERE state = 'ARRIVED' ORDER BY received_at""",
        "Shipment from {sender}",
        ("{scanned} of {packed} vials scanned",),
        opens="shipment",
    ),
    Line(
        "shipment_away",
        "Vials of shipments to put away",
        "",
        """SELECT code, state, to_site_id AS site_id, sender, outside FROM shipment_to_do
            WHERE state = 'CHECKED' AND outside > 0 ORDER BY received_at""",
        "Shipment from {sender}",
        ("{outside} vials stand in no box",),
        opens="shipment",
    ),
    Line(
        "traces",
        "Traces of shipments to import",
        "",
        """SELECT p.code, h.state, h.to_site_id AS site_id, p.name AS logger, h.code AS shipment, h.sender
             FROM shipment_to_do h JOIN probe p ON p.id = h.logger_id
            WHERE h.state IN ('ARRIVED', 'CHECKED') AND NOT EXISTS (SELECT FROM reading g
              WHERE g.probe_id = p.id AND g.at BETWEEN h.sealed_at AND h.received_at)
            ORDER BY h.received_at""",
        "Logger {logger}",
        ("shipment {shipment} from {sender}",),
        "import_readings",
        "probe",
    ),
    Line(
        "shippers",
        "Shippers to qualify again",
        "",
        f"""SELECT code, 'DUE' AS state, site_id, name, qualified_until FROM storage_unit u
             WHERE type = 'shipper' AND state = 'IN_SERVICE'
               AND qualified_until < {today("u.site_id")} + {REQUALIFY_DAYS} ORDER BY qualified_until, id""",
        "{name}",
        ("qualified until {qualified_until}",),
        "requalify_shipper",
        "shipper",
    ),
)

LINES = (
    Line(
        "pick",
        "Doses to pick",
        "No dose is waiting to be picked.",
        "SELECT * FROM dose_to_do WHERE state = 'ORDERED' ORDER BY planned_on, id",
        DOSE,
        ("planned {planned_on}, {vials} vials of lot {lot}",),
    ),
    Line(
        "thaw",
        "Doses to thaw and prepare",
        "No dose is being prepared.",
        """SELECT *, expires_at AS due FROM dose_to_do WHERE state IN ('PICKED', 'THAWING', 'COUNTED')
            ORDER BY expires_at NULLS LAST, id""",
        DOSE,
        ("lot {lot}",),
    ),
    Line(
        "picked",
        "Vials out of the tank and not thawed",
        "",
        """SELECT *, CASE WHEN has_a_dose THEN 'thaw_vial' ELSE 'return_vial' END AS act FROM vial_out_of_the_tank
            ORDER BY due, id""",
        "Vial {number} of lot {lot}",
        (If("dewar", "in {dewar}, picked {picked_at}", "carried in the open, picked {picked_at}"),),
        None,
        "vial",
    ),
    Line(
        "alarms",
        "Temperature alarms",
        "No temperature alarm is unanswered.",
        "SELECT * FROM excursion_to_decide WHERE acknowledged_at IS NULL ORDER BY found_at",
        EXCURSION,
        (If("ended_at", "peak {peak} °C", "peak {peak} °C, goes on"),),
        "acknowledge_excursion",
        "excursion",
    ),
    Line(
        "silent",
        "Probes that are overdue",
        "Every probe has sent its readings.",
        f"""SELECT p.code, 'OPEN' AS state, p.site_id, p.name, u.name AS unit, p.last_at
              FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id
             WHERE p.state = 'IN_USE' AND p.last_at < :now - p.gap_minutes * interval '1 min'
               AND NOT {RESTING.format(probe="p")} ORDER BY p.last_at""",
        "{name} in {unit}",
        ("last reading {last_at}",),
        "import_readings",
        "probe",
    ),
    Line(
        "runs",
        "Freezing runs to import",
        "Every frozen lot has its freezing run.",
        """SELECT l.code, l.state, l.site_id, l.freezing_program AS program, l.frozen_at
             FROM lot l JOIN definition f ON f.id = l.specification_id
            WHERE l.state IN ('QUARANTINE', 'ON_HOLD') AND f.programs_with_a_run @> to_jsonb(l.freezing_program)
              AND NOT EXISTS (SELECT FROM freezer_run r WHERE r.lot_id = l.id AND r.state <> 'WITHDRAWN')
            ORDER BY l.frozen_at""",
        "Lot {code}",
        ("program {program}, frozen {frozen_at}",),
        "import_freezing_run",
        "lot",
    ),
    Line(
        "by_hand",
        "Readings to confirm",
        "No reading waits for a second person.",
        """SELECT i.code, i.state, p.site_id, p.code AS probe, e.full_name AS person
             FROM reading_import i JOIN probe p ON p.id = i.probe_id JOIN person e ON e.id = i.entered_by_id
            WHERE i.state = 'ENTERED' ORDER BY i.id""",
        "Reading of probe {probe}",
        ("read by {person}",),
        "confirm_reading",
        "readings",
    ),
    Line(
        "calibration",
        "Probes to calibrate",
        "Every probe is calibrated.",
        f"""SELECT p.code, 'DUE' AS state, p.site_id, p.name, u.name AS unit, p.calibration_due_on AS day
              FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id WHERE p.state = 'IN_USE'
               AND p.calibration_due_on < {today("p.site_id")} + {CALIBRATE_DAYS} ORDER BY p.calibration_due_on""",
        "{name} in {unit}",
        ("due {day}",),
        "calibrate_probe",
        "probe",
    ),
    Line(
        "away",
        "Vials to put away",
        "Every frozen vial stands in its place.",
        """SELECT l.code, 'FROZEN' AS state, l.site_id, count(*) AS n, l.frozen_at
             FROM vial v JOIN lot l ON l.id = v.lot_id WHERE v.state = 'FROZEN' GROUP BY l.id ORDER BY l.frozen_at""",
        "{n} vials of lot {code}",
        ("frozen {frozen_at}",),
    ),
    *SHIPMENTS,
    Line(
        "counts",
        "Boxes to count again, or to close",
        "No count is open.",
        """SELECT c.code, c.state, c.site_id, u.name AS unit, p.full_name AS person
             FROM stock_count c JOIN storage_unit u ON u.id = c.unit_id JOIN person p ON p.id = c.first_counted_by_id
            WHERE c.state <> 'CLOSED' ORDER BY c.id""",
        "Count of {unit}",
        ("first counted by {person}",),
    ),
    Line(
        "growing",
        "Cultures growing",
        "No culture is growing.",
        f"""SELECT c.code, c.state, c.site_id, c.passage AS n, n.code AS donation, c.vessel,
                   {today("c.site_id")} - {day_at("c.site_id", "c.started_at")} AS days
              FROM culture c JOIN donation n ON n.id = c.donation_id WHERE c.state = 'GROWING' ORDER BY c.started_at""",
        "P{n} of {donation}",
        ("{vessel}, day {days}",),
        "record_harvest",
        "culture",
    ),
    Line(
        "harvested",
        "Harvested cells to use",
        "No harvested cells are waiting.",
        """SELECT c.code, c.state, c.site_id, c.passage AS n, n.code AS donation, c.cells_left AS cells
             FROM culture c JOIN donation n ON n.id = c.donation_id
            WHERE c.state = 'HARVESTED' AND c.cells_left > 0 ORDER BY c.harvested_at""",
        "P{n} of {donation}",
        ("{cells} cells left",),
    ),
    Line(
        "filling",
        "Lots to fill and freeze",
        "No lot is being filled.",
        """SELECT l.code, l.state, l.site_id, l.purpose, l.planned_vial_count AS planned,
                  (SELECT count(*) FROM vial v WHERE v.lot_id = l.id AND v.state = 'FILLED') AS filled
             FROM lot l WHERE l.state IN ('IN_PROCESS', 'FILLED') ORDER BY l.fill_started_at""",
        By(
            "purpose",
            {
                "product": "Product lot {code}",
                "master_bank": "Master bank lot {code}",
                "working_bank": "Working bank lot {code}",
            },
            "Lot {code}",
        ),
        ("{filled} of {planned} vials filled",),
    ),
    Line(
        "isolate",
        "Donations to process",
        "No accepted donation is waiting.",
        """SELECT code, state, site_id, tissue, collected_at FROM donation n
            WHERE state = 'ACCEPTED' AND NOT EXISTS (SELECT FROM culture c WHERE c.donation_id = n.id)
            ORDER BY collected_at""",
        TISSUE,
        ("collected {collected_at}",),
        "isolate_tissue",
        "donation",
    ),
    results_due("samples", "Samples awaiting their results"),
    Line(
        "destroy",
        "Vials of rejected and recalled lots to take out and destroy",
        "No vial of a rejected or recalled lot is left.",
        f"""WITH {HOMES.format(lots=_STOPPED_LOTS)}
            SELECT v.code, v.state, v.site_id, v.number, l.code AS lot, l.state AS lot_state,
                   array_to_string(home.names, ' › ') AS place, home.in_hand[1] AS shipment,
                   home.in_hand[2] AS holder, home.in_hand[3] AS waybill,
                   v.state = 'RESERVED' AS is_reserved, v.state = 'IN_TRANSIT' AS travels,
                   CASE WHEN v.state NOT IN ('RESERVED', 'IN_TRANSIT') THEN 'discard_vial' END AS act
              FROM vial v JOIN lot l ON l.id = v.lot_id {AT_HOME}
             WHERE l.state IN ('REJECTED', 'RECALLED') AND v.state
                IN ('FROZEN', 'IN_STOCK', 'IN_TRANSIT', 'RECEIVED', 'RESERVED', 'PICKED')
             ORDER BY v.state = 'RESERVED', home.walk, p.position, v.id""",
        "Vial {number} of lot {lot}",
        (
            If("place", "{place}", "at no place"),
            If("shipment", "shipment {shipment}, in hand of {holder}"),
            If("waybill", "waybill {waybill}"),
            "lot {lot_state}",
            If("is_reserved", "its dose is to be cancelled first"),
            If("travels", "it is to be unpacked, or received, first"),
        ),
        None,
        "vial",
    ),
    ACTIONS,
    DEVIATIONS,
)
