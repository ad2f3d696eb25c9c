/*
 * postgres_tables.c -- what the target's catalogue says of a table.
 *
 * Asked once for each relation and session, inside the transaction that needs it. A table that would lose data (unlogged),
 * that is none (a view, a foreign table) or whose rows hide from us (row security) is refused.
 */
#include "postgres_target.h"

#include <stdlib.h>

/* ---- the table ---- */

enum table_field {
    TABLE_OID, TABLE_KIND, TABLE_PERSISTENCE, TABLE_SECURITY, TABLE_REFERENCED, TABLE_CONSTRAINED,
};

static PGresult *
ask_table(struct db *db, const struct db_table *table, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct buffer schema = {0}, name = {0};
    PGresult *res;

    pg_literal(&schema, table->schema[0] != 0 ? table->schema : s->schema);
    pg_literal(&name, table->name);
    res = pg_query(s->conn, err,
                   "SELECT c.oid, c.relkind, c.relpersistence, row_security_active(c.oid), EXISTS (SELECT FROM pg_constraint f "
                   "WHERE f.confrelid = c.oid AND f.contype = 'f'), EXISTS (SELECT FROM pg_constraint f WHERE (f.confrelid = "
                   "c.oid OR f.conrelid = c.oid) AND f.contype IN ('f', 'x')%s) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                   "c.relnamespace WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
                   s->version >= 180000 ? " AND (f.conenforced OR f.contype = 'x')" : "", buffer_cstr(&schema),
                   buffer_cstr(&name));
    buffer_free(&schema);
    buffer_free(&name);
    return res;
}

static int
refuse(const struct db_table *table, const char *what, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "E_TARGET_ENGINE", "table %s.%s of the target %s", table->schema, table->name, what);
}

static int
check_table(const struct db_table *table, const PGresult *res, struct error *err)
{
    char kind = pg_text(res, 0, TABLE_KIND)[0];

    if (kind == 'v' || kind == 'm')
        return refuse(table, "is a view", err);
    if (kind == 'f')
        return refuse(table, "is a foreign table: it would not commit with ours", err);
    if (pg_text(res, 0, TABLE_PERSISTENCE)[0] == 'u')
        return refuse(table, "is unlogged, and empty after a crash. Run: ALTER TABLE ... SET LOGGED", err);
    if (pg_true(res, 0, TABLE_SECURITY))
        return refuse(table, "has row security, which hides rows from this role. Run: ALTER ROLE ... BYPASSRLS", err);
    return 0;
}

/* ---- columns ---- */

enum column_field {
    COLUMN_NAME, COLUMN_BASE, COLUMN_TYPMOD, COLUMN_CATEGORY, COLUMN_TYPE, COLUMN_DECLARED, COLUMN_TYPTYPE, COLUMN_GENERATED,
    COLUMN_IDENTITY, COLUMN_COLLATION,
};

/* A domain is followed down to what it is made of, whose modifier counts. */
static PGresult *
ask_columns(struct db *db, const char *oid, struct error *err)
{
    return pg_query(session_of(db)->conn, err,
                    "SELECT a.attname, t.oid, b.typmod, t.typcategory, format_type(t.oid, -1), format_type(a.atttypid, "
                    "a.atttypmod), t.typtype, a.attgenerated <> '', a.attidentity = 'a', coalesce(l.collisdeterministic, true) "
                    "FROM pg_attribute a CROSS JOIN LATERAL (WITH RECURSIVE base(oid, typmod) AS (SELECT a.atttypid, a.atttypmod "
                    "UNION ALL SELECT d.typbasetype, d.typtypmod FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype = "
                    "'d') SELECT base.oid, base.typmod FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype <> 'd') b "
                    "JOIN pg_type t ON t.oid = b.oid LEFT JOIN pg_collation l ON l.oid = a.attcollation WHERE a.attrelid = %s "
                    "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum", oid);
}

static struct target_column *
take_column(struct db_table *table, const PGresult *res, int row, const struct column *source)
{
    struct target_column *to = arena_alloc(&table->arena, sizeof(*to));

    if (to == NULL)
        return NULL;
    to->oid = (uint32_t)strtoul(pg_text(res, row, COLUMN_BASE), NULL, 10);
    to->typmod = (int32_t)strtol(pg_text(res, row, COLUMN_TYPMOD), NULL, 10);
    to->category = pg_text(res, row, COLUMN_CATEGORY)[0];
    to->type = arena_strdup(&table->arena, pg_text(res, row, COLUMN_TYPE));
    to->declared = arena_strdup(&table->arena, pg_text(res, row, COLUMN_DECLARED));
    to->generated = pg_true(res, row, COLUMN_GENERATED);
    to->identity = pg_true(res, row, COLUMN_IDENTITY);
    target_column_settle(to, source, pg_text(res, row, COLUMN_TYPTYPE)[0] == 'e');
    return to->type != NULL && to->declared != NULL ? to : NULL;
}

