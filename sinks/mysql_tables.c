/*
 * mysql_tables.c -- a table of the target as the server describes it.
 *
 * What the user may not see counts as not there: a foreign key from a table of another database that it has no rights on.
 */
#include "mysql_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct question {
    struct db *db;
    struct db_table *table;
    struct buffer schema, name; /* literals */
};

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a table");
}

static const char *
own_name(const struct db_table *table)
{
    return ((const struct mysink_table *)table->own)->name;
}

/* ---- the table ---- */

static int
take_table(const struct question *q, struct error *err)
{
    MYSQL_RES *res = mysql_ask(mysink_session_of(q->db)->conn, err,
                               "SELECT TABLE_TYPE, COALESCE(ENGINE, '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s "
                               "AND TABLE_NAME = %s", q->schema.at, q->name.at);
    MYSQL_ROW row;
    int rc = 0;

    if (res == NULL)
        return -1;
    row = mysql_fetch_row(res);
    q->table->exists = row != NULL;
    if (row != NULL && strcmp(mysql_field(row, 0), "BASE TABLE") != 0 && strcmp(mysql_field(row, 0), "SYSTEM VERSIONED") != 0)
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_TABLE", "%s is no table: %.40s", own_name(q->table), mysql_field(row, 0));
    else if (row != NULL && strcmp(mysql_field(row, 1), "InnoDB") != 0)
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_ENGINE",
                       "table %s has engine %.40s, which keeps no step with transactions. Run: ALTER TABLE %s ENGINE=InnoDB",
                       own_name(q->table), mysql_field(row, 1), own_name(q->table));
    mysql_free_result(res);
    return rc;
}

/* ---- its columns ---- */

enum { COL_NAME, COL_TYPE, COL_COLLATION, COL_CHARSET, COL_NULLABLE, COL_HAS_DEFAULT, COL_EXTRA, COL_EXPRESSION, COL_SCALE,
       COL_FRACTION, COL_LENGTH };

static const char columns_sql[] =
    "SELECT COLUMN_NAME, LOWER(DATA_TYPE), COLLATION_NAME, CHARACTER_SET_NAME, IS_NULLABLE, COLUMN_DEFAULT IS NOT NULL, EXTRA, "
    "GENERATION_EXPRESSION, NUMERIC_SCALE, DATETIME_PRECISION, CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS WHERE "
    "TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION";

static const struct {
    const char *word;
    enum mysink_family family;
} families[] = {
    {"tinyint", FAMILY_INTEGER}, {"smallint", FAMILY_INTEGER}, {"mediumint", FAMILY_INTEGER}, {"int", FAMILY_INTEGER},
    {"bigint", FAMILY_INTEGER}, {"bit", FAMILY_BITS}, {"year", FAMILY_BITS}, {"decimal", FAMILY_DECIMAL},
    {"float", FAMILY_FLOAT}, {"double", FAMILY_DOUBLE}, {"char", FAMILY_TEXT}, {"varchar", FAMILY_TEXT},
    {"tinytext", FAMILY_TEXT}, {"text", FAMILY_TEXT}, {"mediumtext", FAMILY_TEXT}, {"longtext", FAMILY_TEXT},
    {"enum", FAMILY_LABEL}, {"set", FAMILY_LABEL}, {"binary", FAMILY_BYTES}, {"varbinary", FAMILY_BYTES},
    {"tinyblob", FAMILY_BYTES}, {"blob", FAMILY_BYTES}, {"mediumblob", FAMILY_BYTES}, {"longblob", FAMILY_BYTES},
    {"date", FAMILY_DATE}, {"datetime", FAMILY_TIME}, {"timestamp", FAMILY_TIME}, {"time", FAMILY_TIME},
    {"json", FAMILY_JSON}, {"geometry", FAMILY_GEOMETRY}, {"point", FAMILY_GEOMETRY}, {"linestring", FAMILY_GEOMETRY},
    {"polygon", FAMILY_GEOMETRY}, {"multipoint", FAMILY_GEOMETRY}, {"multilinestring", FAMILY_GEOMETRY},
    {"multipolygon", FAMILY_GEOMETRY}, {"geometrycollection", FAMILY_GEOMETRY}, {"geomcollection", FAMILY_GEOMETRY},
};

static enum mysink_family
family_of(const char *word)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (strcmp(families[i].word, word) == 0)
            return families[i].family;
    }
    return FAMILY_OTHER;
}

static bool
ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Whether texts of this column are equal only if their bytes are. utf8mb4_bin is not one: it ignores blanks at the end. */
static bool
compares_bytes(const struct mysink_column *column)
{
    return column->family != FAMILY_TEXT ||
           (!column->fixed && (ends_in(column->collation, "_nopad_bin") || ends_in(column->collation, "_0900_bin")));
}

