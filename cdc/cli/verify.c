/*
 * verify.c -- rowferry verify: the rows of the source beside those of a database sink.
 *
 * Rows are told as they are found, under their table's line, which comes with the counts when the table is done. So
 * they are kept until then: ROWS_SHOWN of them at most, over all tables.
 */
#include "../verify/verify.h"

#include <inttypes.h>
#include <string.h>

#include "cdc/json.h"
#include "cdc/plain.h"
#include "cli.h"

enum { ROWS_SHOWN = 1000, VALUE_SHOWN = 60 };

struct printer {
    bool json;
    struct buffer out;
    struct buffer rows; /* of the table that is compared now */
    int shown, tables;
    uint64_t shown_here; /* of this table */
};

static const char *const kind_names[] = {"differs", "missing", "surplus"};

/* ---- values ---- */

/* Cut between two characters. */
static struct bytes
cut(struct bytes value)
{
    if (value.len <= VALUE_SHOWN)
        return value;
    value.len = VALUE_SHOWN;
    while (value.len > 0 && (value.at[value.len] & 0xc0) == 0x80)
        value.len--;
    return value;
}

static void
put_value(struct buffer *out, struct bytes value)
{
    struct bytes part = cut(value);
    struct buffer text = {0};

    if (value.at == NULL) {
        buffer_put_string(out, "NULL");
        return;
    }
    buffer_put(&text, part.at, part.len);
    buffer_put_u8(out, '\'');
    plain_put(out, buffer_cstr(&text));
    buffer_put_string(out, part.len < value.len ? "…'" : "'");
    buffer_free(&text);
}

static void
put_json_value(struct buffer *out, const char *before, const char *name, struct bytes value)
{
    struct bytes part = cut(value);
    struct buffer text = {0};

    buffer_put_string(out, before);
    json_cstring(out, name);
    buffer_put_u8(out, ':');
    if (value.at == NULL) {
        buffer_put_string(out, "null");
        return;
    }
    buffer_put(&text, part.at, part.len);
    if (part.len < value.len)
        buffer_put_string(&text, "…");
    json_text(out, bytes_of(text.at, text.len));
    buffer_free(&text);
}

/* ---- a row ---- */

static void
put_row(struct buffer *out, const struct verify_row *row)
{
    buffer_put_string(out, "  ");
    for (uint16_t k = 0; k < row->nkey; k++) {
        buffer_put_string(out, k > 0 ? ", " : "");
        plain_put(out, row->key[k].name);
        buffer_put_string(out, " ");
        put_value(out, row->key[k].source);
    }
    if (row->kind == VERIFY_MISSING)
        buffer_put_string(out, ": missing in the target");
    else if (row->kind == VERIFY_SURPLUS)
        buffer_put_string(out, ": not in the source");
    else
        buffer_put_string(out, ": differs");
    if (row->copies > 1)
        buffer_printf(out, ", the target has it %" PRIu32 " times", row->copies);
    buffer_put_string(out, "\n");
    for (uint16_t i = 0; i < row->ncolumns; i++) {
        buffer_put_string(out, "    ");
        plain_put(out, row->columns[i].name);
        buffer_put_string(out, ": source ");
        put_value(out, row->columns[i].source);
        buffer_put_string(out, ", target ");
        put_value(out, row->columns[i].target);
        buffer_put_string(out, "\n");
    }
}

static void
put_row_json(struct buffer *out, const struct verify_row *row)
{
    json_member(out, out->len > 0 ? ",{" : "{", "kind", kind_names[row->kind]);
    buffer_put_string(out, ",\"key\":{");
    for (uint16_t k = 0; k < row->nkey; k++)
        put_json_value(out, k > 0 ? "," : "", row->key[k].name, row->key[k].source);
    buffer_printf(out, "},\"target_copies\":%" PRIu32 ",\"columns\":[", row->copies);
    for (uint16_t i = 0; i < row->ncolumns; i++) {
        json_member(out, i > 0 ? ",{" : "{", "name", row->columns[i].name);
        put_json_value(out, ",", "source", row->columns[i].source);
        put_json_value(out, ",", "target", row->columns[i].target);
        buffer_put_string(out, "}");
    }
    buffer_put_string(out, "]}");
}

static void
take_row(void *own, const struct verify_table *table, const struct verify_row *row)
{
    struct printer *p = own;

    (void)table;
    if (p->shown == ROWS_SHOWN)
        return;
    p->shown++;
    p->shown_here++;
    if (p->json)
        put_row_json(&p->rows, row);
    else
        put_row(&p->rows, row);
}

/* ---- a table ---- */

static uint64_t
differences(const struct verify_table *table)
{
    return table->counts[VERIFY_DIFFERS] + table->counts[VERIFY_MISSING] + table->counts[VERIFY_SURPLUS];
}

static void
put_counts(struct buffer *out, const struct verify_table *table)
{
    const uint64_t *n = table->counts;

    if (!table->compared)
        buffer_put_string(out, "not compared");
    else if (table->whole_differs && table->source_rows != table->target_rows)
        buffer_printf(out, "differs: %" PRIu64 " rows in the source, %" PRIu64 " in the target (no key: which ones, can't be told)",
                      table->source_rows, table->target_rows);
    else if (table->whole_differs)
        buffer_printf(out, "differs: %" PRIu64 " rows in both, not the same (no key: which ones, can't be told)",
                      table->source_rows);
    else if (differences(table) > 0)
        buffer_printf(out, "%" PRIu64 " rows; %" PRIu64 " differ, %" PRIu64 " missing in the target, %" PRIu64 " not in the source",
                      table->source_rows, n[VERIFY_DIFFERS], n[VERIFY_MISSING], n[VERIFY_SURPLUS]);
    else if (verify_table_equal(table))
        buffer_printf(out, "%" PRIu64 " rows, equal", table->source_rows);
    else
        buffer_printf(out, "%" PRIu64 " rows, equal in what both have", table->source_rows);
    if (table->unsettled > 0 && table->keyless)
        buffer_put_string(out, "; it changed all the time, so it could not be compared");
    else if (table->unsettled > 0)
        buffer_printf(out, "; %" PRIu64 " changed all the time and could not be compared", table->unsettled);
}

