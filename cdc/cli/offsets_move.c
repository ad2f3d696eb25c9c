/*
 * offsets_move.c -- rowferry offsets set, rewind, skip: one sink's position by hand.
 *
 * An act in this order, each step only after the one before:
 *
 *   1. the pipeline is stopped (nobody uses its slot)
 *   2. the position is the one that the operator expects
 *   3. the slot and the server have the new one
 *   4. the audit line is on the disk        (no line, no act)
 *   5. fence: the epoch goes up, so a pipeline that starts meanwhile is told to stop
 *   6. the position is still the expected one
 *   7. commit, then read back
 *
 * Between 1 and 5 a pipeline may start. Then either it fences after us, and our commit fails, or
 * we fence after it, and its next commit fails; both are seen, neither mixes with the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/audit.h"
#include "cdc/json.h"
#include "offsets.h"

enum { REASON_BYTES_MAX = 1000 };

static const char *const direction_names[] = {"nowhere", "first", "back", "forward"};

int
move_open(struct move *m, const struct config *config, int index, struct error *err)
{
    m->config = config;
    m->index = index;
    if (cli_open_sink(config, index, &m->sink, err) == -1)
        return -1;
    return m->sink->ops->resume(m->sink, &m->before, err);
}

void
move_close(struct move *m)
{
    cli_close_sink(m->sink);
    m->sink = NULL;
}

int
move_ask_slot(const struct config *config, struct postgres_slot *slot, struct error *err)
{
    char name[64];
    postgres_slot_name(config, name);
    if (postgres_slot_ask(config, slot, err) == -1)
        return -1;
    if (!slot->exists)
        return error_set(err, ERROR_REFUSED, "E_SLOT_MISSING",
                         "slot %s does not exist: there is no log to go on from", name);
    if (slot->active)
        return error_set(err, ERROR_REFUSED, "E_SLOT_ACTIVE",
                         "slot %s is in use by server process %d: stop the pipeline first", name,
                         slot->active_pid);
    if (strcmp(slot->wal_status, "lost") == 0)
        return error_set(err, ERROR_REFUSED, "E_WAL_LOST",
                         "slot %s: the server has thrown away log that the slot still needed",
                         name);
    return 0;
}

/* ---- the plan ---------------------------------------------------------------------------------
 */

static int
check_reach(const struct position *to, const struct postgres_slot *slot, struct error *err)
{
    char at[POSITION_TEXT_MAX], lsn[LSN_TEXT_MAX];
    position_print(to, at);
    if (to->kind != POSITION_LSN)
        return error_set(err, ERROR_CONFIG, "E_POSITION", "%s is not a place in this log", at);
    if (to->end < slot->confirmed)
        return error_set(err, ERROR_REFUSED, "E_GAP",
                         "%s is out of reach: the slot can't go back behind %s. Older rows must be "
                         "read from the tables (a snapshot); a new slot begins at the present, not "
                         "in the past",
                         at, lsn_print(slot->confirmed, lsn));
    if (to->end > slot->server_now || to->open > slot->server_now)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "%s lies past the end of the server's log, %s", at,
                         lsn_print(slot->server_now, lsn));
    return 0;
}

static enum move_direction
direction(const struct offset *before, const struct position *to)
{
    if (before->state != OFFSET_AT)
        return MOVE_FIRST;
    if (position_equal(&before->position, to))
        return MOVE_NOWHERE;
    struct position older = position_meet(&before->position, to);
    return position_equal(&older, to) ? MOVE_BACK : MOVE_FORWARD;
}

int
move_plan(struct move *m, const struct position *to, const struct postgres_slot *slot,
          struct error *err)
{
    struct position confirmed = {.kind = POSITION_LSN, .end = slot->confirmed};
    if (check_reach(to, slot, err) == -1)
        return -1;
    m->after = m->before;
    m->after.state = OFFSET_AT;
    m->after.position = *to;
    m->after.source = slot->identity;
    m->direction = direction(&m->before, to);
    if (m->direction == MOVE_BACK)
        m->bytes = cli_distance(to, m->before.position.end);
    else if (m->direction == MOVE_FORWARD)
        m->bytes = cli_distance(&m->before.position, to->end);
    else if (m->direction == MOVE_FIRST)
        m->bytes = cli_distance(&confirmed, to->end);
    return 0;
}

/* ---- the act -----------------------------------------------------------------------------------
 */

static int
write_audit(const struct move *m, const char *act, const char *reason, struct error *err)
{
    char before[POSITION_TEXT_MAX], after[POSITION_TEXT_MAX];
    struct audit_entry entry = {
        .pipeline = m->config->pipeline,
        .sink = m->sink->name,
        .act = act,
        .before = cli_offset_text(&m->before, before),
        .after = cli_offset_text(&m->after, after),
        .reason = reason,
    };
    if (m->config->audit == NULL)
        return error_set(err, ERROR_CONFIG, "E_AUDIT",
                         "there is no audit file, so nothing may be moved: set audit or state_dir "
                         "in the configuration");
    return audit_append(m->config->audit, &entry, err);
}

