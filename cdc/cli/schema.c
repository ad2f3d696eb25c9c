/*
 * schema.c -- rowferry schema: the Avro schemas that `run` would register.
 *
 * The same encoder makes them from the same settings; only the registry is one in memory, so
 * nothing is registered. The tables are the catalogue's, as they are now: a table that changes
 * while the pipeline lags gets the older schema first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cdc/json.h"
#include "cdc/plain.h"
#include "cli.h"

struct printer {
    const struct config *config;
    const char *wanted;          /* glob for schema.table, or NULL */
    const struct source_kind *kind;
    struct source_look look;     /* asked for the database's name */
    struct relation **relations; /* ends in NULL */
    struct catalog *catalog;
    bool json;
    struct buffer out;
    int shown;
};

static bool
is_wanted(const struct printer *p, const struct relation *rel)
{
    char name[512];
    if (p->wanted == NULL)
        return true;
    snprintf(name, sizeof(name), "%s.%s", rel->schema, rel->table);
    return option_glob(p->wanted, name);
}

/* Schemas are one long line; for people they are indented. */
static void
put_indented(struct buffer *out, const char *title, const char *schema)
{
    json_t *root = json_loads(schema, JSON_DECODE_ANY, NULL);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;
    buffer_printf(out, "%s:\n%s\n", title, text != NULL ? text : schema);
    free(text);
    json_decref(root);
}

static void
put_plan(struct printer *p, const char *sink, const struct relation *rel, const struct plan *plan)
{
    const char *key = plan_key_schema(plan), *value = plan_value_schema(plan);
    struct buffer *out = &p->out;
    if (p->json) {
        buffer_put_string(out, p->shown++ > 0 ? ",\n" : "\n");
        json_member(out, "{", "sink", sink);
        json_member(out, ",", "schema", rel->schema);
        json_member(out, ",", "table", rel->table);
        json_member(out, ",", "topic", plan_topic(plan));
        buffer_printf(out, ",\"key\":%s,\"value\":%s}", key != NULL ? key : "null",
                      value != NULL ? value : "null");
        return;
    }
    buffer_printf(out, "%s-- sink %s, table ", p->shown++ > 0 ? "\n" : "", sink);
    plain_put(out, rel->schema);
    buffer_put_string(out, ".");
    plain_put(out, rel->table);
    buffer_put_string(out, ", topic ");
    plain_put(out, plan_topic(plan));
    buffer_put_string(out, "\n");
    if (key != NULL)
        put_indented(out, "key", key);
    else
        buffer_put_string(out, "no key\n");
    if (value != NULL)
        put_indented(out, "value", value);
}

static int
print_table(struct printer *p, const char *sink, struct encoder *encoder,
            const struct relation *rel, struct error *err)
{
    struct arena arena = {0};
    struct catalog_table table = {0};
    struct plan *plan = NULL;
    int rc = catalog_lookup(p->catalog, rel, &arena, &table, err);
    if (rc == 0)
        rc = encoder_plan(encoder, rel, &table, NULL, &plan, err);
    if (rc == 0) {
        put_plan(p, sink, rel, plan);
        plan_free(plan);
    } else {
        error_prefix(err, "sink %s, table %.60s.%.60s: ", sink, rel->schema, rel->table);
    }
    arena_free(&arena);
    return rc;
}

static int
print_sink(struct printer *p, int index, struct error *err)
{
    const struct config_sink *sink = &p->config->sinks[index];
    struct encoder_settings settings;
    struct encoder *encoder;
    struct schemas *schemas;
    int rc;
    if (sink->format != FORMAT_AVRO)
        return 0;
    schemas = schemas_memory_new();
    if (schemas == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory");
    rc = config_encoder(p->config, index, p->look.database, schemas, &settings);
    encoder = rc == 0 ? encoder_new(&settings, err) : NULL;
    if (encoder == NULL)
        rc = -1;
    for (struct relation **rel = p->relations; rc == 0 && *rel != NULL; rel++) {
        if (is_wanted(p, *rel))
            rc = print_table(p, sink->name, encoder, *rel, err);
    }
    encoder_free(encoder);
    schemas->ops->close(schemas);
    return rc;
}

static bool
has_avro(const struct config *config)
{
    for (int i = 0; i < config->nsinks; i++) {
        if (config->sinks[i].format == FORMAT_AVRO)
            return true;
    }
    return false;
}

static int
print_all(struct printer *p, struct error *err)
{
    if (!has_avro(p->config))
        return error_set(err, ERROR_CONFIG, "", "no sink has format avro, so there are no schemas");
    if (p->kind->look(p->config, &p->look, err) == -1 ||
        p->kind->relations(p->config, &p->relations, err) == -1 ||
        p->kind->open_catalog(&p->catalog, p->config, err) == -1)
        return -1;
    if (p->json)
        buffer_put_string(&p->out, "{\"schemas\":[");
    for (int i = 0; i < p->config->nsinks; i++) {
        if (print_sink(p, i, err) == -1)
            return -1;
    }
    if (p->json)
        buffer_put_string(&p->out, "\n]}\n");
    if (p->shown == 0)
        return error_set(err, ERROR_CONFIG, "", "no captured table is called %.100s",
                         p->wanted != NULL ? p->wanted : "so");
    return 0;
}

static void
close_printer(struct printer *p)
{
    for (struct relation **rel = p->relations; rel != NULL && *rel != NULL; rel++)
        relation_release(*rel);
    free(p->relations);
    if (p->catalog != NULL)
        p->catalog->ops->close(p->catalog);
    p->kind->look_clear(&p->look);
}

int
cli_schema(int argc, char **argv)
{
    struct cli_arguments args;
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct printer p = {0};
    int rc;
    if (cli_arguments(&args, argc, argv, 0, 1, 2) == -1)
        return CLI_EXIT_USAGE;
    if (config_load(&config, args.words[0], &err) == -1)
        return cli_fail(args.json, &err);
    p.config = config;
    p.kind = source_kind_of(config);
    p.wanted = args.words[1];
    p.json = args.json;
    rc = print_all(&p, &err);
    close_printer(&p);
    config_free(config);
    if (rc == 0)
        return cli_finish(&p.out, 0);
    buffer_free(&p.out);
    return cli_fail(args.json, &err);
}
