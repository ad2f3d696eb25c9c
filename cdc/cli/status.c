/*
 * status.c -- rowferry status: the source, each sink, why it stands there and what to do next.
 *
 * Asks the engines only, so it tells the same whether the pipeline runs, hangs or is gone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/json.h"
#include "cdc/plain.h"
#include "cli.h"

struct status {
    const struct config *config;
    struct cli_view view;
    struct error judged[BATCH_SINKS_MAX]; /* kind != NONE: `run` would refuse */
    const char *cures[BATCH_SINKS_MAX];
    int worst;
};

static void
worsen(struct status *s, int exit_status)
{
    if (exit_status > s->worst)
        s->worst = exit_status;
}

static void
judge(struct status *s)
{
    const struct cli_view *view = &s->view;
    bool answers = view->look_error.kind == ERROR_NONE;
    if (!answers)
        worsen(s, error_exit_status(&view->look_error));
    for (int i = 0; i < s->config->nsinks; i++) {
        if (view->errors[i].kind != ERROR_NONE)
            worsen(s, error_exit_status(&view->errors[i]));
        else if (answers && view->kind->judge(&view->look, s->config->sinks[i].name, &view->offsets[i],
                                              view->settled, &s->cures[i], &s->judged[i]) == -1)
            worsen(s, CLI_EXIT_NO);
    }
}

/* One sentence: the first thing that a person should do, or that there is nothing to do. */
static const char *
next_step(const struct status *s)
{
    const char *step;
    if (s->view.look_error.kind != ERROR_NONE)
        return "make the source server answer";
    for (int i = 0; i < s->config->nsinks; i++) {
        if (s->judged[i].kind != ERROR_NONE)
            return s->cures[i];
        if (s->view.errors[i].kind != ERROR_NONE)
            return "make every sink answer";
    }
    step = s->view.kind->next_step(&s->view.look);
    return step != NULL ? step : "nothing: it runs";
}

static void
put_source(struct buffer *out, const struct status *s)
{
    if (s->view.look_error.kind == ERROR_NONE) {
        s->view.kind->put_status(s->config, &s->view.look, out);
        return;
    }
    buffer_put_string(out, "  ");
    plain_put(out, s->view.look_error.text);
    buffer_put_string(out, "\n");
}

/* Until the server may throw away what this sink still needs; -1: not told, or not at all. */
static int64_t
seconds_left(const struct status *s, int i)
{
    if (s->view.kind->seconds_left == NULL || s->view.look_error.kind != ERROR_NONE)
        return -1;
    return s->view.kind->seconds_left(s->config, &s->view.look, &s->view.offsets[i]);
}

static void
put_duration(struct buffer *out, int64_t seconds)
{
    if (seconds >= 2 * 86400)
        buffer_printf(out, "%" PRId64 " days", seconds / 86400);
    else if (seconds >= 2 * 3600)
        buffer_printf(out, "%" PRId64 " hours", seconds / 3600);
    else
        buffer_printf(out, "%" PRId64 " s", seconds);
}

/* To the end of the log; false where that has no meaning. */
static bool
behind(const struct status *s, int i, struct distance *out)
{
    if (s->view.offsets[i].state != OFFSET_AT || s->view.look_error.kind != ERROR_NONE)
        return false;
    *out = s->view.kind->distance(&s->view.look, &s->view.offsets[i].position, NULL);
    return true;
}

static void
put_offset(struct buffer *out, const struct status *s, int i)
{
    const struct offset *offset = &s->view.offsets[i];
    char position[POSITION_TEXT_MAX], when[CLI_TIME_MAX];
    struct distance distance;
    int64_t left = seconds_left(s, i);
    buffer_put_string(out, cli_offset_text(offset, position));
    if (behind(s, i, &distance)) {
        buffer_put_string(out, ", behind by ");
        cli_put_distance(out, &distance);
    }
    if (left >= 0) {
        buffer_put_string(out, ", what follows is kept for ");
        put_duration(out, left);
    }
    if (offset->written_us > 0)
        buffer_printf(out, ", last commit %s (%" PRId64 " s ago)",
                      cli_time(offset->written_us, when),
                      (clock_wall_us() - offset->written_us) / 1000000);
    buffer_put_string(out, "\n");
}

