/*
 * offsets_move.c -- rowferry offsets set, rewind, skip: one sink's position by hand.
 *
 * An act in this order, each step only after the one before:
 *
 *   1. the pipeline is stopped (nobody has its lease)
 *   2. the position is the one that the operator expects
 *   3. the server has the new one, and what follows it
 *   4. the audit line is on the disk        (no line, no act)
 *   5. fence: the epoch goes up, so a pipeline that starts meanwhile is told to stop
 *   6. the position is still the expected one
 *   7. commit, then read back
 *
 * Between 1 and 5 a pipeline may start. Then either it fences after us, and our commit fails, or
 * we fence after it, and its next commit fails; both are seen, neither mixes with the other.
 */
#include <stdio.h>
#include <string.h>

#include "cdc/audit.h"
#include "cdc/json.h"
#include "cdc/plain.h"
#include "offsets.h"

enum {
    REASON_BYTES_MAX = 1000,
    AUDIT_POSITION_MAX = 24 * 1024, /* a line of the audit file has two, and an end */
};

static const char *const direction_names[] = {"nowhere", "first", "back", "forward", "aside"};

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
    offset_clear(&m->before);
    offset_clear(&m->after);
}

int
move_look(const struct config *config, struct source_look *look, struct error *err)
{
    const struct source_kind *kind = source_kind_of(config);
    return kind->look(config, look, err) == -1 ? -1 : kind->may_move(config, look, err);
}

/* ---- the plan ---------------------------------------------------------------------------------
 */

static enum move_direction
direction(const struct offset *before, const struct position *to)
{
    enum move_direction found = MOVE_ASIDE;
    struct position older;
    if (before->state != OFFSET_AT)
        return MOVE_FIRST;
    if (position_equal(&before->position, to))
        return MOVE_NOWHERE;
    older = position_meet(&before->position, to);
    if (position_equal(&older, to))
        found = MOVE_BACK;
    else if (position_equal(&older, &before->position))
        found = MOVE_FORWARD;
    position_clear(&older);
    return found;
}

static struct distance
distance(const struct move *m, const struct source_look *look)
{
    const struct position *before = &m->before.position, *after = &m->after.position;
    const struct source_kind *kind = source_kind_of(m->config);
    switch (m->direction) {
    case MOVE_NOWHERE:
        return kind->distance(look, after, after);
    case MOVE_BACK:
        return kind->distance(look, after, before);
    case MOVE_FORWARD:
        return kind->distance(look, before, after);
    case MOVE_FIRST:
        if (look->confirmed.kind != POSITION_NONE)
            return kind->distance(look, &look->confirmed, after);
        break; /* the server has kept nothing for it */
    case MOVE_ASIDE:
        break;
    }
    return (struct distance){DISTANCE_UNKNOWN, 0};
}

/* Fed from a server that is neither this one nor one with its history. */
static bool
is_stranger(const struct move *m, const struct source_look *look)
{
    struct error why = ERROR_INIT;
    return m->before.state == OFFSET_AT &&
           source_kind_of(m->config)->may_import(look, &m->before, &why) == -1 &&
           strcmp(why.code, "E_SOURCE_CHANGED") == 0;
}

int
move_plan(struct move *m, const struct position *to, const struct source_look *look, struct error *err)
{
    if (source_kind_of(m->config)->reaches(look, to, err) == -1)
        return -1;
    offset_copy(&m->after, &m->before);
    m->after.state = OFFSET_AT;
    position_copy(&m->after.position, to);
    m->after.source = look->identity;
    m->direction = direction(&m->before, to);
    m->distance = distance(m, look);
    m->stranger = is_stranger(m, look);
    return 0;
}

/* ---- the act -----------------------------------------------------------------------------------
 */

/* All of it, unless it is a set of GTIDs that no line has room for. */
static void
put_audit_position(struct buffer *out, const struct offset *offset)
{
    char text[POSITION_TEXT_MAX];
    cli_put_offset(out, offset);
    if (out->len <= AUDIT_POSITION_MAX)
        return;
    buffer_reset(out);
    buffer_put_string(out, cli_offset_text(offset, text));
}

