/*
 * status.c -- rowferry status: the slot, each sink, why it stands there and what to do next.
 *
 * Asks the engines only, so it tells the same whether the pipeline runs, hangs or is gone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/json.h"
#include "cli.h"

struct status {
    const struct config *config;
    struct cli_view view;
    struct error judged[BATCH_SINKS_MAX]; /* kind != NONE: `run` would refuse */
    const char *cures[BATCH_SINKS_MAX];
    int worst;
};

static bool
is_settled(const struct config *config, const struct cli_view *view)
{
    for (int i = 0; i < config->nsinks; i++) {
        if (view->offsets[i].state == OFFSET_AT)
            return true;
    }
    return false;
}

static void
worsen(struct status *s, int exit_status)
{
    if (exit_status > s->worst)
        s->worst = exit_status;
}

static void
judge(struct status *s)
{
    bool settled = is_settled(s->config, &s->view);
    if (s->view.slot_error.kind != ERROR_NONE)
        worsen(s, error_exit_status(&s->view.slot_error));
    for (int i = 0; i < s->config->nsinks; i++) {
        if (s->view.errors[i].kind != ERROR_NONE)
            worsen(s, error_exit_status(&s->view.errors[i]));
        else if (s->view.slot_error.kind == ERROR_NONE &&
                 cli_judge(s->config->sinks[i].name, &s->view.offsets[i], &s->view.slot, settled,
                           &s->cures[i], &s->judged[i]) == -1)
            worsen(s, CLI_EXIT_NO);
    }
}

/* One sentence: the first thing that a person should do, or that there is nothing to do. */
static const char *
next_step(const struct status *s)
{
    const struct postgres_slot *slot = &s->view.slot;
    if (s->view.slot_error.kind != ERROR_NONE)
        return "make the source server answer";
    for (int i = 0; i < s->config->nsinks; i++) {
        if (s->judged[i].kind != ERROR_NONE)
            return s->cures[i];
        if (s->view.errors[i].kind != ERROR_NONE)
            return "make every sink answer";
    }
    if (!slot->exists)
        return "start it: rowferry run FILE makes publication and slot";
    if (!slot->active)
        return "start it: nothing reads the slot, and the server keeps its log meanwhile";
    if (strcmp(slot->wal_status, "unreserved") == 0)
        return "it must catch up now: the next checkpoint may throw away log that it needs";
    if (strcmp(slot->wal_status, "extended") == 0)
        return "nothing now; it keeps more log than max_wal_size, so watch the server's disk";
    return "nothing: it runs";
}

static void
put_slot(struct buffer *out, const struct status *s)
{
    const struct postgres_slot *slot = &s->view.slot;
    char name[64], confirmed[LSN_TEXT_MAX], now[LSN_TEXT_MAX];
    postgres_slot_name(s->config, name);
    if (s->view.slot_error.kind != ERROR_NONE) {
        buffer_put_string(out, "  ");
        cli_put(out, s->view.slot_error.text);
        buffer_put_string(out, "\n");
        return;
    }
    if (!slot->exists) {
        buffer_printf(out, "  slot %s does not exist\n", name);
        return;
    }
    if (slot->active)
        buffer_printf(out, "  slot %s: in use by server process %d\n", name, slot->active_pid);
    else
        buffer_printf(out, "  slot %s: nobody reads it\n", name);
    buffer_printf(out, "  confirmed %s, the log ends at %s; the server keeps ",
                  lsn_print(slot->confirmed, confirmed), lsn_print(slot->server_now, now));
    cli_put_bytes(out, slot->retained_bytes > 0 ? (uint64_t)slot->retained_bytes : 0);
    buffer_put_string(out, " for it");
    if (slot->safe_bytes >= 0) {
        buffer_put_string(out, ", and may lose it after ");
        cli_put_bytes(out, (uint64_t)slot->safe_bytes);
        buffer_put_string(out, " more");
    }
    buffer_printf(out, " (wal_status %s)\n", slot->wal_status);
}