static void
put_text(struct buffer *out, const struct status *s)
{
    const struct config *config = s->config;
    buffer_printf(out, "pipeline %s\n", config->pipeline);
    put_source(out, s);
    for (int i = 0; i < config->nsinks; i++) {
        const struct error *trouble =
            s->view.errors[i].kind != ERROR_NONE ? &s->view.errors[i] : &s->judged[i];
        buffer_printf(out, "sink %s (%s): ", config->sinks[i].name, config->sinks[i].ops->type);
        if (s->view.errors[i].kind == ERROR_NONE)
            put_offset(out, s, i);
        if (trouble->kind != ERROR_NONE) {
            buffer_printf(out, "  %s%s", trouble->code, trouble->code[0] != '\0' ? ": " : "");
            plain_put(out, trouble->text);
            buffer_put_string(out, "\n");
        }
    }
    buffer_printf(out, "next: %s\n", next_step(s));
}

static void
put_error(struct buffer *out, const struct error *err)
{
    buffer_put_string(out, ",\"error\":");
    json_member(out, "{", "code", err->code);
    json_member(out, ",", "text", err->text);
    buffer_put_string(out, "}");
}

static void
put_seconds_left(struct buffer *out, int64_t left)
{
    if (left >= 0)
        buffer_printf(out, ",\"seconds_until_purge\":%" PRId64, left);
    else
        buffer_put_string(out, ",\"seconds_until_purge\":null");
}

static void
put_sink_json(struct buffer *out, const struct status *s, int i)
{
    const struct config_sink *sink = &s->config->sinks[i];
    const struct offset *offset = &s->view.offsets[i];
    struct distance distance;
    char when[CLI_TIME_MAX];
    json_member(out, "{", "name", sink->name);
    json_member(out, ",", "type", sink->ops->type);
    json_member(out, ",", "guarantee", sink->ops->guarantee_text);
    if (s->view.errors[i].kind != ERROR_NONE) {
        put_error(out, &s->view.errors[i]);
    } else {
        cli_json_offset(out, ",", "position", offset);
        json_member(out, ",", "last_commit", cli_time(offset->written_us, when));
        buffer_printf(out, ",\"batch_no\":%" PRIu64 ",\"epoch\":%" PRIu64, offset->batch_no,
                      offset->epoch);
        if (behind(s, i, &distance))
            cli_json_distance(out, "behind_", &distance);
        if (s->view.kind->seconds_left != NULL)
            put_seconds_left(out, seconds_left(s, i));
        if (s->judged[i].kind != ERROR_NONE)
            put_error(out, &s->judged[i]);
    }
    buffer_put_string(out, "}");
}

static void
put_json(struct buffer *out, const struct status *s)
{
    json_member(out, "{", "pipeline", s->config->pipeline);
    buffer_printf(out, ",\"running\":%s", s->view.look.active ? "true" : "false");
    json_member(out, ",", "source", s->view.look.identity.id);
    buffer_put_string(out, ",");
    s->view.kind->put_status_json(s->config, &s->view.look, &s->view.look_error, out);
    buffer_put_string(out, ",\"sinks\":[");
    for (int i = 0; i < s->config->nsinks; i++) {
        if (i > 0)
            buffer_put_string(out, ",");
        put_sink_json(out, s, i);
    }
    buffer_put_string(out, "]");
    json_member(out, ",", "next", next_step(s));
    buffer_put_string(out, "}\n");
}

int
cli_status(int argc, char **argv)
{
    struct cli_arguments args;
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct status s;
    struct buffer out = {0};
    if (cli_arguments(&args, argc, argv, 0, 1, 1) == -1)
        return CLI_EXIT_USAGE;
    if (config_load(&config, args.words[0], &err) == -1)
        return cli_fail(args.json, &err);
    memset(&s, 0, sizeof(s));
    s.config = config;
    cli_look(config, &s.view);
    judge(&s);
    if (args.json)
        put_json(&out, &s);
    else
        put_text(&out, &s);
    cli_view_clear(&s.view);
    config_free(config);
    return cli_finish(&out, s.worst);
}
