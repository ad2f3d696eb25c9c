/* binlog_tables.c -- see binlog_tables.h. */
#include "binlog_tables.h"

#include <stdlib.h>


enum { IDS_MIN = 64, IDS_MAX = 16384, NAMES_MIN = 64, NAMES_MAX = 1 << 20 };

int
binlog_tables_init(struct binlog_framer *f, struct error *err)
{
    f->tables_cap = IDS_MIN;
    f->relations_cap = NAMES_MIN;
    f->tables = calloc(f->tables_cap, sizeof(*f->tables));
    f->relations = calloc(f->relations_cap, sizeof(*f->relations));
    f->statement = 1;
    f->unwanted = relation_new(0, "", "", 0); /* its row events are only counted: what its columns are does not matter */
    if (f->tables == NULL || f->relations == NULL || f->unwanted == NULL) {
        binlog_tables_free(f);
        return error_set(err, ERROR_FATAL, "", "out of memory for the table cache");
    }
    return 0;
}

void
binlog_tables_forget(struct binlog_framer *f)
{
    for (uint32_t i = 0; i < f->tables_cap; i++) {
        relation_release(f->tables[i].relation);
        free((void *)(uintptr_t)f->tables[i].shape.at);
        f->tables[i] = (struct binlog_table){.id = 0};
    }
    f->tables_count = 0;
    f->statement++;
}

void
binlog_tables_free(struct binlog_framer *f)
{
    if (f->tables != NULL)
        binlog_tables_forget(f);
    for (uint32_t i = 0; f->relations != NULL && i < f->relations_cap; i++)
        relation_release(f->relations[i]);
    relation_release(f->unwanted);
    f->unwanted = NULL;
    free(f->tables);
    free(f->relations);
    f->tables = NULL;
    f->relations = NULL;
}

/* ---- by id ---- */

/* The slot where this id is or belongs. */
static struct binlog_table *
id_slot(struct binlog_table *tables, uint32_t cap, uint64_t id)
{
    uint32_t i = (uint32_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);

    while (tables[i].relation != NULL && tables[i].id != id)
        i = (i + 1) & (cap - 1);
    return &tables[i];
}

