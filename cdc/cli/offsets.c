/*
 * offsets.c -- rowferry offsets: the verbs, and those that only look (list, show, export).
 *
 * They ask the sinks and not the source, so a position can be read and saved while the source
 * is away; only export asks the source too, for its identity, and goes on without an answer.
 */
#include "offsets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/json.h"
#include "cdc/plain.h"

enum { EXPORT_VERSION = 1 };

static void
put_line(struct buffer *out, const struct config_sink *sink, const struct offset *offset)
{
    struct buffer position = {0};
    char when[CLI_TIME_MAX];
    cli_put_offset(&position, offset);
    buffer_printf(out, "%-20s %-8s %-40s %s\n", sink->name, sink->ops->type, buffer_cstr(&position),
                  cli_time(offset->written_us, when));
    buffer_free(&position);
}

static void
put_record(struct buffer *out, const struct config_sink *sink, const struct offset *offset)
{
    char when[CLI_TIME_MAX];
    buffer_printf(out, "sink %s (%s)\n  position  ", sink->name, sink->ops->type);
    cli_put_offset(out, offset);
    buffer_put_string(out, "\n  source    ");
    plain_put(out, offset->source.id);
    buffer_printf(out,
                  "\n  timeline  %u\n  epoch     %" PRIu64 "\n  commits   %" PRIu64
                  "\n  written   %s\n  options   ",
                  offset->source.timeline, offset->epoch, offset->batch_no,
                  cli_time(offset->written_us, when));
    plain_put(out, offset->options_hash);
    buffer_put_string(out, "\n");
}

static void
put_json(struct buffer *out, const struct config_sink *sink, const struct offset *offset)
{
    json_member(out, "{", "sink", sink->name);
    json_member(out, ",", "type", sink->ops->type);
    cli_json_offset(out, ",", "position", offset);
    buffer_put_string(out, ",\"record\":");
    if (offset->state == OFFSET_NONE)
        buffer_put_string(out, "null");
    else
        offset_encode(offset, out);
    buffer_put_string(out, "}");
}

/* list and show: one or all sinks; what can't be read is said, and the rest is shown. */
static int
look(const struct cli_arguments *args, const struct config *config, bool whole)
{
    struct error err = ERROR_INIT;
    struct buffer out = {0};
    int status = 0, shown = 0;
    int only = args->sink != NULL ? cli_find_sink(config, args->sink, &err) : 0;
    if (only == -1)
        return cli_fail(args->json, &err);
    if (args->json)
        buffer_put_string(&out, "{\"offsets\":[");
    for (int i = 0; i < config->nsinks; i++) {
        struct offset offset;
        if (args->sink != NULL && i != only)
            continue;
        if (cli_read_offset(config, i, &offset, &err) == -1) {
            error_prefix(&err, "sink %s: ", config->sinks[i].name);
            int failed = cli_fail(false, &err);
            status = failed > status ? failed : status;
            continue;
        }
        if (args->json && shown++ > 0)
            buffer_put_string(&out, ",");
        if (args->json)
            put_json(&out, &config->sinks[i], &offset);
        else if (whole)
            put_record(&out, &config->sinks[i], &offset);
        else
            put_line(&out, &config->sinks[i], &offset);
        offset_clear(&offset);
    }
    if (args->json)
        buffer_put_string(&out, "]}\n");
    return cli_finish(&out, status);
}

/* Whose positions they are, as far as the source says. */
static void
put_origin(const struct config *config, struct buffer *out)
{
    const struct source_kind *kind = source_kind_of(config);
    struct error err = ERROR_INIT;
    struct source_identity identity = {0};
    struct source_look look;
    if (kind->look(config, &look, &err) == 0)
        identity = look.identity;
    else
        cli_warn("the source does not say who it is: %s", err.text);
    kind->look_clear(&look);
    json_member(out, ",", "source", identity.id);
    buffer_printf(out, ",\"timeline\":%u", identity.timeline);
}

/* All or nothing: a saved file that lacks a sink would be found out when it is needed. */
static int
export(const struct cli_arguments *args, const struct config *config)
{
    struct error err = ERROR_INIT;
    struct buffer out = {0};
    char when[CLI_TIME_MAX];
    buffer_printf(&out, "{\"v\":%d", EXPORT_VERSION);
    json_member(&out, ",", "pipeline", config->pipeline);
    put_origin(config, &out);
    json_member(&out, ",", "exported", cli_time(clock_wall_us(), when));
    buffer_put_string(&out, ",\"offsets\":[");
    for (int i = 0; i < config->nsinks; i++) {
        struct offset offset;
        if (cli_read_offset(config, i, &offset, &err) == -1) {
            error_prefix(&err, "sink %s: ", config->sinks[i].name);
            buffer_free(&out);
            return cli_fail(args->json, &err);
        }
        buffer_put_string(&out, i > 0 ? ",\n " : "\n ");
        put_json(&out, &config->sinks[i], &offset);
        offset_clear(&offset);
    }
    buffer_put_string(&out, "\n]}\n");
    return cli_finish(&out, 0);
}

static int
look_with(const struct cli_arguments *args, const char *verb)
{
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    int status;
    if (config_load(&config, args->words[1], &err) == -1)
        return cli_fail(args->json, &err);
    if (strcmp(verb, "export") == 0)
        status = export(args, config);
    else
        status = look(args, config, strcmp(verb, "show") == 0);
    config_free(config);
    return status;
}

int
cli_offsets(int argc, char **argv)
{
    static const unsigned any =
        CLI_SINK | CLI_EXPECT | CLI_REASON | CLI_DRY_RUN | CLI_AT_SLOT | CLI_TO |
        CLI_RECOUNT;
    static const char *const looks[] = {"list", "show", "export", NULL};
    static const char *const moves[] = {"set", "rewind", "skip", NULL};
    struct cli_arguments args;
    if (cli_arguments(&args, argc, argv, any, 2, 3) == -1)
        return CLI_EXIT_USAGE;
    for (int i = 0; looks[i] != NULL; i++) {
        if (strcmp(args.words[0], looks[i]) != 0)
            continue;
        if (args.nwords > 2 || args.expect != NULL || args.to != NULL || args.at_slot ||
            args.recount)
            return cli_usage("offsets", "that does not go with a verb that only looks");
        return look_with(&args, looks[i]);
    }
    for (int i = 0; moves[i] != NULL; i++) {
        if (strcmp(args.words[0], moves[i]) == 0)
            return offsets_move(&args, moves[i]);
    }
    if (strcmp(args.words[0], "import") == 0)
        return offsets_import(&args);
    return cli_usage("offsets", "the verb must be list, show, set, rewind, skip, export or import");
}
