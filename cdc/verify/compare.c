/* compare.c -- verify.h: every table, chunk by chunk. */
#include <stdio.h>
#include <stdlib.h>

#include "../../sinks/database_table.h"
#include "cdc/source_kind.h"
#include "doubt.h"
#include "whole.h"

enum { LIMIT_FIRST = 200, STATEMENT_KEY_BYTES = 256 << 10 };

struct verify {
    const struct config *config;
    const struct source_kind *kind;
    int sink;
    const struct db_settings *settings;
    const struct verify_listener *listener;
    struct rows_reader *rows[2];
    struct catalog *catalog;
    struct relation **relations; /* ends in NULL */
    bool equal;
};

/* ---- a table with a key ---- */

/* From one side to the other: what the one has, and the other has not, or not so. */
struct pass {
    const struct pair *pair;
    struct verify_table *table;
    struct doubts *doubts;
    enum verify_side from;
    uint16_t ncolumns;    /* that are compared: all, or the key */
    struct chunk chunk;
    struct bytes *keys;   /* CHUNK_KEYS */
    struct buffer row;    /* of the other side */
};

static int
take_other(void *own, const struct bytes *fields, struct error *err)
{
    struct pass *p = own;
    struct chunk_row *mine;
    struct bytes other;

    buffer_reset(&p->row);
    pair_pack(p->pair, p->from == SOURCE ? TARGET : SOURCE, p->ncolumns, fields, &p->row);
    if (buffer_failed(&p->row))
        return error_set(err, ERROR_FATAL, "", "out of memory for a row");
    other = bytes_of(p->row.at, p->row.len);
    mine = chunk_find(&p->chunk, bytes_of(other.at, pair_prefix(other, p->pair->nkey)));
    if (mine == NULL)
        return 0; /* equal by its collation, but not the same */
    mine->same = mine->others++ == 0 && bytes_equal(chunk_bytes(&p->chunk, mine), other);
    return 0;
}

/* Ask the other side for keys of the chunk, from one on; *n says how many were asked for. */
static int
ask_other(struct pass *p, uint32_t first, uint32_t *n, struct error *err)
{
    struct buffer sql = {0};
    size_t bytes = 0;

    for (*n = 0; *n < CHUNK_KEYS && first + *n < p->chunk.n && bytes < STATEMENT_KEY_BYTES; (*n)++) {
        p->keys[*n] = chunk_key(&p->chunk, &p->chunk.rows[first + *n]);
        bytes += p->keys[*n].len;
    }
    pair_sql_keys(p->pair, p->from == SOURCE ? TARGET : SOURCE, p->ncolumns, p->keys, *n, &sql);
    return side_read(p->pair, p->from == SOURCE ? TARGET : SOURCE, &sql, take_other, p, err);
}

/* Keys only are looked for in the source; that it has one of them twice is nothing that the target could do. */
static bool
is_well(const struct pass *p, const struct chunk_row *row)
{
    return p->from == SOURCE ? row->others == 1 && row->same : row->others > 0;
}

static int
doubt_others(struct pass *p, struct error *err)
{
    for (uint32_t i = 0; i < p->chunk.n; i++) {
        const struct chunk_row *row = &p->chunk.rows[i];
        struct bytes whole = chunk_bytes(&p->chunk, row);

        if (is_well(p, row))
            continue;
        if (doubts_add(p->doubts, chunk_key(&p->chunk, row), p->from == SOURCE ? whole : bytes_of(NULL, 0), err) == -1)
            return -1;
    }
    return doubts_full(p->doubts) ? doubts_settle(p->doubts, err) : 0;
}

static int
compare_chunk(struct pass *p, struct error *err)
{
    const struct chunk *chunk = &p->chunk;
    uint32_t n;

    for (uint32_t first = 0; first < chunk->n; first += n) {
        if (ask_other(p, first, &n, err) == -1)
            return -1;
    }
    if (p->from == SOURCE)
        p->table->source_rows += chunk->n;
    else
        p->table->target_rows += chunk->n;
    return doubt_others(p, err);
}

static int
run_pass(struct pass *p, struct error *err)
{
    uint32_t limit = LIMIT_FIRST;
    bool more = true;

    for (bool first = true; more; first = false) {
        struct bytes last = bytes_of(p->chunk.last.at, p->chunk.last.len);

        if (chunk_read_after(&p->chunk, p->pair, p->from, p->ncolumns, first ? NULL : &last, limit, err) == -1)
            return -1;
        if (p->chunk.n == 0)
            break;
        more = p->chunk.full || p->chunk.taken == limit;
        /* as many as fit, next time: what is asked for and left out comes over the wire all the same */
        limit = p->chunk.full ? p->chunk.taken : 2 * limit < CHUNK_ROWS ? 2 * limit : CHUNK_ROWS;
        if (compare_chunk(p, err) == -1)
            return -1;
    }
    return 0;
}

static int
pass(const struct pair *pair, struct verify_table *table, struct doubts *doubts, enum verify_side from, struct error *err)
{
    struct pass p = {.pair = pair, .table = table, .doubts = doubts, .from = from,
                     .ncolumns = from == SOURCE ? pair->ncolumns : pair->nkey,
                     .keys = calloc(CHUNK_KEYS, sizeof(*p.keys))};
    int rc = p.keys == NULL ? error_set(err, ERROR_FATAL, "", "out of memory for keys") : run_pass(&p, err);

    chunk_free(&p.chunk);
    buffer_free(&p.row);
    free(p.keys);
    return rc;
}