static struct mysink_column *
column_from(struct arena *arena, MYSQL_ROW row)
{
    struct mysink_column *column = arena_alloc(arena, sizeof(*column));
    const char *extra = mysql_field(row, COL_EXTRA);

    if (column == NULL)
        return NULL;
    column->family = family_of(mysql_field(row, COL_TYPE));
    column->fixed = strcmp(mysql_field(row, COL_TYPE), "char") == 0;
    column->scale = column->family == FAMILY_TIME ? atoi(mysql_field(row, COL_FRACTION)) : atoi(mysql_field(row, COL_SCALE));
    if (column->family == FAMILY_TEXT)
        column->length = strtoull(mysql_field(row, COL_LENGTH), NULL, 10);
    column->generated = mysql_field(row, COL_EXPRESSION)[0] != 0 || strstr(extra, " GENERATED") != NULL;
    column->needed = !column->generated && strcmp(mysql_field(row, COL_NULLABLE), "NO") == 0 &&
                     strcmp(mysql_field(row, COL_HAS_DEFAULT), "0") == 0 && strstr(extra, "auto_increment") == NULL;
    column->utf8 = strcmp(mysql_field(row, COL_CHARSET), "utf8mb4") == 0;
    column->collation = arena_strdup(arena, mysql_field(row, COL_COLLATION));
    if (column->collation == NULL)
        return NULL;
    column->loose = column->utf8 && !column->fixed && !compares_bytes(column);
    return column;
}

static bool
is_ours(const char *name)
{
    return strcmp(name, DB_COLUMN_OP) == 0 || strcmp(name, DB_COLUMN_ID) == 0 || strcmp(name, DB_COLUMN_TIME) == 0 ||
           strcmp(name, DB_COLUMN_DELETED) == 0;
}

static int
take_column(struct db_table *table, MYSQL_ROW row, struct error *err)
{
    const char *name = mysql_field(row, COL_NAME);
    struct mysink_column *column = column_from(&table->arena, row);
    bool known = false;

    if (column == NULL)
        return no_memory(err);
    for (uint16_t i = 0; i < table->relation->ncolumns; i++) {
        if (strcasecmp(table->columns[i].name, name) == 0) { /* as the server compares them */
            table->columns[i].own = column;
            known = true;
        }
    }
    if (!known && !column->generated && !is_ours(name) && table->extra == NULL) {
        table->extra = arena_strdup(&table->arena, name);
        if (table->extra == NULL)
            return no_memory(err);
    }
    return 0;
}

static bool
answer_has(MYSQL_RES *res, const char *name)
{
    MYSQL_ROW row;

    mysql_data_seek(res, 0);
    while ((row = mysql_fetch_row(res)) != NULL) {
        if (strcasecmp(mysql_field(row, COL_NAME), name) == 0)
            return true;
    }
    return false;
}

static int
check_own_columns(const struct question *q, MYSQL_RES *res, struct error *err)
{
    const char *name, *type;

    for (int n = 0; (name = mysink_own_column(q->db, n, &type)) != NULL; n++) {
        if (!answer_has(res, name))
            return error_set(err, ERROR_CONFIG, "E_TARGET_COLUMN",
                             "table %s lacks column %s, which this way of applying needs. Run: ALTER TABLE %s ADD COLUMN %s %s",
                             own_name(q->table), name, own_name(q->table), name, type);
    }
    return 0;
}

static int
take_columns(const struct question *q, struct error *err)
{
    MYSQL_RES *res = mysql_ask(mysink_session_of(q->db)->conn, err, columns_sql, q->schema.at, q->name.at);
    MYSQL_ROW row;
    int rc = 0;

    if (res == NULL)
        return -1;
    for (uint16_t i = 0; i < q->table->relation->ncolumns; i++)
        q->table->columns[i].own = NULL;
    q->table->extra = NULL;
    while (rc == 0 && (row = mysql_fetch_row(res)) != NULL)
        rc = take_column(q->table, row, err);
    if (rc == 0)
        rc = check_own_columns(q, res, err);
    mysql_free_result(res);
    return rc;
}

/* ---- its indexes ---- */

static bool
is_key_column(const struct db_table *table, const char *name)
{
    for (uint16_t k = 0; k < table->nkey; k++) {
        if (strcasecmp(table->columns[table->key[k]].name, name) == 0)
            return true;
    }
    return false;
}

/* One index after the other: is it the key's, and no more? */
struct index {
    char name[260];
    uint16_t columns;
    bool fits;
};

static void
end_index(const struct index *index, struct db_table *table, bool *has_key)
{
    struct mysink_table *own = table->own;

    if (index->name[0] == 0)
        return;
    if (index->fits && table->nkey > 0 && index->columns == table->nkey)
        *has_key = true;
    else
        own->other_unique = true;
}

