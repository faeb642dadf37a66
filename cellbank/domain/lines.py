"""The lines that statements, cards and calculations are made of, as templates: by these a text that was said, also one
that is stored, is recognised and said again in the reader's language (web/told.py). What is new here is translated like
any other word. `n`, `m`, `k` and `l` are numbers, `code` and `lot` codes; anything else may be any words.
"""

LINES: tuple[str, ...] = (
    # cards: what a thing is called
    "Infusion {n} (Day {m}) of {subject}", "Infusion {n} (Day {m}) of subject {subject}",
    "subject {subject}, infusion {n}", "Vial {code} of lot {lot}", "Lot {code}", "Lot {code} for {subject}",
    "Lot {code} stopped", "Donor {code} stopped", "Reagent Lot {code} stopped", "Vial {code} stopped",
    "Vial {code} lost", "Dose {code} stopped", "Product lot {code}", "Master bank lot {code}",
    "Working bank lot {code}",
    "{n} vials of lot {code}", "P{n} of {code}", "Donor {code}", "Subject {code}", "Weight of subject {code}",
    "Hold on {code}", "Culture {code}, P{n}", "Count of {unit}", "Reading of probe {code}", "Probe {name}",
    "Logger {name}", "Shipment to {site}", "Shipment from {site}", "Silent excursion in {unit}",
    "Warning excursion in {unit}", "Critical excursion in {unit}", "Reject excursion in {unit}", "{name} in {unit}",
    "Umbilical cord", "Corrective action about {code}", "Preventive action about {code}", "Not reviewed since {time}",
    "{code} of lot {lot}", "Key “{name}”", "{name}, edition {n}",
    # families: what each is, and where
    "Cord of {code}", "Placenta of {code}", "Culture P{n}", "Master Bank lot", "Working Bank lot", "Product lot",
    "Vial {n}", "{n} vials", "Infusion {n} (Day {m})", "Shipment {code}, in hand of {person}",
    "Shipment {code}, in hand of {person} (waybill {name})",
    # cards: what is so with it
    "planned {day}", "given {time}", "lot {code}", "lot {code} released", "lot {code} on_hold", "lot {code} recalled",
    "lot {code} rejected", "read by {person}", "due {day}", "frozen {time}", "first counted by {person}",
    "{vessel}, day {n}", "collected {time}", "received {time}", "{material}, taken {time}",
    "{result}, entered by {person}", "pending {tests}", "given: {codes}", "{n} given", "{n} counted on it",
    "since {time}", "peak {n} °C", "peak {n} °C, goes on", "peak {n} °C, from {time}",
    "peak {n} °C, from {time}, goes on",
    "{n} % of the dose", "measured by {person}", "arm {name}", "of {person}, until {time}",
    "{person}, about {code}", "in hand of {person}", "shipment {code} from {site}", "qualified until {day}",
    "Kept at the bedside without the network, and not accepted: {act}", "Not accepted as it was told:",
    # cards: facts
    "{n} h from a full charge", "{day}, until {end}", "no shipment: it is free", "{n} / {m}, full",
    "{n}, places not counted", "{n} and {m} spare", "{role} until {day} ({name})", "above {n} °C for more than {m} min",
    "above {n} °C, {m} readings in a row", "above {n} °C", "{n} min", "until {time}", "accepted {time}",
    # why the code stops something, and the deviations that it opens
    "STOP without a network, {time}: {what}", "Consent {code} withdrawn: {reason}",
    "Donor determined ineligible: {reason}", "Donor found reactive: {results}",
    "Reagent {code} ({name}) recalled: {reason}", "Reagent {code} ({name}) rejected after use: {reason}",
    "Made from lot {lot}, which is {state}: {reason}", "{code} was lifted at {site}: {reason}",
    "{name} ({code}) failed: {reason}", "Stood in excursion {code} ({state}, peak {n} °C)",
    "{tests}: out of specification (deviation {codes})",
    "{tests}: out of specification (deviation {codes}), after the conditional release",
    "{tests}: out of specification (deviation {codes}), after the release",
    "{test} of {other} out of specification",
    "Result {results}. The limit is {limit} (specification {version}).",
    "Freezing run of lot {lot} outside the band of {name}",
    "Run {code}: {what}; first {n} min after its start. The band is that of specification {version}.",
    "“{what}” was put right: {tests}", "{what} of {other} put right after it was released or given",
    "{what}: {before} was noted, {after} is right. {reason}", "Lot {lot} does not meet by it: {tests}.",
    "Found when shipment {code} was received: {what}.", "Lost although it was counted on: vial {codes}",
    "{act}: told late, and not allowed when it happened", "Happened {time}, entered {at} by {person}: {reason}",
    "{what}: not asked, {sex} patient.", "{n} % from {m} kg measured at {time}",
    # what is wrong with a field
    "Row {n}: {what}.", "Row {n}: {what}: {quoted}. Correct the file, or have such rows left out.",
    "Given: {given}.", "needs at least {n} of them, not {m}.", "has at most {n} of them.",
    "{name} must be a number; {given} was given.",
    # calculations
    "Required cells", "Viable cells per vial", "Vials", "Expected dose", "Vials to reserve", "Endotoxin", "DMSO",
    "Cap", "{n} kg × {m} ×10⁶ per kg", "{n} ×10⁶ ÷ {m} ×10⁶ = {k}, rounded up", "{n} + {m} spare",
    "no more than {n} ×10⁶", "{n} ×10⁶ ÷ {m} ×10⁶ per mL", "{n} mL × {m} ×10⁶ per mL", "{n} mL − {m} mL dead volume",
    "to the {n} mL mark", "to the {n} mL mark, all that is available", "{n} ×10⁶ cells, per kg",
    "{n} vials × {m} mL × {k} %, per kg and day",
    "{n} vials × {m} mL × {k} % + {l} mL of other doses that day, per kg and day", "Recovery of lot {code}",
    "Viability of lot {code}", "Endotoxin of lot {code}", "result {code}, the latest reviewed, of {day}",
    "{n} ×10⁶ cells in {m} mL",
    # evidence of a release
    "Donor {code}: eligible", "Donor {code}: ineligible", "Donor {code}: registered",
    "Consent of donor {code} in force", "Made from tissue", "None open", "Panel complete", "window period closed",
    "No result", "changed since", "not reviewed", "{n} ×10⁶ cells taken",
    "{n} vials of {m} ×10⁶, samples {k} ×10⁶, losses {l} ×10⁶", "{n} vials filled, {m} labels voided, {k} open",
    "{n} vials in stock, {m} not put away", "{result}, in specification ({what})",
    "{result}, out of specification ({what})", "earlier: {result}", "{n} (limit {m})", "P{n} (limit P{m})",
    "{code} by {person}, {day}", "{code}, program {name}: within the band", "certificate {name}",
)  # fmt: skip