static const char *const history_columns[] = {DB_COLUMN_OP, DB_COLUMN_ID, DB_COLUMN_TIME, NULL};
static const char *const soft_columns[] = {DB_COLUMN_DELETED, NULL};
static const char *const no_columns[] = {NULL};

/* The columns of our own that the mode needs. */
static const char *const *
own_columns(const struct db *db)
{
    return db->settings->apply == DB_APPEND ? history_columns : db->settings->apply == DB_SOFT_DELETE ? soft_columns : no_columns;
}

static int
check_own_columns(struct db *db, const struct db_table *table, const PGresult *res, struct error *err)
{
    for (const char *const *name = own_columns(db); *name != NULL; name++) {
        int row = 0;

        while (row < PQntuples(res) && strcmp(pg_text(res, row, COLUMN_NAME), *name) != 0)
            row++;
        if (row == PQntuples(res))
            return error_set(err, ERROR_CONFIG, "E_TARGET_COLUMN", "table %s.%s of the target lacks the column that this mode "
                             "writes. Run: ALTER TABLE %s ADD COLUMN %s %s", table->schema, table->name,
                             ((struct target_table *)table->own)->name, *name,
                             strcmp(*name, DB_COLUMN_DELETED) == 0 ? "boolean NOT NULL DEFAULT false"
                             : strcmp(*name, DB_COLUMN_TIME) == 0  ? "timestamptz"
                                                                   : "text");
    }
    return 0;
}

static bool
is_own_column(const char *name)
{
    return strcmp(name, DB_COLUMN_OP) == 0 || strcmp(name, DB_COLUMN_ID) == 0 || strcmp(name, DB_COLUMN_TIME) == 0 ||
           strcmp(name, DB_COLUMN_DELETED) == 0;
}