static int
no_key_index(const struct db_table *table, struct error *err)
{
    struct buffer columns = {0};
    int rc;

    for (uint16_t k = 0; k < table->nkey; k++) {
        buffer_put_string(&columns, k == 0 ? "" : ", ");
        mysql_identifier(&columns, table->columns[table->key[k]].name);
    }
    rc = error_set(err, ERROR_CONFIG, "E_TARGET_KEY",
                   "table %s has no unique index on the key (%.150s) and on nothing else: rows would not be found, or twice. "
                   "Run: ALTER TABLE %s ADD UNIQUE (%.150s)", own_name(table), buffer_cstr(&columns), own_name(table),
                   buffer_cstr(&columns));
    buffer_free(&columns);
    return rc;
}

static int
take_indexes(const struct question *q, struct error *err)
{
    MYSQL_RES *res = mysql_ask(mysink_session_of(q->db)->conn, err,
                               "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "
                               "%s AND TABLE_NAME = %s AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX",
                               q->schema.at, q->name.at);
    struct index index = {.name = ""};
    bool has_key = false;
    MYSQL_ROW row;

    if (res == NULL)
        return -1;
    while ((row = mysql_fetch_row(res)) != NULL) {
        if (strcmp(index.name, mysql_field(row, 0)) != 0) {
            end_index(&index, q->table, &has_key);
            index = (struct index){.fits = true};
            snprintf(index.name, sizeof(index.name), "%s", mysql_field(row, 0));
        }
        index.columns++;
        index.fits = index.fits && row[2] == NULL && is_key_column(q->table, mysql_field(row, 1));
    }
    end_index(&index, q->table, &has_key);
    mysql_free_result(res);
    if (q->table->nkey > 0 && !has_key && q->db->settings->apply != DB_APPEND &&
        q->table->columns[q->table->key[0]].own != NULL)
        return no_key_index(q->table, err);
    return 0;
}

static int
take_foreign_keys(const struct question *q, struct error *err)
{
    char count[24];

    if (mysql_ask_text(mysink_session_of(q->db)->conn, count, sizeof(count), err,
                       "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE (CONSTRAINT_SCHEMA = %s AND "
                       "TABLE_NAME = %s) OR (UNIQUE_CONSTRAINT_SCHEMA = %s AND REFERENCED_TABLE_NAME = %s)",
                       q->schema.at, q->name.at, q->schema.at, q->name.at) == -1)
        return -1;
    q->table->ordered = strcmp(count, "0") != 0;
    return 0;
}

/* ---- what follows of it ---- */

static bool
joins_by(const struct column *from, const struct mysink_column *to)
{
    switch (from->type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        return to->family == FAMILY_INTEGER;
    case TYPE_TEXT:
        return to->family == FAMILY_TEXT && to->utf8;
    case TYPE_UUID: /* ASCII goes with everything; MariaDB's own type is another */
        return to->family == FAMILY_TEXT || to->family == FAMILY_OTHER;
    default:
        return false;
    }
}

static void
conclude(struct db_table *table)
{
    struct mysink_table *own = table->own;

    own->joins = table->nkey > 0;
    table->ordered = table->ordered || own->other_unique;
    for (uint16_t k = 0; k < table->nkey; k++) {
        const struct mysink_column *column = table->columns[table->key[k]].own;

        if (column == NULL) /* it is added, and this is asked again */
            continue;
        table->ordered = table->ordered || !compares_bytes(column);
        own->joins = own->joins && joins_by(&table->relation->columns[table->key[k]], column);
    }
}

static int
prepare(struct question *q, struct error *err)
{
    struct mysink_table *own = arena_alloc(&q->table->arena, sizeof(*own));
    struct buffer name = {0};

    if (own == NULL)
        return no_memory(err);
    mysink_put_table(q->table, &name);
    own->name = arena_strdup(&q->table->arena, buffer_cstr(&name));
    q->table->own = own;
    if (q->table->schema[0] != 0)
        mysql_literal(&q->schema, q->table->schema);
    else
        buffer_put_string(&q->schema, "DATABASE()");
    mysql_literal(&q->name, q->table->name);
    buffer_put_u8(&q->schema, 0);
    buffer_put_u8(&q->name, 0);
    if (own->name == NULL || buffer_failed(&name) || buffer_failed(&q->schema) || buffer_failed(&q->name)) {
        buffer_free(&name);
        return no_memory(err);
    }
    buffer_free(&name);
    return 0;
}

int
mysink_describe(struct db *db, struct db_table *table, struct error *err)
{
    struct question q = {.db = db, .table = table};
    int rc = prepare(&q, err);

    table->ordered = false;
    if (rc == 0)
        rc = mysink_land(db, err);
    if (rc == 0)
        rc = take_table(&q, err);
    if (rc == 0 && table->exists) {
        rc = take_columns(&q, err);
        if (rc == 0)
            rc = take_indexes(&q, err);
        if (rc == 0)
            rc = take_foreign_keys(&q, err);
        if (rc == 0)
            conclude(table);
    }
    buffer_free(&q.schema);
    buffer_free(&q.name);
    return rc;
}

/* All of it is in the table's arena. */
void
mysink_forget(struct db_table *table)
{
    table->own = NULL;
}