static bool
same_place(const struct offset *a, const struct offset *b)
{
    return a->state == b->state &&
           (a->state != OFFSET_AT || position_equal(&a->position, &b->position));
}

static int
fence_and_compare(struct move *m, struct error *err)
{
    struct offset now;
    char text[POSITION_TEXT_MAX];
    if (m->sink->ops->fence(m->sink, err) == -1 || m->sink->ops->resume(m->sink, &now, err) == -1)
        return -1;
    if (!same_place(&now, &m->before))
        return error_set(err, ERROR_REFUSED, "E_EXPECT",
                         "sink %s has moved to %s meanwhile: nothing was done", m->sink->name,
                         cli_offset_text(&now, text));
    return 0;
}

/* An unknown outcome is made known: fence, and read what became of it. */
static int
commit(struct move *m, struct error *err)
{
    struct offset now;
    struct error later = ERROR_INIT;
    if (sink_commit(m->sink, &m->after, err) == -1) {
        if (err->kind != ERROR_REWIND && err->kind != ERROR_RETRY)
            return -1;
        m->sink->ops->abort(m->sink);
        if (m->sink->ops->fence(m->sink, &later) == -1)
            return -1;
    }
    if (m->sink->ops->resume(m->sink, &now, &later) == -1) {
        *err = later;
        return -1;
    }
    if (!same_place(&now, &m->after)) {
        if (err->kind == ERROR_NONE)
            error_set(err, ERROR_FATAL, "", "sink %s did not take the position", m->sink->name);
        return -1;
    }
    m->after = now;
    *err = (struct error)ERROR_INIT;
    return 0;
}

int
move_perform(struct move *m, struct error *err)
{
    char act[64];
    if (write_audit(m, m->act, m->reason, err) == -1)
        return -1;
    if (fence_and_compare(m, err) == 0 && commit(m, err) == 0)
        return 0;
    /* The line stands, so what became of it stands there too, if that can still be written. */
    snprintf(act, sizeof(act), "%s failed", m->act);
    write_audit(m, act, err->text, NULL);
    return -1;
}

/* ---- in words -----------------------------------------------------------------------------------
 */

static void
describe_effect(const struct move *m, struct buffer *out)
{
    switch (m->direction) {
    case MOVE_NOWHERE:
        buffer_put_string(out, "it is there already");
        break;
    case MOVE_FIRST:
        buffer_put_string(out, "it begins there");
        if (m->bytes == 0)
            break;
        buffer_put_string(out, "; ");
        cli_put_bytes(out, m->bytes);
        buffer_put_string(out, " of log before it, which the slot still has, are not delivered");
        break;
    case MOVE_BACK:
        cli_put_bytes(out, m->bytes);
        buffer_put_string(out, " of log are read again: what was delivered from there on comes "
                               "once more, and readers see it twice");
        break;
    case MOVE_FORWARD:
        cli_put_bytes(out, m->bytes);
        buffer_put_string(out, " of log are passed over: THE CHANGES IN THEM ARE LOST to this "
                               "sink");
        break;
    }
}

static bool
other_source(const struct move *m)
{
    return m->before.state == OFFSET_AT && strcmp(m->before.source.id, m->after.source.id) != 0;
}

static void
describe_json(const struct move *m, bool dry_run, struct buffer *out)
{
    char before[POSITION_TEXT_MAX], after[POSITION_TEXT_MAX];
    struct buffer effect = {0};
    describe_effect(m, &effect);
    cli_json_member(out, "{", "sink", m->sink->name);
    cli_json_member(out, ",", "act", m->act);
    cli_json_member(out, ",", "before", cli_offset_text(&m->before, before));
    cli_json_member(out, ",", "after", cli_offset_text(&m->after, after));
    cli_json_member(out, ",", "direction", direction_names[m->direction]);
    buffer_printf(out, ",\"bytes\":%" PRIu64, m->bytes);
    cli_json_member(out, ",", "effect", buffer_cstr(&effect));
    buffer_printf(out, ",\"other_source\":%s,\"done\":%s}", other_source(m) ? "true" : "false",
                  dry_run ? "false" : "true");
    buffer_free(&effect);
}

void
move_describe(const struct move *m, bool dry_run, bool json, struct buffer *out)
{
    char before[POSITION_TEXT_MAX], after[POSITION_TEXT_MAX];
    if (json) {
        describe_json(m, dry_run, out);
        return;
    }
    cli_offset_text(&m->before, before);
    cli_offset_text(&m->after, after);
    if (m->direction == MOVE_NOWHERE)
        buffer_printf(out, "sink %s: %s, ", m->sink->name, after);
    else
        buffer_printf(out, "sink %s: %s %s -> %s\n  ", m->sink->name,
                      dry_run ? "would move" : "moved", before, after);
    describe_effect(m, out);
    buffer_put_string(out, "\n");
    if (other_source(m)) {
        buffer_put_string(out, "  it was fed from ");
        cli_put(out, m->before.source.id);
        buffer_put_string(out, " and will be from ");
        cli_put(out, m->after.source.id);
        buffer_put_string(out, "\n");
    }
}

