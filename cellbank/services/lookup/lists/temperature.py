"""Lists of what watches the cold, and of what it found."""

from cellbank.domain.lifecycle.states import ExcursionState
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Excursion, Probe
from cellbank.services.lookup.lists.listing import Column, Listing, Look, number_of, with_each

LISTS = {
    "probes": Listing(
        "Probes",
        "thermometer-snow",
        Probe,
        {
            "name": Column("Name", Probe.name),
            "unit": Column("Watches", StorageUnit.name),
            "last_at": Column("Last reading", Probe.last_at),
            "open": Column(
                "Undecided",
                number_of(Excursion, Excursion.probe_id == Probe.id, Excursion.state == ExcursionState.OPEN),
            ),
            "calibration_due_on": Column("Next calibration", Probe.calibration_due_on),
        },
        (Probe.name, StorageUnit.name, Probe.serial),
        (Probe.id.desc(),),
        "add_probe",
        source=with_each(Probe, (StorageUnit,)),
    ),
    "excursions": Listing(
        "Excursions",
        "thermometer-high",
        Excursion,
        {
            "category": Column("Kind", Excursion.category, Look.WORD),
            "unit": Column("Where", StorageUnit.name),
            "started_at": Column("From", Excursion.started_at),
            "ended_at": Column("Until", Excursion.ended_at),
            "peak_c": Column("Peak, °C", Excursion.peak_c),
        },
        (StorageUnit.name, Excursion.category),
        (Excursion.started_at.desc(), Excursion.id.desc()),
        source=with_each(Excursion, (StorageUnit,)),
    ),
}