static int
ids_grow(struct binlog_framer *f, struct error *err)
{
    uint32_t cap = f->tables_cap * 2;
    struct binlog_table *more;

    if (f->tables_count * 2 < f->tables_cap)
        return 0;
    if (cap > IDS_MAX) {
        binlog_tables_forget(f); /* ids of tables that were opened anew since: those in use come again at once */
        return 0;
    }
    more = calloc(cap, sizeof(*more));
    if (more == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the table cache");
    for (uint32_t i = 0; i < f->tables_cap; i++) {
        if (f->tables[i].relation != NULL)
            *id_slot(more, cap, f->tables[i].id) = f->tables[i];
    }
    free(f->tables);
    f->tables = more;
    f->tables_cap = cap;
    return 0;
}

struct relation *
binlog_tables_find(struct binlog_framer *f, uint64_t table_id)
{
    const struct binlog_table *table = id_slot(f->tables, f->tables_cap, table_id);

    return table->relation != NULL && table->statement == f->statement ? table->relation : NULL;
}

/* ---- by name ---- */

static uint64_t
name_hash(const char *schema, const char *table)
{
    uint64_t h = bytes_hash(BYTES_HASH_SEED, schema, strlen(schema) + 1);

    return bytes_hash(h, table, strlen(table) + 1);
}

static struct relation **
name_slot(struct relation **relations, uint32_t cap, const char *schema, const char *table)
{
    uint32_t i = (uint32_t)(name_hash(schema, table) >> 32) & (cap - 1);

    while (relations[i] != NULL &&
           (strcmp(relations[i]->table, table) != 0 || strcmp(relations[i]->schema, schema) != 0))
        i = (i + 1) & (cap - 1);
    return &relations[i];
}

static int
names_grow(struct binlog_framer *f)
{
    uint32_t cap = f->relations_cap * 2;
    struct relation **more;

    if (f->relations_count * 2 < f->relations_cap)
        return 0;
    more = cap <= NAMES_MAX ? calloc(cap, sizeof(struct relation *)) : NULL;
    if (more == NULL)
        return -1;
    for (uint32_t i = 0; i < f->relations_cap; i++) {
        struct relation *rel = f->relations[i];

        if (rel != NULL)
            *name_slot(more, cap, rel->schema, rel->table) = rel;
    }
    free(f->relations);
    f->relations = more;
    f->relations_cap = cap;
    return 0;
}

struct relation *
binlog_tables_named(struct binlog_framer *f, const char *schema, const char *table)
{
    return *name_slot(f->relations, f->relations_cap, schema, table);
}

struct relation *
binlog_tables_keep(struct binlog_framer *f, struct relation *rel)
{
    struct relation **slot;

    slot = name_slot(f->relations, f->relations_cap, rel->schema, rel->table);
    if (*slot != NULL && (*slot)->hash == rel->hash) {
        relation_release(rel);
        return *slot;
    }
    if (*slot == NULL) {
        if (names_grow(f) == -1) {
            relation_release(rel);
            return NULL;
        }
        slot = name_slot(f->relations, f->relations_cap, rel->schema, rel->table);
        f->relations_count++;
    }
    relation_release(*slot);
    *slot = rel;
    return rel;
}

/* ---- TABLE_MAP ---- */

/* Sequences are tables of one row to MariaDB's log, and none to anybody who reads tables. */
static bool
is_sequence(const struct relation *rel)
{
    static const char *const names[] = {"next_not_cached_value", "minimum_value", "maximum_value", "start_value",
                                        "increment", "cache_size", "cycle_option", "cycle_count"};

    if (rel->ncolumns != 8)
        return false;
    for (int i = 0; i < 8; i++) {
        if (strcmp(rel->columns[i].name, names[i]) != 0)
            return false;
    }
    return true;
}

static int
read_relation(struct binlog_framer *f, const struct binlog_table_name *name, struct relation **out,
              struct error *err)
{
    struct relation *rel;
    char schema[256], table[256];

    memcpy(schema, name->schema.at, name->schema.len);
    schema[name->schema.len] = 0;
    memcpy(table, name->table.at, name->table.len);
    table[name->table.len] = 0;
    if (!f->set.wants(f->set.arg, schema, table)) {
        *out = f->unwanted;
        return 0;
    }
    if (binlog_table_map_read(&f->set.reading, name, &rel, err) == -1)
        return -1;
    rel->captured = !(f->set.reading.mariadb && is_sequence(rel));
    *out = binlog_tables_keep(f, rel);
    return *out != NULL ? 0 : error_set(err, ERROR_FATAL, "", "out of memory for the table cache");
}

int
binlog_tables_map(struct binlog_framer *f, struct bytes body, struct error *err)
{
    struct binlog_table_name name;
    struct bytes shape;
    struct binlog_table *table;
    struct relation *rel;
    void *copy;

    if (binlog_table_name_read(body, &name, err) == -1 || ids_grow(f, err) == -1)
        return -1;
    shape = bytes_of(body.at + 8, body.len - 8);
    table = id_slot(f->tables, f->tables_cap, name.table_id);
    if (table->relation != NULL && bytes_equal(table->shape, shape)) {
        table->statement = f->statement;
        return 0;
    }
    if (read_relation(f, &name, &rel, err) == -1)
        return -1;
    copy = malloc(shape.len);
    if (copy == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the table cache");
    memcpy(copy, shape.at, shape.len);
    if (table->relation == NULL)
        f->tables_count++;
    relation_keep(rel);
    relation_release(table->relation);
    free((void *)(uintptr_t)table->shape.at);
    *table = (struct binlog_table){name.table_id, f->statement, rel, bytes_of(copy, shape.len)};
    return 0;
}