static int
compare_by_key(struct verify *v, const struct pair *pair, struct verify_table *table, struct error *err)
{
    struct doubts doubts = {.config = v->config, .sink = v->sink, .pair = pair, .table = table, .listener = v->listener};
    int rc = pass(pair, table, &doubts, SOURCE, err);

    if (rc == 0)
        rc = pass(pair, table, &doubts, TARGET, err);
    if (rc == 0)
        rc = doubts_settle(&doubts, err);
    doubts_free(&doubts);
    return rc;
}

/* ---- a table ---- */

bool
verify_table_equal(const struct verify_table *table)
{
    return table->compared && table->trouble.len == 0 && !table->whole_differs && table->counts[VERIFY_DIFFERS] == 0 &&
           table->counts[VERIFY_MISSING] == 0 && table->counts[VERIFY_SURPLUS] == 0;
}

static int
compare(struct verify *v, const struct relation *rel, struct arena *arena, struct verify_table *table, struct error *err)
{
    const char *deleted = v->settings->apply == DB_SOFT_DELETE ? DB_COLUMN_DELETED : NULL;
    struct catalog_table told = {.nkey = 0};
    struct pair pair;
    int rc;

    if (table_target_name(v->settings->table, v->config->pipeline, rel, arena, &table->target_schema, &table->target_table,
                          err) == -1 ||
        catalog_lookup(v->catalog, rel, arena, &told, err) == -1)
        return -1;
    rc = pair_open(&pair, v->rows[SOURCE], v->rows[TARGET], rel, &told, deleted, table, err);
    if (rc == 0 && table->compared)
        rc = table->keyless ? whole_compare(v->config, v->sink, &pair, table, err) : compare_by_key(v, &pair, table, err);
    pair_close(&pair);
    return rc;
}

static int
compare_table(struct verify *v, const struct relation *rel, struct error *err)
{
    struct verify_table table = {.schema = rel->schema, .table = rel->table, .target_schema = "", .target_table = ""};
    struct arena arena = {0};
    int rc = compare(v, rel, &arena, &table, err);

    if (rc == 0) {
        v->listener->table(v->listener->own, &table);
        v->equal = v->equal && verify_table_equal(&table);
    } else {
        error_prefix(err, "table %.60s.%.60s: ", rel->schema, rel->table);
    }
    buffer_free(&table.trouble);
    arena_free(&arena);
    return rc;
}

/* ---- all of them ---- */

static int
check_sink(const struct config_sink *sink, struct error *err)
{
    const struct db_settings *settings = sink->settings;

    if (!sink->ops->rows)
        return error_set(err, ERROR_CONFIG, "", "sink %s is of type %s: only a database can be compared with the source",
                         sink->name, sink->ops->type);
    if (settings->apply == DB_APPEND)
        return error_set(err, ERROR_CONFIG, "",
                         "sink %s has apply: append: its tables hold changes and not the rows, so there is nothing to compare",
                         sink->name);
    return 0;
}

static const struct rows_ops *
rows_of(const char *type)
{
    return strcmp(type, "postgresql") == 0 ? &rows_postgres : &rows_mysql;
}

static int
open_sides(struct verify *v, struct error *err)
{
    const struct config_source *source = &v->config->source;
    const struct config_sink *sink = &v->config->sinks[v->sink];
    struct endpoint from = {v->config->pipeline, source->url, source->password_file};
    struct endpoint to = {v->config->pipeline, v->settings->url, v->settings->password_file};

    if (rows_of(v->kind->type)->open(&v->rows[SOURCE], &from, err) == -1)
        return error_prefix(err, "source: ");
    if (rows_of(sink->ops->type)->open(&v->rows[TARGET], &to, err) == -1)
        return error_prefix(err, "sink %s: ", sink->name);
    return 0;
}

static bool
is_wanted(const char *glob, const struct relation *rel)
{
    char name[512];

    snprintf(name, sizeof(name), "%s.%s", rel->schema, rel->table);
    return glob == NULL || option_glob(glob, name);
}

static int
compare_all(struct verify *v, const char *glob, struct error *err)
{
    int compared = 0;

    if (v->kind->relations(v->config, &v->relations, err) == -1 ||
        v->kind->open_catalog(&v->catalog, v->config, err) == -1 || open_sides(v, err) == -1)
        return -1;
    for (struct relation **rel = v->relations; *rel != NULL; rel++) {
        if (!is_wanted(glob, *rel))
            continue;
        compared++;
        if (compare_table(v, *rel, err) == -1)
            return -1;
    }
    if (compared == 0)
        return error_set(err, ERROR_CONFIG, "", "no captured table is called %.100s", glob != NULL ? glob : "so");
    return 0;
}

static void
close_side(struct rows_reader *rows)
{
    if (rows != NULL)
        rows->ops->close(rows);
}

int
verify_run(const struct config *config, int sink, const char *glob, const struct verify_listener *listener, bool *equal,
           struct error *err)
{
    struct verify v = {.config = config, .kind = source_kind_of(config), .sink = sink, .listener = listener, .equal = true};
    int rc = check_sink(&config->sinks[sink], err);

    v.settings = config->sinks[sink].settings;
    if (rc == 0)
        rc = compare_all(&v, glob, err);
    *equal = v.equal;
    for (struct relation **rel = v.relations; rel != NULL && *rel != NULL; rel++)
        relation_release(*rel);
    free(v.relations);
    if (v.catalog != NULL)
        v.catalog->ops->close(v.catalog);
    close_side(v.rows[SOURCE]);
    close_side(v.rows[TARGET]);
    return rc;
}
