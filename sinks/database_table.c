/* database_table.c -- see database_table.h. */
#include "database_table.h"

#include <stdlib.h>

#include "cdc/log.h"
#include "cdc/pattern.h"

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a table");
}

/* ---- names ---- */

int
table_pattern_check(const char *pattern, struct error *err)
{
    const char *dot = strchr(pattern, '.');

    if (!pattern_is_good(pattern))
        return error_set(err, ERROR_CONFIG, "", "only {schema}, {table} and {pipeline} may stand in braces");
    if (pattern[0] == 0 || (dot != NULL && strchr(dot + 1, '.') != NULL))
        return error_set(err, ERROR_CONFIG, "", "must be a table's name, or schema.table");
    if (strstr(pattern, "{table}") == NULL)
        return error_set(err, ERROR_CONFIG, "", "must have {table} in it, or all tables become one");
    return 0;
}

/* A name's length as the target counts it. */
static size_t
name_length(const struct db *db, const char *name)
{
    size_t n = 0;

    for (; *name != 0; name++)
        n += !db->engine->name_max_in_characters || ((uint8_t)*name & 0xc0) != 0x80;
    return n;
}

static int
check_name(const struct db *db, const struct db_table *table, const char *what, const char *name, struct error *err)
{
    if (name_length(db, name) <= db->engine->name_max && name[0] != 0)
        return 0;
    return error_set(err, ERROR_CONFIG, "E_TARGET_TABLE",
                     "table %s.%s: \"%.80s\" can't be the name of a %s in %s (1 to %zu %s)", table->relation->schema,
                     table->relation->table, name, what, db->engine->title, db->engine->name_max,
                     db->engine->name_max_in_characters ? "characters" : "bytes");
}

/* The pattern, filled in: names with dots in them stay whole. */
int
table_target_name(const char *pattern, const char *pipeline, const struct relation *rel, struct arena *arena,
                  const char **schema, const char **name, struct error *err)
{
    const struct pattern_names names = {pipeline, rel->schema, rel->table};
    struct buffer parts[2] = {{0}, {0}};
    int part = strchr(pattern, '.') == NULL;
    size_t len;

    for (const char *at = pattern; *at != 0; at += len) {
        const char *value = NULL;

        len = 1;
        if (*at == '{')
            value = pattern_name(&names, at, &len);
        if (value != NULL)
            buffer_put_string(&parts[part], value);
        else if (*at == '.')
            part = 1;
        else
            buffer_put_u8(&parts[part], (uint8_t)*at);
    }
    *schema = arena_strdup(arena, buffer_cstr(&parts[0]));
    *name = arena_strdup(arena, buffer_cstr(&parts[1]));
    buffer_free(&parts[0]);
    buffer_free(&parts[1]);
    return *schema == NULL || *name == NULL ? no_memory(err) : 0;
}

static int
name_target(const struct db *db, struct db_table *table, struct error *err)
{
    if (table_target_name(db->settings->table, db->pipeline, table->relation, &table->arena, &table->schema, &table->name,
                          err) == -1)
        return -1;
    table->shown = table->schema[0] == 0 ? table->name : arena_printf(&table->arena, "%s.%s", table->schema, table->name);
    if (table->shown == NULL)
        return no_memory(err);
    if (table->schema[0] != 0 && check_name(db, table, "schema", table->schema, err) == -1)
        return -1;
    return check_name(db, table, "table", table->name, err);
}

/* Two tables of the source may not meet in one. */
static int
check_collision(const struct db_tables *tables, const struct db_table *table, struct error *err)
{
    for (const struct db_table *other = tables->first; other != NULL; other = other->next) {
        const struct relation *a = other->relation, *b = table->relation;

        if (strcmp(other->name, table->name) == 0 && strcmp(other->schema, table->schema) == 0 &&
            (strcmp(a->schema, b->schema) != 0 || strcmp(a->table, b->table) != 0))
            return error_set(err, ERROR_CONFIG, "E_NAME_COLLISION",
                             "tables %s.%s and %s.%s would both be written to %s", a->schema, a->table, b->schema,
                             b->table, table->shown);
    }
    return 0;
}

