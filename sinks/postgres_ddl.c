/*
 * postgres_ddl.c -- a table for the target, as text.
 *
 * A column gets the type that it has in the source where that is PostgreSQL and the target knows a type of that name; else
 * the table below says which. Defaults and identity stay out: rows bring their values.
 */
#include "postgres_target.h"

#include <stdlib.h>

/* What a kind of value becomes, and what is lost. The documentation's table is this one. */
static const struct type_rule {
    enum value_type type;
    const char *sql; /* n: the column's length; p, s: precision and scale, left out where there is none */
    const char *loss;
} type_rules[] = {
    {TYPE_BOOL, "boolean", ""},
    {TYPE_INT16, "smallint", ""},
    {TYPE_INT32, "integer", ""},
    {TYPE_INT64, "bigint", ""},
    {TYPE_FLOAT32, "real", ""},
    {TYPE_FLOAT64, "double precision", ""},
    {TYPE_DECIMAL, "numeric(p,s)", ""},
    {TYPE_NUMERIC, "numeric", ""},
    {TYPE_TEXT, "varchar(n)", "U+0000 is refused"},
    {TYPE_BYTES, "bytea", ""},
    {TYPE_UUID, "uuid", ""},
    {TYPE_JSON, "json", ""},
    {TYPE_ENUM, "text", "the list of labels"},
    {TYPE_DATE, "date", "0000-00-00 and the like are refused"},
    {TYPE_TIME, "time(p)", "below 0 and above 24:00 is refused: a column made as interval holds it"},
    {TYPE_TIMESTAMP, "timestamp(p)", "0000-00-00 and the like are refused"},
    {TYPE_TIMESTAMPTZ, "timestamptz(p)", "0000-00-00 and the like are refused"},
    {TYPE_OTHER, "text", "the type"},
    {TYPE_BITS, "bit(n)", ""},
    {TYPE_SET, "text", "the list of labels"},
    {TYPE_YEAR, "smallint", ""},
    {TYPE_GEOMETRY, "bytea", "the SRID; geometry where PostGIS is there, with it"},
    {TYPE_POINT, "bytea", "the SRID; geometry where PostGIS is there, with it"},
    {TYPE_VECTOR, "real[]", ""},
};

enum { VARCHAR_MAX = 10485760 };

/* ---- types ---- */

static void
put_ruled_type(struct buffer *out, const struct column *column)
{
    const char *sql = "text";

    for (size_t i = 0; i < sizeof(type_rules) / sizeof(type_rules[0]); i++) {
        if (type_rules[i].type == column->type)
            sql = type_rules[i].sql;
    }
    if (column->type == TYPE_TEXT && (column->length <= 0 || column->length > VARCHAR_MAX)) {
        buffer_put_string(out, "text");
        return;
    }
    buffer_put(out, sql, strcspn(sql, "("));
    if (strstr(sql, "(n)") != NULL && column->length > 0)
        buffer_printf(out, "(%d)", column->length);
    if (strstr(sql, "(p,s)") != NULL && column->precision > 0)
        buffer_printf(out, "(%d,%d)", column->precision, column->scale);
    if (strstr(sql, "(p)") != NULL && column->precision >= 0 && column->precision <= 6)
        buffer_printf(out, "(%d)", column->precision);
}

/* The name of the first of these types that the target has, or "". */
static int
ask_type(struct db *db, const char *name, bool *there, struct error *err)
{
    struct buffer quoted = {0};
    PGresult *res;

    pg_literal(&quoted, name);
    res = pg_query(session_of(db)->conn, err, "SELECT to_regtype(%s) IS NOT NULL", buffer_cstr(&quoted));
    buffer_free(&quoted);
    *there = res != NULL && pg_true(res, 0, 0);
    PQclear(res);
    return res == NULL ? -1 : 0;
}

/* What the source calls it; of a built-in type the target knows as well, whatever the catalogue could tell. */
static int
source_type(struct db *db, const struct db_table *table, uint16_t i, struct buffer *out, struct error *err)
{
    enum { FIRST_OF_USERS = 16384 };
    const struct column *column = &table->relation->columns[i];
    const char *declared = table->told != NULL && table->told->columns != NULL ? table->told->columns[i].declared : NULL;
    bool there;
    PGresult *res;

    if (declared != NULL) {
        if (ask_type(db, declared, &there, err) == -1)
            return -1;
        if (there)
            buffer_put_string(out, declared);
        return 0;
    }
    if (column->type_id == 0 || column->type_id >= FIRST_OF_USERS)
        return 0;
    res = pg_query(session_of(db)->conn, err, "SELECT format_type(oid, %d) FROM pg_type WHERE oid = %u", column->typmod,
                   column->type_id);
    if (res == NULL)
        return -1;
    if (PQntuples(res) == 1)
        buffer_put_string(out, pg_text(res, 0, 0));
    PQclear(res);
    return 0;
}

