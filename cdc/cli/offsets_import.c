/*
 * offsets_import.c -- rowferry offsets import: what `export` saved, put back.
 *
 * All sinks of the file are planned before the first is moved: a record of another server, of
 * another pipeline, or one that the server no longer reaches refuses the whole file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "offsets.h"

enum { FILE_BYTES_MAX = 32 << 20 /* eight sinks with GTID sets of a megabyte, each written twice */ };

struct import {
    const struct cli_arguments *args;
    const struct config *config;
    struct source_look look;
    struct move moves[BATCH_SINKS_MAX];
    int nmoves;
};

static json_t *
load(const char *path, struct error *err)
{
    json_error_t why;
    json_t *root = NULL;
    char *text = malloc(FILE_BYTES_MAX);
    FILE *file = fopen(path, "re");
    size_t len = text != NULL && file != NULL ? fread(text, 1, FILE_BYTES_MAX, file) : 0;
    if (file == NULL)
        error_set(err, ERROR_CONFIG, "", "%.200s: %s", path, strerror(errno));
    else if (len == 0 || len == FILE_BYTES_MAX || ferror(file))
        error_set(err, ERROR_CONFIG, "", "%.200s: is empty, larger than 32 MiB or unreadable", path);
    else if ((root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why)) == NULL)
        error_set(err, ERROR_CONFIG, "", "%.200s:%d: %s", path, why.line, why.text);
    if (file != NULL)
        fclose(file);
    free(text);
    return root;
}

static int
decode(const json_t *record, struct offset *out, struct error *err)
{
    char *text = json_dumps(record, JSON_COMPACT);
    int rc;
    if (text == NULL)
        return error_set(err, ERROR_REFUSED, "E_OFFSET_CORRUPT", "a record is not an object");
    rc = offset_decode(out, bytes_of_string(text), err);
    free(text);
    return rc;
}

static int
plan_one(struct import *in, const char *name, const struct offset *saved, struct error *err)
{
    struct move *m = &in->moves[in->nmoves];
    int index = cli_find_sink(in->config, name, err);
    if (index == -1)
        return -1;
    for (int i = 0; i < in->nmoves; i++) {
        if (in->moves[i].index == index)
            return error_set(err, ERROR_CONFIG, "", "sink %s is in the file twice", name);
    }
    if (source_kind_of(in->config)->may_import(&in->look, saved, err) == -1)
        return error_prefix(err, "sink %s: ", name);
    in->nmoves++; /* from here on it has to be closed */
    m->act = "offsets import";
    m->reason = in->args->reason;
    if (move_open(m, in->config, index, err) == -1 ||
        move_plan(m, &saved->position, &in->look, err) == -1)
        return error_prefix(err, "sink %s: ", name);
    memcpy(m->after.options_hash, saved->options_hash, sizeof(m->after.options_hash));
    m->after.source.timeline = saved->source.timeline;
    return 0;
}

static int
plan_entry(struct import *in, const json_t *entry, struct error *err)
{
    const char *name = json_string_value(json_object_get(entry, "sink"));
    const json_t *record = json_object_get(entry, "record");
    struct offset saved;
    int rc = 0;
    if (name == NULL || record == NULL)
        return error_set(err, ERROR_CONFIG, "", "an entry lacks its sink or its record");
    if (in->args->sink != NULL && strcmp(in->args->sink, name) != 0)
        return 0;
    if (json_is_null(record))
        return 0; /* it had none when it was saved */
    if (decode(record, &saved, err) == -1)
        return error_prefix(err, "sink %.60s: ", name);
    if (saved.state == OFFSET_AT && in->nmoves == BATCH_SINKS_MAX)
        rc = error_set(err, ERROR_CONFIG, "", "more sinks than there can be");
    else if (saved.state == OFFSET_AT)
        rc = plan_one(in, name, &saved, err);
    offset_clear(&saved);
    return rc;
}

static int
plan(struct import *in, const json_t *root, struct error *err)
{
    const char *pipeline = json_string_value(json_object_get(root, "pipeline"));
    const json_t *offsets = json_object_get(root, "offsets");
    size_t i;
    json_t *entry;
    if (json_integer_value(json_object_get(root, "v")) != 1 || pipeline == NULL ||
        !json_is_array(offsets))
        return error_set(err, ERROR_CONFIG, "", "%.200s: is not what offsets export writes",
                         in->args->words[2]);
    if (strcmp(pipeline, in->config->pipeline) != 0)
        return error_set(err, ERROR_CONFIG, "", "%.200s: is of pipeline %.60s, not of %s",
                         in->args->words[2], pipeline, in->config->pipeline);
    json_array_foreach(offsets, i, entry)
    {
        if (plan_entry(in, entry, err) == -1)
            return -1;
    }
    if (in->nmoves == 0)
        return error_set(err, ERROR_CONFIG, "", "%.200s: has no position to put back",
                         in->args->words[2]);
    return 0;
}

static void
describe(const struct import *in, int moved, struct buffer *out)
{
    bool json = in->args->json;
    if (json)
        buffer_put_string(out, "{\"moves\":[");
    for (int i = 0; i < in->nmoves; i++) {
        const struct move *m = &in->moves[i];
        if (json && i > 0)
            buffer_put_string(out, ",");
        move_describe(m, i >= moved || m->direction == MOVE_NOWHERE, json, out);
    }
    if (json)
        buffer_put_string(out, "]}\n");
}

static int
import(struct import *in, struct buffer *out, struct error *err)
{
    json_t *root = load(in->args->words[2], err);
    int moved = 0, rc;
    if (root == NULL)
        return -1;
    rc = move_look(in->config, &in->look, err);
    if (rc == 0)
        rc = plan(in, root, err);
    json_decref(root);
    for (; rc == 0 && !in->args->dry_run && moved < in->nmoves; moved++) {
        if (in->moves[moved].direction != MOVE_NOWHERE)
            rc = move_perform(&in->moves[moved], err);
        if (rc == -1)
            break;
    }
    if (rc == 0)
        describe(in, moved, out);
    else if (moved > 0)
        error_prefix(err, "after %d of %d sinks were put back: ", moved, in->nmoves);
    return rc;
}

int
offsets_import(const struct cli_arguments *args)
{
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct buffer out = {0};
    struct import in = {.args = args};
    int rc;
    if (args->nwords < 3)
        return cli_usage("offsets", "import needs the file that export wrote");
    if (args->expect != NULL || args->to != NULL || args->at_slot || args->recount)
        return cli_usage("offsets", "import takes --sink, --reason and --dry-run only");
    if (!args->dry_run && (args->reason == NULL || args->reason[0] == '\0'))
        return cli_usage("offsets", "--reason is required: it goes into the audit file");
    if (config_load(&config, args->words[1], &err) == -1)
        return cli_fail(args->json, &err);
    in.config = config;
    rc = import(&in, &out, &err);
    for (int i = 0; i < in.nmoves; i++)
        move_close(&in.moves[i]);
    source_kind_of(config)->look_clear(&in.look);
    config_free(config);
    return rc == 0 ? cli_finish(&out, 0) : cli_fail(args->json, &err);
}