/* Each line of the trouble by itself, indented. */
static void
put_trouble(struct buffer *out, const char *text)
{
    while (*text != 0) {
        size_t len = strcspn(text, "\n");
        struct buffer line = {0};

        buffer_put(&line, text, len);
        buffer_put_string(out, "  ");
        plain_put(out, buffer_cstr(&line));
        buffer_put_string(out, "\n");
        buffer_free(&line);
        text += len + (text[len] == '\n');
    }
}

static void
put_trouble_json(struct buffer *out, const char *text)
{
    buffer_put_string(out, ",\"trouble\":[");
    for (bool first = true; *text != 0; first = false) {
        size_t len = strcspn(text, "\n");

        buffer_put_string(out, first ? "" : ",");
        json_text(out, bytes_of(text, len));
        text += len + (text[len] == '\n');
    }
    buffer_put_string(out, "]");
}

static void
put_table(struct printer *p, const struct verify_table *table, const char *trouble)
{
    struct buffer *out = &p->out;

    plain_put(out, table->schema);
    buffer_put_string(out, ".");
    plain_put(out, table->table);
    buffer_put_string(out, " -> ");
    plain_put(out, table->target_schema);
    buffer_put_string(out, table->target_schema[0] != 0 ? "." : "");
    plain_put(out, table->target_table);
    buffer_put_string(out, ": ");
    put_counts(out, table);
    buffer_put_string(out, "\n");
    put_trouble(out, trouble);
    buffer_put(out, p->rows.at, p->rows.len);
    if (differences(table) > p->shown_here)
        buffer_printf(out, "  and %" PRIu64 " more\n", differences(table) - p->shown_here);
}

static void
put_table_json(struct printer *p, const struct verify_table *table, const char *trouble)
{
    struct buffer *out = &p->out;

    json_member(out, p->tables > 0 ? ",\n{" : "\n{", "schema", table->schema);
    json_member(out, ",", "table", table->table);
    json_member(out, ",", "target_schema", table->target_schema);
    json_member(out, ",", "target_table", table->target_table);
    buffer_printf(out, ",\"equal\":%s,\"compared\":%s,\"keyless\":%s,\"source_rows\":%" PRIu64 ",\"target_rows\":%" PRIu64,
                  verify_table_equal(table) ? "true" : "false", table->compared ? "true" : "false",
                  table->keyless ? "true" : "false", table->source_rows, table->target_rows);
    for (int i = 0; i < 3; i++)
        buffer_printf(out, ",\"%s\":%" PRIu64, kind_names[i], table->counts[i]);
    buffer_printf(out, ",\"unsettled\":%" PRIu64, table->unsettled);
    put_trouble_json(out, trouble);
    buffer_put_string(out, ",\"rows\":[");
    buffer_put(out, p->rows.at, p->rows.len);
    buffer_put_string(out, "]}");
}

static void
take_table(void *own, const struct verify_table *table)
{
    struct printer *p = own;
    struct buffer trouble = {0};

    buffer_put(&trouble, table->trouble.at, table->trouble.len);
    if (p->json)
        put_table_json(p, table, buffer_cstr(&trouble));
    else
        put_table(p, table, buffer_cstr(&trouble));
    p->tables++;
    p->shown_here = 0;
    if (buffer_failed(&p->rows) || buffer_failed(&trouble))
        p->out.failed = true;
    buffer_free(&trouble);
    buffer_reset(&p->rows);
}

/* ---- the command ---- */

static int
verify(struct printer *p, const struct config *config, const struct cli_arguments *args, bool *equal, struct error *err)
{
    const struct verify_listener listener = {take_row, take_table, p};
    int sink = cli_find_sink(config, args->sink, err);

    if (sink == -1)
        return -1;
    if (p->json) {
        json_member(&p->out, "{", "pipeline", config->pipeline);
        json_member(&p->out, ",", "sink", config->sinks[sink].name);
        buffer_put_string(&p->out, ",\"tables\":[");
    }
    if (verify_run(config, sink, args->table, &listener, equal, err) == -1)
        return -1;
    if (p->json)
        buffer_printf(&p->out, "\n],\"equal\":%s}\n", *equal ? "true" : "false");
    else
        buffer_put_string(&p->out, *equal ? "equal\n" : "not equal\n");
    return 0;
}

int
cli_verify(int argc, char **argv)
{
    struct cli_arguments args;
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct printer p = {.json = false};
    bool equal = false;
    int rc;

    if (cli_arguments(&args, argc, argv, CLI_SINK | CLI_TABLE, 1, 1) == -1)
        return CLI_EXIT_USAGE;
    if (config_load(&config, args.words[0], &err) == -1)
        return cli_fail(args.json, &err);
    p.json = args.json;
    rc = verify(&p, config, &args, &equal, &err);
    config_free(config);
    buffer_free(&p.rows);
    if (rc == 0)
        return cli_finish(&p.out, equal ? 0 : CLI_EXIT_NO);
    /* tables that were compared before count as text; one JSON object is all that a script wants */
    if (!p.json)
        cli_finish(&p.out, 0);
    else
        buffer_free(&p.out);
    return cli_fail(args.json, &err);
}