static int
put_type(struct db *db, const struct db_table *table, uint16_t i, struct buffer *out, struct error *err)
{
    const struct column *column = &table->relation->columns[i];
    size_t before = out->len;
    bool there = false;

    if (column->binlog == NULL && source_type(db, table, i, out, err) == -1)
        return -1;
    if (out->len > before)
        return 0;
    if (column->type == TYPE_GEOMETRY || column->type == TYPE_POINT) {
        if (ask_type(db, "geometry", &there, err) == -1)
            return -1;
    }
    if (there)
        buffer_put_string(out, "geometry");
    else
        put_ruled_type(out, column);
    return 0;
}

/* ---- statements ---- */

/* Outside of pipeline mode, and back. */
static int
quiet(struct db *db, int (*make)(struct db *, const struct db_table *, uint16_t, struct buffer *, struct error *),
      const struct db_table *table, uint16_t column, struct buffer *out, struct error *err)
{
    struct pg_session *s = session_of(db);
    bool open = PQpipelineStatus(s->conn) != PQ_PIPELINE_OFF;

    if (pipeline_leave(db, err) == -1 || make(db, table, column, out, err) == -1)
        return -1;
    return open ? pipeline_enter(s, err) : 0;
}

/* History's rows are what changes had: nothing is NOT NULL. */
static bool
not_null(const struct db *db, const struct db_table *table, uint16_t i)
{
    if (db->settings->apply == DB_APPEND)
        return false;
    return table->columns[i].key || table->relation->columns[i].not_null ||
           (table->told != NULL && table->told->columns != NULL && table->told->columns[i].not_null);
}

static void
put_own_columns(struct buffer *out, const struct db *db)
{
    if (db->settings->apply == DB_APPEND)
        buffer_put_string(out, ",\n    " DB_COLUMN_OP " text NOT NULL,\n    " DB_COLUMN_ID " text PRIMARY KEY,\n    " DB_COLUMN_TIME
                               " timestamptz NOT NULL");
    else if (db->settings->apply == DB_SOFT_DELETE)
        buffer_put_string(out, ",\n    " DB_COLUMN_DELETED " boolean NOT NULL DEFAULT false");
}

static void
put_primary_key(struct buffer *out, const struct db *db, const struct db_table *table)
{
    if (table->nkey == 0 || db->settings->apply == DB_APPEND)
        return;
    buffer_put_string(out, ",\n    PRIMARY KEY (");
    for (uint16_t k = 0; k < table->nkey; k++) {
        buffer_put_string(out, k > 0 ? ", " : "");
        pg_identifier(out, table->columns[table->key[k]].name);
    }
    buffer_put_string(out, ")");
}

/* CREATE SCHEMA takes rights even where the schema is there. */
static int
put_schema(struct db *db, const char *schema, struct buffer *out, struct error *err)
{
    struct buffer quoted = {0};
    PGresult *res;

    pg_literal(&quoted, schema);
    res = pg_query(session_of(db)->conn, err, "SELECT FROM pg_namespace WHERE nspname = %s", buffer_cstr(&quoted));
    buffer_free(&quoted);
    if (res == NULL)
        return -1;
    if (PQntuples(res) == 0) {
        buffer_put_string(out, "CREATE SCHEMA IF NOT EXISTS ");
        pg_identifier(out, schema);
        buffer_put_string(out, ";\n");
    }
    PQclear(res);
    return 0;
}

static int
make_create(struct db *db, const struct db_table *table, uint16_t unused, struct buffer *out, struct error *err)
{
    const struct target_table *target = table->own;

    (void)unused;
    if (table->schema[0] != 0 && put_schema(db, table->schema, out, err) == -1)
        return -1;
    buffer_printf(out, "CREATE TABLE %s (", target->name);
    for (uint16_t i = 0; i < table->relation->ncolumns; i++) {
        buffer_put_string(out, i > 0 ? ",\n    " : "\n    ");
        pg_identifier(out, table->columns[i].name);
        buffer_put_u8(out, ' ');
        if (put_type(db, table, i, out, err) == -1)
            return -1;
        buffer_put_string(out, not_null(db, table, i) ? " NOT NULL" : "");
    }
    if (table->relation->ncolumns > 0)
        put_own_columns(out, db);
    put_primary_key(out, db, table);
    buffer_put_string(out, "\n)");
    return 0;
}

static int
make_add_column(struct db *db, const struct db_table *table, uint16_t i, struct buffer *out, struct error *err)
{
    const struct target_table *target = table->own;
    const struct catalog_column *told = table->told != NULL && table->told->columns != NULL ? &table->told->columns[i] : NULL;

    buffer_printf(out, "ALTER TABLE %s ADD COLUMN ", target->name);
    pg_identifier(out, table->columns[i].name);
    buffer_put_u8(out, ' ');
    if (put_type(db, table, i, out, err) == -1)
        return -1;
    if (told == NULL || told->default_text == NULL || db->settings->apply == DB_APPEND)
        return 0;
    buffer_put_string(out, " DEFAULT ");
    pg_literal(out, told->default_text);
    buffer_put_string(out, not_null(db, table, i) ? " NOT NULL" : "");
    return 0;
}

int
target_create_sql(struct db *db, const struct db_table *table, struct buffer *out, struct error *err)
{
    return quiet(db, make_create, table, 0, out, err);
}

int
target_add_column_sql(struct db *db, const struct db_table *table, uint16_t column, struct buffer *out, struct error *err)
{
    return quiet(db, make_add_column, table, column, out, err);
}