static int
write_audit(const struct move *m, const char *act, const char *reason, struct error *err)
{
    struct buffer before = {0}, after = {0};
    struct audit_entry entry = {
        .pipeline = m->config->pipeline,
        .sink = m->sink->name,
        .act = act,
        .reason = reason,
    };
    int rc;
    if (m->config->audit == NULL)
        return error_set(err, ERROR_CONFIG, "E_AUDIT",
                         "there is no audit file, so nothing may be moved: set audit or state_dir "
                         "in the configuration");
    put_audit_position(&before, &m->before);
    put_audit_position(&after, &m->after);
    entry.before = buffer_cstr(&before);
    entry.after = buffer_cstr(&after);
    rc = audit_append(m->config->audit, &entry, err);
    buffer_free(&before);
    buffer_free(&after);
    return rc;
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
    struct offset now = {.state = OFFSET_NONE};
    char text[POSITION_TEXT_MAX];
    int rc = 0;
    if (m->sink->ops->fence(m->sink, err) == -1 || m->sink->ops->resume(m->sink, &now, err) == -1)
        return -1;
    if (!same_place(&now, &m->before))
        rc = error_set(err, ERROR_REFUSED, "E_EXPECT",
                       "sink %s has moved to %s meanwhile: nothing was done", m->sink->name,
                       cli_offset_text(&now, text));
    offset_clear(&now);
    return rc;
}

/* An unknown outcome is made known: fence, and read what became of it. */
static int
commit(struct move *m, struct error *err)
{
    struct offset now = {.state = OFFSET_NONE};
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
        offset_clear(&now);
        return -1;
    }
    offset_move(&m->after, &now);
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

/* How much lies between, as the subject of a sentence; its verb. */
static const char *
put_part(const struct move *m, struct buffer *out)
{
    cli_put_distance(out, &m->distance);
    if (m->distance.unit == DISTANCE_BYTES)
        buffer_put_string(out, " of log");
    else if (m->distance.unit == DISTANCE_UNKNOWN || m->distance.amount == 1)
        return "is";
    return "are";
}

static void
describe_effect(const struct move *m, struct buffer *out)
{
    const char *verb;
    switch (m->direction) {
    case MOVE_NOWHERE:
        buffer_put_string(out, "it is there already");
        break;
    case MOVE_FIRST:
        buffer_put_string(out, "it begins there");
        if (m->distance.amount == 0)
            break;
        buffer_put_string(out, "; ");
        verb = put_part(m, out);
        buffer_printf(out, " before it, which the slot still has, %s not delivered", verb);
        break;
    case MOVE_BACK:
        verb = put_part(m, out);
        buffer_printf(out,
                      " %s read again: what was delivered from there on comes once more, and readers "
                      "see it twice",
                      verb);
        break;
    case MOVE_FORWARD:
        verb = put_part(m, out);
        buffer_printf(out, " %s passed over: THE CHANGES IN %s ARE LOST to this sink", verb,
                      strcmp(verb, "is") == 0 ? "IT" : "THEM");
        break;
    case MOVE_ASIDE:
        buffer_put_string(out, "neither place holds the other: some changes may come once more, and "
                               "SOME MAY BE LOST to this sink");
        break;
    }
}

static void
describe_json(const struct move *m, bool dry_run, struct buffer *out)
{
    struct buffer effect = {0};
    describe_effect(m, &effect);
    json_member(out, "{", "sink", m->sink->name);
    json_member(out, ",", "act", m->act);
    cli_json_offset(out, ",", "before", &m->before);
    cli_json_offset(out, ",", "after", &m->after);
    json_member(out, ",", "direction", direction_names[m->direction]);
    cli_json_distance(out, "", &m->distance);
    json_member(out, ",", "effect", buffer_cstr(&effect));
    buffer_printf(out, ",\"other_source\":%s,\"done\":%s}", m->stranger ? "true" : "false",
                  dry_run ? "false" : "true");
    buffer_free(&effect);
}

void
move_describe(const struct move *m, bool dry_run, bool json, struct buffer *out)
{
    if (json) {
        describe_json(m, dry_run, out);
        return;
    }
    buffer_printf(out, "sink %s: ", m->sink->name);
    if (m->direction != MOVE_NOWHERE) {
        buffer_put_string(out, dry_run ? "would move " : "moved ");
        cli_put_offset(out, &m->before);
        buffer_put_string(out, " -> ");
    }
    cli_put_offset(out, &m->after);
    buffer_put_string(out, m->direction == MOVE_NOWHERE ? ", " : "\n  ");
    describe_effect(m, out);
    buffer_put_string(out, "\n");
    if (m->stranger) {
        buffer_put_string(out, "  it was fed from ");
        plain_put(out, m->before.source.id);
        buffer_put_string(out, " and will be from ");
        plain_put(out, m->after.source.id);
        buffer_put_string(out, "\n");
    }
}

