"""Versions of protocols and specifications; and the sites where they hold."""

from tests.attack.twins.sql import Attack, another, change

IN_FORCE = "(SELECT identifier FROM definition p WHERE p.code = :protocol)"

VERSIONS = [
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
    Attack("a version in force that nobody signed", "quinn", "make_effective",
           "UPDATE definition SET state = 'EFFECTIVE', effective_at = :now WHERE code = :imported",
           "a_version_in_force_is_signed"),
]  # fmt: skip
TWICE = [
    Attack("one version twice", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", state="'IMPORTED'"),
           "uq_definition_type_identifier_version"),
    Attack("two versions of one code", "quinn", "import_definition",
           another("definition", "protocol", version="'99'", state="'IMPORTED'"), "uq_definition_code"),
    Attack("two versions in force", "quinn", "make_effective",
           change("definition", "imported", "state = 'EFFECTIVE', effective_at = :now"), "one_version_in_force",
           (change("definition", "imported", f"version = '99', identifier = {IN_FORCE}"),)),
    Attack("a site twice", "ada", "add_site",
           "INSERT INTO site (code, name, fin, fin_registered, timezone) "
           "SELECT code, 'x', 'A9997', false, 'UTC' FROM site WHERE id = 1", "uq_site_code"),
]  # fmt: skip
ATTACKS = [*VERSIONS, *TWICE]