/* ---- columns ---- */

static bool
is_ours(const char *name)
{
    return strcmp(name, DB_COLUMN_OP) == 0 || strcmp(name, DB_COLUMN_ID) == 0 || strcmp(name, DB_COLUMN_TIME) == 0 ||
           strcmp(name, DB_COLUMN_DELETED) == 0;
}

static int
take_columns(const struct db *db, struct db_table *table, struct bytes key, struct error *err)
{
    const struct relation *rel = table->relation;

    table->columns = arena_array(&table->arena, rel->ncolumns, sizeof(*table->columns));
    table->key = arena_array(&table->arena, rel->ncolumns, sizeof(*table->key));
    if (table->columns == NULL || table->key == NULL)
        return no_memory(err);
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        table->columns[i].name = rel->columns[i].name;
        if (check_name(db, table, "column", rel->columns[i].name, err) == -1)
            return -1;
        if (is_ours(rel->columns[i].name))
            return error_set(err, ERROR_CONFIG, "E_NAME_COLLISION", "table %s.%s: column %s is a name of rowferry's own",
                             rel->schema, rel->table, rel->columns[i].name);
    }
    table->nkey = row_key_columns(key, rel, table->key);
    for (uint16_t k = 0; k < table->nkey; k++)
        table->columns[table->key[k]].key = true;
    return 0;
}

static const char *
first_missing(const struct db_table *table, uint16_t *column)
{
    for (uint16_t i = 0; i < table->relation->ncolumns; i++) {
        if (table->columns[i].own == NULL) {
            *column = i;
            return table->columns[i].name;
        }
    }
    return NULL;
}

/* ---- DDL ---- */

static int
run(const struct db_tables *tables, const struct db_table *table, struct buffer *sql, struct error *err)
{
    int rc;

    if (buffer_failed(sql))
        return no_memory(err);
    rc = tables->db->engine->run_ddl(tables->db, buffer_cstr(sql), err);
    if (rc == 0)
        log_info("database", "sink=%s table=%s ran: %.300s", tables->db->sink, table->shown,
                 buffer_cstr(sql));
    return rc;
}

static int
make_table(const struct db_tables *tables, struct db_table *table, struct error *err)
{
    struct buffer sql = {0};
    int rc = tables->db->engine->create_sql(tables->db, table, &sql, err);

    if (rc == 0 && tables->db->settings->schema == DB_FIXED)
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_TABLE", "table %s is missing in the target, and schema: fixed makes none. Run: %.400s",
                       table->shown, buffer_failed(&sql) ? "" : buffer_cstr(&sql));
    else if (rc == 0)
        rc = run(tables, table, &sql, err);
    buffer_free(&sql);
    return rc;
}

/* A column that has come with another name looks like one that came and one that went. */
static int
add_column(const struct db_tables *tables, struct db_table *table, uint16_t column, struct error *err)
{
    const char *name = table->columns[column].name;
    struct buffer sql = {0};
    int rc;

    if (table->extra != NULL)
        return error_set(err, ERROR_CONFIG, "E_TARGET_COLUMN",
                         "table %s: the source has a column %s that the target lacks, and the target a column %s that the "
                         "source lacks. If it was renamed, rename it in the target; otherwise add the one or drop the other",
                         table->shown, name, table->extra);
    rc = tables->db->engine->add_column_sql(tables->db, table, column, &sql, err);
    if (rc == 0 && tables->db->settings->schema != DB_EVOLVE)
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_COLUMN",
                       "table %s: the target lacks column %s, and only schema: evolve adds it. Run: %.400s", table->shown, name, buffer_failed(&sql) ? "" : buffer_cstr(&sql));
    else if (rc == 0)
        rc = run(tables, table, &sql, err);
    buffer_free(&sql);
    if (rc == 0 && (table->told == NULL || table->told->columns == NULL || table->told->columns[column].default_text == NULL))
        log_warn("database", "sink=%s table=%s column=%s rows that were there before have no value of the source in it: "
                             "they need a new snapshot if the source gave them one", tables->db->sink, table->shown, name);
    return rc;
}

