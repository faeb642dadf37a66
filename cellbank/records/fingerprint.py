"""The fingerprint of the schema: every object of the database that keeps the rules, one line each, and what differs.

`migrations/fingerprint.txt` is what the migrations make; `python -m tools.fingerprint` writes it. What a line says does
not depend on the installation: the owner of the tables is `owner` whatever the role is called. What PostgreSQL itself
brings has no line unless somebody changed it (`brought.py`). A definition too long for a line stands as its sha256.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, text

from cellbank.records.brought import brought_by_postgres
from cellbank.shipped import folder

FILE = folder("migrations") / "fingerprint.txt"
LONGEST = 120  # letters of a definition that stands as it is
STANDING = re.compile(r"(on|switched off|on in other sessions|not valid): ")  # stays in sight
REVISION = "revision"
SETTINGS = (
    r"^(session_replication_role|search_path|row_security|event_triggers|transform_null_equals|synchronous_commit|"
    r"standard_conforming_strings|default_transaction_\w+|\w+_preload_libraries|(cellbank|plpgsql)\.\w+)="
)
# What a session has without being asked, wherever it comes from: role, database, file, a trigger at the beginning.
SESSION = {
    "search_path": '"$user", public',
    "session_replication_role": "origin",
    "row_security": "on",
    "transform_null_equals": "off",
    "standard_conforming_strings": "on",
}
Objects = Mapping[str, str]  # what each is called -> its definition

# What is said of an object must not depend on who asks: names are spelt out, constants have one form. Nor on its past:
# with as few brackets as it needs, an expression reads the same after a restore from a backup.
_ONE_FORM = text(
    """SELECT set_config('search_path', 'pg_catalog', true), set_config('quote_all_identifiers', 'off', true),
              set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
              set_config('intervalstyle', 'postgres', true), set_config('bytea_output', 'hex', true),
              set_config('extra_float_digits', '1', true)"""
)
_SESSION = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
_OBJECTS = text(
    r"""
    WITH home AS (
      SELECT c.relnamespace AS schema, c.relowner AS owner FROM pg_class c
       WHERE c.oid = CAST('public.alembic_version' AS regclass)
    ), relation AS (
      SELECT c.* FROM pg_class c JOIN home ON home.schema = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    ), routine AS (
      SELECT p.*, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS called
        FROM pg_proc p JOIN home ON home.schema = p.pronamespace
    ), internal AS (  -- triggers that keep constraints: nobody sees them, and nobody but PostgreSQL makes them
      SELECT g.*, g.tgconstraint <> 0 AND p.pronamespace = CAST('pg_catalog' AS regnamespace)
                  AND p.proname ~ '^(RI_FKey_|unique_key_recheck$)' AS is_brought
        FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid WHERE g.tgisinternal
    ), access (kind, name, owner, acl) AS (
      SELECT 'schema', 'public', home.owner, n.nspacl FROM home JOIN pg_namespace n ON n.oid = home.schema
      UNION ALL SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, relname, relowner, relacl FROM relation
      UNION ALL SELECT 'column', r.relname || '.' || a.attname, r.relowner, a.attacl
        FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid WHERE a.attacl IS NOT NULL
      UNION ALL SELECT 'function', called, proowner, coalesce(proacl, acldefault('f', proowner)) FROM routine
      UNION ALL SELECT 'setting', parname, 10, paracl FROM pg_parameter_acl  -- 10: who made the cluster
      UNION ALL SELECT 'what comes in', coalesce(n.nspname, 'any schema') || ' as ' || CAST(d.defaclobjtype AS text),
                       d.defaclrole, d.defaclacl
        FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    ), granted AS (
      SELECT a.kind, a.name,
             coalesce(string_agg(g.grantee || ' ' || g.rights, '; ' ORDER BY g.grantee), 'nobody') AS rights
        FROM access a
        LEFT JOIN LATERAL (
          SELECT coalesce(r.rolname, 'everybody') AS grantee,
                 string_agg(e.privilege_type || CASE WHEN e.is_grantable THEN ' to give on' ELSE '' END, ', '
                            ORDER BY e.privilege_type) AS rights
            FROM aclexplode(a.acl) e LEFT JOIN pg_roles r ON r.oid = e.grantee
           WHERE e.grantee <> a.owner AND coalesce(r.rolname, '') <> 'pg_database_owner'
           GROUP BY 1
        ) g ON true GROUP BY 1, 2
    )
    SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'S' THEN 'sequence'
                        WHEN 'f' THEN 'foreign table' ELSE 'view' END || ' ' || relname AS name,
           concat_ws(', ', CASE relpersistence WHEN 'p' THEN 'kept' ELSE 'not kept' END,
                     CASE WHEN relrowsecurity THEN 'row security' END,
                     CASE WHEN relforcerowsecurity THEN 'forced' END,
                     -- What PostgreSQL looks at before it looks for any: without it there are none, whatever is there.
                     CASE WHEN NOT relhastriggers AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation.oid)
                          THEN 'its triggers forgotten' END,
                     CASE WHEN relchecks <> (SELECT count(*) FROM pg_constraint
                                              WHERE conrelid = relation.oid AND contype = 'c')
                          THEN 'its checks forgotten' END,
                     CASE WHEN NOT relhasindex AND EXISTS (SELECT FROM pg_index WHERE indrelid = relation.oid)
                          THEN 'its indexes forgotten' END,
                     CASE WHEN NOT relhasrules AND EXISTS (SELECT FROM pg_rewrite WHERE ev_class = relation.oid)
                          THEN 'its rules forgotten' END,
                     CASE WHEN relowner <> home.owner THEN 'of another owner' END,
                     CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(relation.oid, true) END,
                     (SELECT format('step %s, from %s to %s, %s', seqincrement, seqmin, seqmax,
                                    CASE WHEN seqcycle THEN 'again and again' ELSE 'once' END)
                        FROM pg_sequence WHERE seqrelid = relation.oid)) AS definition
      FROM relation, home
    UNION ALL
    SELECT 'column ' || r.relname || '.' || a.attname,
           concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                     CASE WHEN a.attcollation <> t.typcollation
                          THEN 'compared by ' || CAST(CAST(a.attcollation AS regcollation) AS text) END,
                     CASE a.attidentity WHEN 'a' THEN 'always counted' WHEN 'd' THEN 'counted' END,
                     CASE WHEN a.attgenerated <> '' THEN 'computed' WHEN d.adbin IS NOT NULL THEN 'default' END,
                     CASE WHEN a.atthasdef <> (d.oid IS NOT NULL) THEN 'forgotten:' END,
                     pg_get_expr(d.adbin, d.adrelid, true))
      FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum WHERE r.relkind NOT IN ('S', 'v')
    UNION ALL
    -- A foreign key is kept by four triggers of its own, which can be switched off, or exchanged, like any other.
    SELECT 'constraint ' || r.relname || '.' || c.conname,
           CASE WHEN (SELECT bool_or(g.tgenabled <> 'O') OR c.contype = 'f'
                             AND (count(*), count(DISTINCT g.tgfoid) FILTER (WHERE g.is_brought)) <> (4, 4)
                        FROM internal g WHERE g.tgconstraint = c.oid)
                THEN 'switched off: ' ELSE '' END || pg_get_constraintdef(c.oid, true)
      FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid WHERE c.contype NOT IN ('t', 'n')
    UNION ALL
    SELECT 'index ' || c.relname,
           CASE WHEN i.indisvalid AND i.indisready AND i.indislive
                     AND (i.indimmediate OR EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND condeferrable))
                THEN '' ELSE 'not valid: ' END
           || pg_get_indexdef(c.oid, 0, true)
      FROM relation r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
    UNION ALL
    SELECT 'trigger ' || r.relname || '.' || g.tgname,
           CASE g.tgenabled WHEN 'O' THEN 'on: ' WHEN 'D' THEN 'switched off: ' ELSE 'on in other sessions: ' END
           || pg_get_triggerdef(g.oid, true)
      FROM relation r JOIN pg_trigger g ON g.tgrelid = r.oid
     WHERE NOT g.tgisinternal OR g.oid IN (SELECT oid FROM internal WHERE NOT is_brought)  -- called so, by whoever may
    UNION ALL
    SELECT 'rule ' || r.relname || '.' || w.rulename, pg_get_ruledef(w.oid, true)
      FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'policy ' || r.relname || '.' || p.polname,
           concat_ws(' ', CAST(p.polcmd AS text), pg_get_expr(p.polqual, r.oid), pg_get_expr(p.polwithcheck, r.oid))
      FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'function ' || called, concat_ws(', ', CASE WHEN proowner <> home.owner THEN 'of another owner' END,
           CASE prokind WHEN 'a' THEN 'aggregate' ELSE pg_get_functiondef(routine.oid) END) FROM routine, home
    UNION ALL
    SELECT 'type ' || t.typname, concat_ws(', ', CAST(t.typtype AS text), format_type(t.typbasetype, t.typtypmod),
           (SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
           (SELECT string_agg(pg_get_constraintdef(oid, true), ' ' ORDER BY conname) FROM pg_constraint
             WHERE contypid = t.oid))
      FROM pg_type t JOIN home ON home.schema = t.typnamespace
     WHERE (t.typtype IN ('d', 'e', 'r') OR t.typtype = 'b' AND t.typcategory <> 'A'
            OR t.typrelid IN (SELECT oid FROM pg_class WHERE relkind = 'c'))
    UNION ALL
    SELECT format('operator %s (%s, %s)', o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL)),
           CAST(CAST(o.oprcode AS regprocedure) AS text) FROM pg_operator o JOIN home ON home.schema = o.oprnamespace
    UNION ALL
    SELECT 'event trigger ' || e.evtname,
           concat_ws(' ', e.evtevent, CAST(e.evtenabled AS text), CAST(e.evtfoid AS regproc))
      FROM pg_event_trigger e
    UNION ALL
    SELECT 'subscription ' || s.subname, 'rows come from elsewhere, past the triggers' FROM pg_subscription s
      JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()
    UNION ALL
    SELECT format('grants of %s %s', kind, name), rights FROM granted
     WHERE rights <> CASE kind WHEN 'function' THEN 'everybody EXECUTE' ELSE 'nobody' END
    UNION ALL
    -- Who makes schemas in the database puts functions before ours; its owner may. Who makes temporary tables in it
    -- puts them before ours in their own session: no harm by who writes nothing. Who connects is no matter of ours.
    SELECT 'grants of the database to ' || coalesce(r.rolname, 'everybody'),
           string_agg(e.privilege_type, ', ' ORDER BY e.privilege_type)
      FROM home, pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) e
      LEFT JOIN pg_roles r ON r.oid = e.grantee
     WHERE d.datname = current_database() AND e.grantee NOT IN (d.datdba, home.owner)
       AND (e.privilege_type = 'CREATE' OR e.is_grantable
            OR e.privilege_type = 'TEMPORARY' AND coalesce(r.rolname, :role) = :role) GROUP BY 1
    UNION ALL
    -- The application's role makes nothing. Large objects it may: no rule looks at one, and here they are told.
    SELECT format('made by the role of the application: %s', pg_describe_object(s.classid, s.objid, s.objsubid)),
           'it makes nothing'
      FROM home, pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid JOIN pg_database d ON d.oid = s.dbid
     WHERE s.refclassid = CAST('pg_authid' AS regclass) AND s.deptype = 'o' AND d.datname = current_database()
       AND r.rolname = :role AND r.oid <> home.owner
    UNION ALL
    -- Who acts as one of the two roles without a password of theirs, or passes all grants. Superusers may everything.
    SELECT 'role ' || m.rolname,
           string_agg('is one of ' || CASE g.oid WHEN home.owner THEN 'owner' ELSE g.rolname END, ', ' ORDER BY g.oid)
      FROM home, pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
     WHERE (g.oid = home.owner OR g.rolname IN (:role, 'pg_write_all_data', 'pg_write_server_files',
                                                'pg_execute_server_program'))
       AND m.oid <> home.owner AND m.rolname <> :role AND NOT m.rolsuper GROUP BY m.rolname
    UNION ALL
    SELECT 'role of the application',
           concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreaterole THEN 'makes roles' END,
                     CASE WHEN rolcreatedb THEN 'makes databases' END, CASE WHEN rolreplication THEN 'replicates' END,
                     CASE WHEN rolbypassrls THEN 'passes row security' END,
                     CASE WHEN r.oid = home.owner THEN 'owns the tables' END,
                     CASE WHEN r.oid = (SELECT datdba FROM pg_database WHERE datname = current_database())
                          THEN 'owns the database' END,
                     coalesce('is one of ' || (SELECT string_agg(of.rolname, ', ' ORDER BY of.rolname)
                       FROM pg_auth_members m JOIN pg_roles of ON of.oid = m.roleid WHERE m.member = r.oid),
                       'one of no other role'))
      FROM pg_roles r, home WHERE r.rolname = :role
    UNION ALL
    -- A setting that a session begins with can switch triggers off, or put other functions in the place of ours.
    SELECT format('setting of %s %s',
                  coalesce(CASE r.oid WHEN home.owner THEN 'owner' ELSE 'role ' || r.rolname END, 'everybody'),
                  split_part(one, '=', 1)), split_part(one, '=', 2)
      FROM home, pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
      LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) one
     WHERE (s.setdatabase = 0 OR d.datname = current_database())
       AND one ~ :settings
    UNION ALL
    -- A schema that is called like the role is looked into before ours; a table that inherits adds its rows to ours.
    SELECT 'schema ' || n.nspname, 'stands before public' FROM pg_namespace n JOIN pg_roles r ON r.rolname = n.nspname
      JOIN home ON r.rolname = :role OR r.oid = home.owner
    UNION ALL
    SELECT format('table %s.%s', CAST(c.relnamespace AS regnamespace), c.relname),
           'its rows are among those of ' || r.relname
      FROM pg_inherits i JOIN relation r ON r.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
    UNION ALL
    SELECT :revision, version_num FROM public.alembic_version
    """
)


@dataclass(frozen=True)
class Difference:
    """One object that is not as the migrations make it: `found` None: it is missing; `wanted` None: nobody made it."""

    name: str
    found: str | None
    wanted: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.name} is missing"
        if self.wanted is None:
            return f"{self.name} is not of this version: {self.found}"
        return f"{self.name} is not as this version makes it: it is {self.found}, not {self.wanted}"


def objects_of(connection: Connection, role: str = "cellbank_app") -> Objects:
    """The objects of the database that keep the rules, as they are; `role` is that of the application."""
    session = connection.execute(_SESSION, {"names": list(SESSION)}).all()
    others = {f"setting of this session {name}": setting for name, setting in session if setting != SESSION[name]}
    with connection.begin_nested() as look:
        connection.execute(_ONE_FORM)
        rows = connection.execute(_OBJECTS, {"role": role, "revision": REVISION, "settings": SETTINGS}).all()
        others |= brought_by_postgres(connection)
        look.rollback()  # who asked goes on with the settings that they had
    return {name: _short(definition) for name, definition in sorted([*map(tuple, rows), *others.items()])}


def _short(definition: str) -> str:
    if len(definition) <= LONGEST and definition.isprintable():
        return definition
    stands = STANDING.match(definition)
    return f"{stands[0] if stands else ''}sha256:{hashlib.sha256(definition.encode()).hexdigest()}"


def as_lines(objects: Objects) -> str:
    """The fingerprint as it is shipped, in the order of the names."""
    return "".join(f"{name} | {definition}\n" for name, definition in sorted(objects.items()))


@cache
def shipped() -> Objects:
    """The fingerprint that came with this version."""
    lines = FILE.read_text().splitlines()
    return dict(line.split(" | ", 1) for line in lines if line and not line.startswith("#"))


def differences(found: Objects, wanted: Objects) -> tuple[Difference, ...]:
    """Each object that differs, by name."""
    names = sorted(found.keys() | wanted.keys())
    return tuple(
        Difference(name, found.get(name), wanted.get(name)) for name in names if found.get(name) != wanted.get(name)
    )