static int
take_columns(struct db *db, struct db_table *table, const PGresult *res, struct error *err)
{
    const struct relation *rel = table->relation;
    struct target_table *target = table->own;

    for (uint16_t i = 0; i < rel->ncolumns; i++)
        table->columns[i].own = NULL;
    table->extra = NULL;
    for (int row = 0; row < PQntuples(res); row++) {
        const char *name = pg_text(res, row, COLUMN_NAME);
        uint16_t i = 0;

        while (i < rel->ncolumns && strcmp(rel->columns[i].name, name) != 0)
            i++;
        if (i == rel->ncolumns) {
            if (!pg_true(res, row, COLUMN_GENERATED) && !is_own_column(name))
                table->extra = arena_strdup(&table->arena, name);
            continue;
        }
        struct target_column *to = take_column(table, res, row, &rel->columns[i]);
        if (to == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for a table");
        if (table->columns[i].key && to->generated)
            return error_set(err, ERROR_CONFIG, "E_TARGET_COLUMN", "table %s.%s: column %s is part of the key, and generated in the "
                             "target", table->schema, table->name, name);
        table->columns[i].own = to;
        target->overriding = target->overriding || to->identity;
    }
    return check_own_columns(db, table, res, err);
}

/* ---- the key ---- */

/* Unique indexes, each as its columns' names in order, "" for an expression. */
static PGresult *
ask_indexes(struct db *db, const char *oid, struct error *err)
{
    return pg_query(session_of(db)->conn, err,
                    "SELECT i.indexrelid::regclass::text, i.indimmediate AND i.indisvalid AND i.indpred IS NULL, "
                    "coalesce(a.attname, '') FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, "
                    "place) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 WHERE "
                    "i.indrelid = %s AND i.indisunique AND k.place <= i.indnkeyatts ORDER BY i.indexrelid, k.place", oid);
}

static bool
in_key(const struct db_table *table, const char *name)
{
    for (uint16_t k = 0; k < table->nkey; k++) {
        if (strcmp(table->columns[table->key[k]].name, name) == 0)
            return true;
    }
    return false;
}

static void
put_unique_index(struct buffer *out, const struct db_table *table)
{
    buffer_printf(out, "CREATE UNIQUE INDEX ON %s (", ((struct target_table *)table->own)->name);
    for (uint16_t k = 0; k < table->nkey; k++) {
        buffer_put_string(out, k > 0 ? ", " : "");
        pg_identifier(out, table->columns[table->key[k]].name);
    }
    buffer_put_string(out, ")");
}

/* Has the key its index, and is there another unique one, which makes order count? */
static int
take_indexes(const struct db *db, struct db_table *table, const PGresult *res, struct error *err)
{
    bool found = false;
    int n = PQntuples(res);
    struct buffer sql = {0};

    for (int row = 0, next; row < n; row = next) {
        bool ours = pg_true(res, row, 1);

        for (next = row; next < n && strcmp(pg_text(res, next, 0), pg_text(res, row, 0)) == 0; next++)
            ours = ours && in_key(table, pg_text(res, next, 2));
        if (ours && next - row == table->nkey)
            found = true;
        else
            table->ordered = true;
    }
    if (found || table->nkey == 0 || db->settings->apply == DB_APPEND)
        return 0;
    put_unique_index(&sql, table);
    error_set(err, ERROR_CONFIG, "E_TARGET_KEY", "table %s.%s of the target has no unique index on the key. Run: %s",
              table->schema, table->name, buffer_cstr(&sql));
    buffer_free(&sql);
    return -1;
}

/*
 * May two keys that differ in their packed bytes be equal in the target? Then their order counts. Numbers without a fixed
 * scale (1.0 and 1.00), floats (0 and -0), texts that compare by more than bytes, and types that we do not know.
 */
static bool
compares_by_bytes(const struct target_column *to, const struct column *source)
{
    enum { OID_BPCHAR = 1042 };

    switch (to->form) {
    case FORM_NUMERIC:
        return source->type == TYPE_DECIMAL;
    case FORM_TEXT:
        return to->oid != OID_BPCHAR || source->type_id == OID_BPCHAR;
    case FORM_FLOAT4:
    case FORM_FLOAT8:
    case FORM_JSON:
    case FORM_JSONB:
        return false;
    case FORM_CAST:
        return to->copies; /* an enum */
    default:
        return true;
    }
}

static void
look_at_key(struct db_table *table, const PGresult *columns)
{
    for (uint16_t k = 0; k < table->nkey; k++) {
        const struct db_column *column = &table->columns[table->key[k]];

        if (column->own != NULL && !compares_by_bytes(column->own, &table->relation->columns[table->key[k]]))
            table->ordered = true;
        for (int row = 0; row < PQntuples(columns); row++) {
            if (strcmp(pg_text(columns, row, COLUMN_NAME), column->name) == 0 && !pg_true(columns, row, COLUMN_COLLATION))
                table->ordered = true;
        }
    }
}

/* ---- all of it ---- */

void
target_forget(struct db_table *table)
{
    struct target_table *target = table->own;

    if (target == NULL)
        return;
    statements_free(target);
    free(target->name);
    free(target);
    table->own = NULL;
}

static int
make_target(struct db *db, struct db_table *table, struct error *err)
{
    struct target_table *target = calloc(1, sizeof(*target));
    struct buffer name = {0};

    pg_identifier(&name, table->schema[0] != 0 ? table->schema : session_of(db)->schema);
    buffer_put_u8(&name, '.');
    pg_identifier(&name, table->name);
    if (target != NULL && !buffer_failed(&name))
        target->name = strdup(buffer_cstr(&name));
    buffer_free(&name);
    table->own = target;
    return target != NULL && target->name != NULL ? 0 : error_set(err, ERROR_FATAL, "", "out of memory for a table");
}

static int
describe_columns(struct db *db, struct db_table *table, const char *oid, struct error *err)
{
    PGresult *res = ask_columns(db, oid, err);
    int rc = res == NULL ? -1 : take_columns(db, table, res, err);

    if (rc == 0)
        look_at_key(table, res);
    PQclear(res);
    return rc;
}

static int
describe_indexes(struct db *db, struct db_table *table, const char *oid, struct error *err)
{
    PGresult *res = ask_indexes(db, oid, err);
    int rc = res == NULL ? -1 : take_indexes(db, table, res, err);

    PQclear(res);
    return rc;
}

static int
describe_table(struct db *db, struct db_table *table, struct error *err)
{
    PGresult *res = ask_table(db, table, err);
    struct target_table *target = table->own;
    int rc = res == NULL ? -1 : 0;

    table->exists = res != NULL && PQntuples(res) > 0;
    if (table->exists) {
        target->partitioned = pg_text(res, 0, TABLE_KIND)[0] == 'p';
        target->referenced = pg_true(res, 0, TABLE_REFERENCED);
        table->ordered = pg_true(res, 0, TABLE_CONSTRAINED);
        rc = check_table(table, res, err);
        if (rc == 0)
            rc = describe_columns(db, table, pg_text(res, 0, TABLE_OID), err);
        if (rc == 0)
            rc = describe_indexes(db, table, pg_text(res, 0, TABLE_OID), err);
    }
    PQclear(res);
    return rc;
}

int
target_describe(struct db *db, struct db_table *table, struct error *err)
{
    struct pg_session *s = session_of(db);
    bool open = PQpipelineStatus(s->conn) != PQ_PIPELINE_OFF;

    target_forget(table);
    if (pipeline_leave(db, err) == -1 || make_target(db, table, err) == -1 || describe_table(db, table, err) == -1)
        return -1;
    return open ? pipeline_enter(s, err) : 0;
}