/* 0; 1: DDL is needed, and may not be run now. */
static int
fit_target(const struct db_tables *tables, struct db_table *table, bool may_ddl, struct error *err)
{
    const struct db_engine *engine = tables->db->engine;
    uint16_t column;

    if (engine->describe(tables->db, table, err) == -1)
        return -1;
    if (!table->exists) {
        if (!may_ddl && tables->db->settings->schema != DB_FIXED)
            return 1;
        if (make_table(tables, table, err) == -1 || engine->describe(tables->db, table, err) == -1)
            return -1;
        if (!table->exists)
            return error_set(err, ERROR_RETRY, "E_TARGET_TABLE", "table %s was made and is not there", table->shown);
    }
    while (first_missing(table, &column) != NULL) {
        if (!may_ddl && tables->db->settings->schema == DB_EVOLVE && table->extra == NULL)
            return 1;
        if (add_column(tables, table, column, err) == -1 || engine->describe(tables->db, table, err) == -1)
            return -1;
        if (table->columns[column].own == NULL)
            return error_set(err, ERROR_RETRY, "E_TARGET_COLUMN", "table %s: column %s was added and is not there",
                             table->shown, table->columns[column].name);
    }
    return 0;
}

/* ---- tables ---- */

static void
table_free(const struct db *db, struct db_table *table)
{
    db->engine->forget(table);
    relation_release(table->relation);
    arena_free(&table->arena);
    free(table);
}

struct db_table *
table_known(struct db_tables *tables, const struct relation *rel)
{
    struct db_table *table = tables->last_used;

    if (table != NULL && table->relation == rel)
        return table;
    for (table = tables->first; table != NULL && table->relation != rel; table = table->next)
        ;
    if (table != NULL)
        tables->last_used = table;
    return table;
}

/* Two relations of one target would wait side by side, and could pass each other. */
static void
forget_older(struct db_tables *tables, const struct db_table *newer)
{
    for (struct db_table **at = &tables->first; *at != NULL;) {
        struct db_table *table = *at;

        if (strcmp(table->shown, newer->shown) != 0) {
            at = &table->next;
            continue;
        }
        *at = table->next;
        table_free(tables->db, table);
    }
}

int
table_of(struct db_tables *tables, struct relation *rel, struct bytes key, bool may_ddl, struct db_table **out,
         struct error *err)
{
    struct db_table *table = table_known(tables, rel);
    int rc;

    *out = table;
    if (table != NULL)
        return 0;
    table = calloc(1, sizeof(*table));
    if (table == NULL)
        return no_memory(err);
    table->relation = relation_keep(rel);
    table->told = atomic_load_explicit(&rel->told, memory_order_acquire);
    rc = name_target(tables->db, table, err);
    if (rc == 0)
        rc = check_collision(tables, table, err);
    if (rc == 0)
        rc = take_columns(tables->db, table, key, err);
    if (rc == 0)
        rc = fit_target(tables, table, may_ddl, err);
    if (rc != 0) {
        table_free(tables->db, table);
        return rc == 1 ? 0 : -1;
    }
    forget_older(tables, table);
    table->next = tables->first;
    *out = tables->first = tables->last_used = table;
    return 0;
}

void
tables_forget(struct db_tables *tables)
{
    while (tables->first != NULL) {
        struct db_table *table = tables->first;

        tables->first = table->next;
        table_free(tables->db, table);
    }
    tables->last_used = NULL;
}