static void
put_offset(struct buffer *out, const struct status *s, int i)
{
    const struct offset *offset = &s->view.offsets[i];
    char position[POSITION_TEXT_MAX], when[CLI_TIME_MAX];
    buffer_put_string(out, cli_offset_text(offset, position));
    if (offset->state == OFFSET_AT && s->view.slot_error.kind == ERROR_NONE) {
        buffer_put_string(out, ", behind by ");
        cli_put_bytes(out, cli_distance(&offset->position, s->view.slot.server_now));
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
    put_slot(out, s);
    for (int i = 0; i < config->nsinks; i++) {
        const struct error *trouble =
            s->view.errors[i].kind != ERROR_NONE ? &s->view.errors[i] : &s->judged[i];
        buffer_printf(out, "sink %s (%s): ", config->sinks[i].name, config->sinks[i].ops->type);
        if (s->view.errors[i].kind == ERROR_NONE)
            put_offset(out, s, i);
        if (trouble->kind != ERROR_NONE) {
            buffer_printf(out, "  %s%s", trouble->code, trouble->code[0] != '\0' ? ": " : "");
            cli_put(out, trouble->text);
            buffer_put_string(out, "\n");
        }
    }
    buffer_printf(out, "next: %s\n", next_step(s));
}

static void
put_error(struct buffer *out, const struct error *err)
{
    buffer_put_string(out, ",\"error\":");
    cli_json_member(out, "{", "code", err->code);
    cli_json_member(out, ",", "text", err->text);
    buffer_put_string(out, "}");
}

static void
put_slot_json(struct buffer *out, const struct status *s)
{
    const struct postgres_slot *slot = &s->view.slot;
    char name[64], lsn[LSN_TEXT_MAX];
    postgres_slot_name(s->config, name);
    cli_json_member(out, "{", "name", name);
    buffer_printf(out, ",\"exists\":%s,\"active\":%s,\"active_pid\":%d",
                  slot->exists ? "true" : "false", slot->active ? "true" : "false",
                  slot->active_pid);
    cli_json_member(out, ",", "confirmed", lsn_print(slot->confirmed, lsn));
    cli_json_member(out, ",", "restart", lsn_print(slot->restart, lsn));
    cli_json_member(out, ",", "server_now", lsn_print(slot->server_now, lsn));
    cli_json_member(out, ",", "wal_status", slot->wal_status);
    buffer_printf(out, ",\"retained_bytes\":%" PRId64 ",\"safe_bytes\":", slot->retained_bytes);
    if (slot->safe_bytes >= 0)
        buffer_printf(out, "%" PRId64, slot->safe_bytes);
    else
        buffer_put_string(out, "null");
    if (s->view.slot_error.kind != ERROR_NONE)
        put_error(out, &s->view.slot_error);
    buffer_put_string(out, "}");
}

static void
put_sink_json(struct buffer *out, const struct status *s, int i)
{
    const struct config_sink *sink = &s->config->sinks[i];
    const struct offset *offset = &s->view.offsets[i];
    char position[POSITION_TEXT_MAX], when[CLI_TIME_MAX];
    cli_json_member(out, "{", "name", sink->name);
    cli_json_member(out, ",", "type", sink->ops->type);
    cli_json_member(out, ",", "guarantee", sink->ops->guarantee_text);
    if (s->view.errors[i].kind != ERROR_NONE) {
        put_error(out, &s->view.errors[i]);
    } else {
        cli_json_member(out, ",", "position", cli_offset_text(offset, position));
        cli_json_member(out, ",", "last_commit", cli_time(offset->written_us, when));
        buffer_printf(out, ",\"batch_no\":%" PRIu64 ",\"epoch\":%" PRIu64, offset->batch_no,
                      offset->epoch);
        if (offset->state == OFFSET_AT && s->view.slot_error.kind == ERROR_NONE)
            buffer_printf(out, ",\"behind_bytes\":%" PRIu64,
                          cli_distance(&offset->position, s->view.slot.server_now));
        if (s->judged[i].kind != ERROR_NONE)
            put_error(out, &s->judged[i]);
    }
    buffer_put_string(out, "}");
}

static void
put_json(struct buffer *out, const struct status *s)
{
    cli_json_member(out, "{", "pipeline", s->config->pipeline);
    buffer_printf(out, ",\"running\":%s", s->view.slot.active ? "true" : "false");
    cli_json_member(out, ",", "source", s->view.slot.identity.id);
    buffer_put_string(out, ",\"slot\":");
    put_slot_json(out, s);
    buffer_put_string(out, ",\"sinks\":[");
    for (int i = 0; i < s->config->nsinks; i++) {
        if (i > 0)
            buffer_put_string(out, ",");
        put_sink_json(out, s, i);
    }
    buffer_put_string(out, "]");
    cli_json_member(out, ",", "next", next_step(s));
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
    config_free(config);
    return cli_finish(&out, s.worst);
}
