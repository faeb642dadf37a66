"""Lists of what is made, from the donor to the lot."""

from sqlalchemy import func, or_, select

from cellbank.domain.lifecycle.states import VialState
from cellbank.records.production import Culture, Donation, Donor, Lot, ReagentLot, Vial
from cellbank.services.lookup.lists.listing import Column, Listing, Look, is_at_site, number_of, with_each

LISTS = {
    "donors": Listing(
        "Donors",
        "person-heart",
        Donor,
        {
            "pseudonym": Column("Pseudonym", Donor.pseudonym),
            "birth_year": Column("Year of birth", Donor.birth_year),
            "donations": Column("Donations", number_of(Donation, Donation.donor_id == Donor.id)),
        },
        (Donor.pseudonym,),
        (Donor.id.desc(),),
        "register_donor",
    ),
    "donations": Listing(
        "Donations",
        "heart-pulse",
        Donation,
        {
            "tissue": Column("Tissue", Donation.tissue, Look.WORD),
            "donor": Column("Donor", Donor.code),
            "collected_at": Column("Collected", Donation.collected_at),
            "mass_g": Column("Mass, g", Donation.mass_g),
        },
        (Donor.code, Donor.pseudonym),
        (Donation.collected_at.desc(), Donation.id.desc()),
        "receive_donation",
        source=with_each(Donation, (Donor,)),
    ),
    "cultures": Listing(
        "Cultures",
        "flower1",
        Culture,
        {
            "passage": Column("Passage", Culture.passage, Look.PASSAGE),
            "donation": Column("Donation", Donation.code),
            "vessel": Column("Vessel", Culture.vessel),
            "started_at": Column("Started", Culture.started_at),
            "cells_left": Column("Cells left", Culture.cells_left, Look.CELLS),
            "cumulative_doublings": Column("Doublings", Culture.cumulative_doublings),
        },
        (Donation.code, Culture.vessel),
        (Culture.started_at.desc(), Culture.id.desc()),
        source=with_each(Culture, (Donation,)),
    ),
    "lots": Listing(
        "Lots",
        "collection",
        Lot,
        {
            "purpose": Column("Purpose", Lot.purpose, Look.WORD),
            "donation": Column("Donation", Donation.code),
            "stock": Column(
                "In stock",
                number_of(Vial, Vial.lot_id == Lot.id, Vial.state == VialState.IN_STOCK, is_at_site(Vial.site_id)),
            ),
            "cells_per_vial": Column("Cells in each vial", Lot.cells_per_vial, Look.CELLS),
            "expires_on": Column("Expires", Lot.expires_on),
        },
        (Donation.code,),
        (Lot.id.desc(),),
        "open_lot",
        source=with_each(Lot, (Donation,)),
        # Lots that were made here, and those of which vials were brought here.
        here=lambda site: or_(Lot.site_id == site, Lot.id.in_(select(func.lots_brought_to(site)))),
    ),
    "reagents": Listing(
        "Reagents",
        "droplet",
        ReagentLot,
        {
            "name": Column("Name", ReagentLot.name),
            "manufacturer": Column("Maker", ReagentLot.manufacturer),
            "manufacturer_lot": Column("Maker's lot", ReagentLot.manufacturer_lot),
            "left": Column("Left", func.concat_ws(" ", func.trim_scale(ReagentLot.quantity_left), ReagentLot.unit)),
            "expires_on": Column("Expires", ReagentLot.expires_on),
        },
        (ReagentLot.name, ReagentLot.manufacturer_lot),
        (ReagentLot.expires_on, ReagentLot.id),
        "receive_reagent",
    ),
}
