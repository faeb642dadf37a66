"""Versions of protocols and specifications; and the sites where they hold."""

from tests.attack.twins.sql import ME, Attack, another, change, signed_by

IN_FORCE = "(SELECT identifier FROM definition p WHERE p.code = :protocol)"
IN_FORCE_NOW = change("definition", "imported", "state = 'EFFECTIVE', effective_at = :now")
SIGNED = signed_by("make_effective", "approved", "definition", "imported")
ITS_FILE, FIGURES = "a_version_is_its_file", "a_version_keeps_the_figures_of_its_file"

VERSIONS = [
    Attack("a protocol superseded by nothing", "quinn", "make_effective",
           change("definition", "protocol", "state = 'SUPERSEDED'"), "a_superseded_version_has_its_successor"),
    *(Attack(f"another {column} of a protocol in force", "quinn", "make_effective",
             f"UPDATE definition SET {column} = {value} WHERE code = :protocol", "a_version_is_never_changed")
      for column, value in {"content": "content || ' '", "digest": "repeat('ab', 32)", "version": "'2'",
                            "figures": "jsonb_set(figures, '{cap_cells}', '1')", "handling": "'{}'"}.items()),
    Attack("a protocol in force since earlier", "quinn", "make_effective",
           "UPDATE definition SET effective_at = effective_at - interval '1 day' WHERE code = :protocol",
           "a_version_is_never_changed"),
    Attack("a protocol that is only imported again", "quinn", "make_effective",
           "UPDATE definition SET state = 'IMPORTED' WHERE code = :protocol", "a_version_is_never_changed"),
    Attack("a version that is not its file", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", state="'IMPORTED'", content="content || ' '"),
           "a_version_is_its_file"),
    Attack("a version that is born in force", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", identifier="'INVENTED'"), "a_version_is_its_file"),
    Attack("figures that are not of the file", "quinn", "import_definition",
           another("definition", "protocol", code="'WORSE@1'", identifier="'WORSE'", state="'IMPORTED'",
                   figures="jsonb_set(r.figures, '{cap_cells}', '1')"), FIGURES, without=(ITS_FILE,)),
    Attack("as many subjects as one likes", "quinn", "import_definition",
           another("definition", "protocol", code="'WORSE@1'", identifier="'WORSE'", state="'IMPORTED'",
                   planned_subjects="999"), FIGURES, without=(ITS_FILE,)),
    Attack("figures that are none", "quinn", "import_definition",
           another("definition", "protocol", code="'WORSE@1'", identifier="'WORSE'", state="'IMPORTED'",
                   figures="jsonb_set(r.figures, '{max_hours}', '\"a day\"')"), FIGURES, without=(ITS_FILE,)),
    Attack("figures that are not of the file, in force", "oksana", "make_effective", IN_FORCE_NOW, FIGURES,
           (change("definition", "imported", "figures = jsonb_set(figures, '{max_hours}', '\"24\"')"),)),
    *(Attack(f"a version of which nobody makes an address: {what}", "quinn", "import_definition",
             another("definition", "protocol", code=f"'INVENTED@' || {version}", version=version,
                     identifier="'INVENTED'", state="'IMPORTED'"), "a_version_has_a_plain_code", without=(ITS_FILE,))
      for what, version in {"a slash": "'1/2'", "a line": "E'1\n'", "endless": "repeat('9', 900)",
                            "invisible": "E'1\u200b'", "other digits": "'١'"}.items()),
    Attack("a version that is no address, in force", "oksana", "make_effective", IN_FORCE_NOW,
           "a_version_has_a_plain_code", (change("definition", "imported", "version = '1/2'"),)),
    Attack("a file under another name", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", identifier="'INVENTED'", state="'IMPORTED'"),
           ITS_FILE),
    Attack("a file that the database does not read", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", state="'IMPORTED'", content="'id = 0x1f'"),
           "a_version_is_read_by_the_database"),
    Attack("a protocol of a product that nothing specifies", "oksana", "make_effective", IN_FORCE_NOW,
           "a_product_has_its_specification",
           ("UPDATE definition SET state = 'SUPERSEDED' WHERE type = 'specification'",)),
    Attack("a version in force that nobody signed", "oksana", "make_effective",
           IN_FORCE_NOW, "a_version_in_force_is_signed"),
    Attack("a version in force by whoever imported it", "quinn", "make_effective", f"{IN_FORCE_NOW};{SIGNED}",
           "a_version_comes_into_force_by_another"),
    Attack("a version in force that nobody imported", "oksana", "make_effective", f"{IN_FORCE_NOW};{SIGNED}",
           "a_version_comes_into_force_by_another", (change("definition", "imported", "imported_by_id = 1"),)),
    Attack("a version that somebody else imported after all", "oksana", "make_effective",
           change("definition", "imported", f"imported_by_id = {ME}"), "a_version_is_never_changed"),
]  # fmt: skip
TWICE = [
    Attack(
        "one version twice",
        "quinn",
        "import_definition",
        another("definition", "protocol", code="'INVENTED@1'", state="'IMPORTED'"),
        "uq_definition_type_identifier_version",
        without=(ITS_FILE,),
    ),
    Attack(
        "two versions of one code",
        "quinn",
        "import_definition",
        another("definition", "protocol", version="'99'", state="'IMPORTED'"),
        "uq_definition_code",
        without=(ITS_FILE,),
    ),
    Attack(
        "two versions in force",
        "oksana",
        "make_effective",
        IN_FORCE_NOW,
        "one_version_in_force",
        (change("definition", "imported", f"version = '99', identifier = {IN_FORCE}"),),
    ),
    Attack(
        "a site twice",
        "ada",
        "add_site",
        "INSERT INTO site (code, name, fin, fin_registered, timezone) "
        "SELECT code, 'x', 'A9997', false, 'UTC' FROM site WHERE id = 1",
        "uq_site_code",
    ),
]
ATTACKS = [*VERSIONS, *TWICE]