/* ---- the commands
 * --------------------------------------------------------------------------------- */

static int
check_expected(const struct move *m, const char *expect, struct error *err)
{
    struct offset wanted = {.state = OFFSET_AT};
    char text[POSITION_TEXT_MAX];
    if (strcmp(expect, "none") == 0)
        wanted.state = OFFSET_NONE;
    else if (strcmp(expect, "starting") == 0)
        wanted.state = OFFSET_STARTING;
    else if (position_parse(&wanted.position, expect, err) == -1)
        return error_prefix(err, "--expect: ");
    if (!same_place(&wanted, &m->before))
        return error_set(err, ERROR_REFUSED, "E_EXPECT",
                         "sink %s stands at %s, not at what --expect says: nothing was done",
                         m->sink->name, cli_offset_text(&m->before, text));
    return 0;
}

/* Where to: POS, --to POS, or the slot's confirmed position. */
static int
find_target(const struct cli_arguments *args, const char *verb, const struct postgres_slot *slot,
            struct position *to, struct error *err)
{
    const char *text = args->nwords > 2 ? args->words[2] : NULL;
    if (strcmp(verb, "skip") == 0)
        text = args->to;
    if (text != NULL)
        return position_parse(to, text, err);
    *to = (struct position){.kind = POSITION_LSN, .end = slot->confirmed};
    return 0;
}

/* What set may do and rewind and skip may not: another direction, another server. */
static int
check_verb(const struct move *m, const char *verb, struct error *err)
{
    if (strcmp(verb, "set") == 0)
        return 0;
    if (m->before.state != OFFSET_AT)
        return error_set(err, ERROR_CONFIG, "", "sink %s has no position yet: use offsets set",
                         m->sink->name);
    if (other_source(m))
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "sink %s was fed from %.160s, and this server is %.160s: only offsets set "
                         "may move it over",
                         m->sink->name, m->before.source.id, m->after.source.id);
    if (strcmp(verb, "rewind") == 0 && m->direction == MOVE_FORWARD)
        return error_set(err, ERROR_CONFIG, "",
                         "that place lies ahead of sink %s: rewind only goes back, offsets skip "
                         "goes forward",
                         m->sink->name);
    if (strcmp(verb, "skip") == 0 && m->direction == MOVE_BACK)
        return error_set(err, ERROR_CONFIG, "",
                         "that place lies before sink %s's: skip only goes forward, offsets rewind "
                         "goes back",
                         m->sink->name);
    return 0;
}

static int
move_one(const struct cli_arguments *args, const char *verb, const struct config *config,
         struct move *m, struct error *err)
{
    struct postgres_slot slot;
    struct position to;
    int index = cli_find_sink(config, args->sink, err);
    if (index == -1 || move_ask_slot(config, &slot, err) == -1 ||
        move_open(m, config, index, err) == -1)
        return -1;
    if (args->expect != NULL && check_expected(m, args->expect, err) == -1)
        return -1;
    if (find_target(args, verb, &slot, &to, err) == -1 || move_plan(m, &to, &slot, err) == -1 ||
        check_verb(m, verb, err) == -1)
        return -1;
    if (args->dry_run || (m->direction == MOVE_NOWHERE && !other_source(m)))
        return 0;
    return move_perform(m, err);
}

/* Everything that can be said without asking anybody. */
static const char *
usage_error(const struct cli_arguments *args, const char *verb)
{
    bool set = strcmp(verb, "set") == 0, skip = strcmp(verb, "skip") == 0;
    if (skip && (args->to == NULL || args->nwords > 2))
        return "skip needs --to POS";
    if (!skip && args->to != NULL)
        return "--to goes with skip only";
    if (!set && args->at_slot)
        return "--at-slot goes with set only";
    if (set && args->at_slot == (args->nwords > 2))
        return "set needs a position, or --at-slot";
    if (args->dry_run)
        return NULL;
    if (args->expect == NULL)
        return "--expect is required: the position that the sink has now (see offsets list)";
    if (args->reason == NULL || args->reason[0] == '\0')
        return "--reason is required: it goes into the audit file";
    if (strlen(args->reason) > REASON_BYTES_MAX)
        return "--reason is longer than 1000 bytes";
    return NULL;
}

int
offsets_move(const struct cli_arguments *args, const char *verb)
{
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct buffer out = {0};
    struct move m = {0};
    char act[32];
    int rc;
    const char *wrong = usage_error(args, verb);
    if (wrong != NULL)
        return cli_usage("offsets", wrong);
    if (config_load(&config, args->words[1], &err) == -1)
        return cli_fail(args->json, &err);
    snprintf(act, sizeof(act), "offsets %s", verb);
    m.act = act;
    m.reason = args->reason;
    rc = move_one(args, verb, config, &m, &err);
    if (rc == 0) {
        move_describe(&m, args->dry_run || m.direction == MOVE_NOWHERE, args->json, &out);
        if (args->json)
            buffer_put_string(&out, "\n");
    }
    move_close(&m);
    config_free(config);
    return rc == 0 ? cli_finish(&out, 0) : cli_fail(args->json, &err);
}