/* ---- the commands
 * --------------------------------------------------------------------------------- */

/* The words of `offsets list` are compared as they are: an offset may hold more than they say (XA transactions
 * that are prepared), and then nothing that is parsed equals it. */
static bool
is_expected(const struct move *m, const char *expect, const struct offset *wanted)
{
    struct buffer text = {0};
    bool same;
    cli_put_offset(&text, &m->before);
    same = !buffer_failed(&text) && strcmp(buffer_cstr(&text), expect) == 0;
    buffer_free(&text);
    return same || same_place(wanted, &m->before);
}

static int
check_expected(const struct move *m, const char *expect, struct error *err)
{
    struct offset wanted = {.state = OFFSET_AT};
    char text[POSITION_TEXT_MAX];
    int rc = 0;
    if (strcmp(expect, "none") == 0)
        wanted.state = OFFSET_NONE;
    else if (strcmp(expect, "starting") == 0)
        wanted.state = OFFSET_STARTING;
    else if (position_parse(&wanted.position, expect, err) == -1)
        return error_prefix(err, "--expect: ");
    if (!is_expected(m, expect, &wanted))
        rc = error_set(err, ERROR_REFUSED, "E_EXPECT",
                       "sink %s stands at %s, not at what --expect says: nothing was done",
                       m->sink->name, cli_offset_text(&m->before, text));
    offset_clear(&wanted);
    return rc;
}

/* Where to: POS, --to POS, or the place that the server keeps; where it keeps none, the end of its log. */
static int
find_target(const struct cli_arguments *args, const char *verb, const struct move *m,
            const struct source_look *look, struct position *to, struct error *err)
{
    const struct source_kind *kind = source_kind_of(m->config);
    const char *text = args->nwords > 2 ? args->words[2] : NULL;
    bool kept = look->confirmed.kind != POSITION_NONE;
    if (strcmp(verb, "skip") == 0)
        text = args->to;
    if (text != NULL)
        return position_parse(to, text, err);
    if (args->recount && kind->recount != NULL)
        return kind->recount(m->config, &m->before.position, to, err);
    if (args->recount)
        return error_set(err, ERROR_CONFIG, "", "--recount: positions of a %s source are the same on every server",
                         kind->title);
    if (!kept && strcmp(verb, "rewind") == 0)
        return error_set(err, ERROR_CONFIG, "",
                         "this server keeps no place of the pipeline's to go back to: rewind needs a "
                         "position");
    position_copy(to, kept ? &look->confirmed : &look->latest);
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
    if (m->stranger)
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "sink %s was fed from %.160s, and this server is %.160s: only offsets set "
                         "may move it over",
                         m->sink->name, m->before.source.id, m->after.source.id);
    if (m->direction == MOVE_ASIDE)
        return error_set(err, ERROR_CONFIG, "",
                         "that place lies neither before nor ahead of sink %s's: only offsets set may "
                         "move it there",
                         m->sink->name);
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

/* What all of it comes to, with a look that the caller clears. */
static int
plan_one(const struct cli_arguments *args, const char *verb, struct move *m,
         const struct source_look *look, struct error *err)
{
    struct position to = {.kind = POSITION_NONE};
    int rc = -1;
    if (args->expect != NULL && check_expected(m, args->expect, err) == -1)
        return -1;
    if (find_target(args, verb, m, look, &to, err) == 0 && move_plan(m, &to, look, err) == 0)
        rc = check_verb(m, verb, err);
    position_clear(&to);
    return rc;
}

static int
move_one(const struct cli_arguments *args, const char *verb, const struct config *config,
         struct move *m, struct error *err)
{
    struct source_look look = {.has_place = false};
    int rc = -1, index = cli_find_sink(config, args->sink, err);
    if (index != -1 && move_look(config, &look, err) == 0 && move_open(m, config, index, err) == 0)
        rc = plan_one(args, verb, m, &look, err);
    source_kind_of(config)->look_clear(&look);
    if (rc == -1 || args->dry_run || (m->direction == MOVE_NOWHERE && !m->stranger))
        return rc;
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
    if (!set && (args->at_slot || args->recount))
        return "--at-slot and --recount go with set only";
    if (set && args->at_slot + args->recount + (args->nwords > 2) != 1)
        return "set needs a position, or --at-slot, or --recount";
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
