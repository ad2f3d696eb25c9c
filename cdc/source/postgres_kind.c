/*
 * postgres_kind.c -- PostgreSQL as a kind of source: what a look at its slot means.
 *
 * postgres_judge says before the start what `run` would say at the start; the order of its checks is that of
 * the start-up (postgres_start.c), so both name the same trouble first. All of this works on a look and asks
 * nobody; who asks is in postgres_admin.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/json.h"
#include "cdc/offset.h"
#include "cdc/plain.h"
#include "postgres_admin.h"

/* ---- looks ---- */

static void
postgres_look_join(struct source_look *now, const struct source_look *before)
{
    if (before->has_place)
        position_copy(&now->confirmed, &before->confirmed);
}

static struct distance
bytes_between(uint64_t from, uint64_t to)
{
    return (struct distance){DISTANCE_BYTES, from < to ? to - from : 0};
}

static struct distance
postgres_distance(const struct source_look *look, const struct position *from, const struct position *to)
{
    if (to == NULL)
        to = &look->latest;
    if (from->kind != POSITION_LSN || to->kind != POSITION_LSN)
        return (struct distance){DISTANCE_UNKNOWN, 0};
    return bytes_between(from->end, to->end);
}

/* ---- does an offset fit the slot? ---- */

static int
judge_missing(const char *sink, const struct offset *offset, const char **cure, struct error *err)
{
    if (offset->state != OFFSET_AT)
        return 0; /* a first start makes the slot */
    *cure = "what happened since the slot was dropped is not in the stream any more; see the "
            "runbook of E_SLOT_MISSING";
    return error_set(err, ERROR_REFUSED, "E_SLOT_MISSING",
                     "sink %s has a position and the slot does not exist", sink);
}

static int
judge_absent(const char *sink, bool settled, const char **cure, struct error *err)
{
    if (settled) {
        *cure = "give it a position of its own: rowferry offsets set FILE POS --sink NAME";
        return error_set(err, ERROR_REFUSED, "E_NEW_SINK",
                         "sink %s has no record while another sink has a position", sink);
    }
    *cure = "if the slot is this pipeline's own: rowferry offsets set FILE --at-slot";
    return error_set(err, ERROR_REFUSED, "E_SLOT_UNKNOWN",
                     "the slot exists, and sink %s knows nothing of it", sink);
}

static int
judge_position(const struct source_look *look, const char *sink, const struct offset *offset,
               const char **cure, struct error *err)
{
    char at[POSITION_TEXT_MAX], lsn[LSN_TEXT_MAX];
    position_print(&offset->position, at);
    if (offset->position.end < look->confirmed.end) {
        *cure =
            "the slot was advanced by hand, made anew or read by somebody else; what lies "
            "between is lost to this sink. See the runbook of E_GAP; `offsets skip` accepts the "
            "loss";
        return error_set(err, ERROR_REFUSED, "E_GAP",
                         "sink %s is at %s, and the slot can't go back behind %s", sink, at,
                         lsn_print(look->confirmed.end, lsn));
    }
    if (offset->position.end > look->latest.end ||
        offset->source.timeline > look->identity.timeline) {
        *cure = "the sink holds what this server does not know (a failover, a restored backup): "
                "see the runbook of E_DIVERGED";
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "sink %s is at %s on timeline %u, and the server's log ends at %s on "
                         "timeline %u",
                         sink, at, offset->source.timeline, lsn_print(look->latest.end, lsn),
                         look->identity.timeline);
    }
    return 0;
}

static int
postgres_judge(const struct source_look *look, const char *sink, const struct offset *offset,
               bool settled, const char **cure, struct error *err)
{
    *cure = NULL;
    if (!look->has_place && offset->state == OFFSET_NONE && settled)
        return judge_absent(sink, settled, cure, err);
    if (!look->has_place)
        return judge_missing(sink, offset, cure, err);
    if (strcmp(look->slot->wal_status, "lost") == 0) {
        *cure = "the rows must be read again as a whole; then raise max_slot_wal_keep_size";
        return error_set(err, ERROR_REFUSED, "E_WAL_LOST",
                         "the server has thrown away log that the slot still needed");
    }
    if (offset->state == OFFSET_NONE)
        return judge_absent(sink, settled, cure, err);
    if (offset->state == OFFSET_STARTING)
        return 0;
    if (strcmp(offset->source.id, look->identity.id) != 0) {
        *cure = "point source.url at the server that it was; or, if this one really continues it, "
                "`offsets set`";
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "sink %s was fed from %.160s, and this server is %.160s", sink,
                         offset->source.id, look->identity.id);
    }
    return judge_position(look, sink, offset, cure, err);
}

/* ---- may an offset be moved? ---- */

static int
postgres_may_move(const struct config *config, const struct source_look *look, struct error *err)
{
    char name[64];
    postgres_slot_name(config, name);
    if (!look->has_place)
        return error_set(err, ERROR_REFUSED, "E_SLOT_MISSING",
                         "slot %s does not exist: there is no log to go on from", name);
    if (look->active)
        return error_set(err, ERROR_REFUSED, "E_SLOT_ACTIVE",
                         "slot %s is in use by %s: stop the pipeline first", name, look->holder);
    if (strcmp(look->slot->wal_status, "lost") == 0)
        return error_set(err, ERROR_REFUSED, "E_WAL_LOST",
                         "slot %s: the server has thrown away log that the slot still needed",
                         name);
    return 0;
}

static int
postgres_reaches(const struct source_look *look, const struct position *to, struct error *err)
{
    char at[POSITION_TEXT_MAX], lsn[LSN_TEXT_MAX];
    position_print(to, at);
    if (to->kind != POSITION_LSN)
        return error_set(err, ERROR_CONFIG, "E_POSITION", "%s is not a place in this log", at);
    if (to->end < look->confirmed.end)
        return error_set(err, ERROR_REFUSED, "E_GAP",
                         "%s is out of reach: the slot can't go back behind %s. Older rows must be "
                         "read from the tables (a snapshot); a new slot begins at the present, not "
                         "in the past",
                         at, lsn_print(look->confirmed.end, lsn));
    if (to->end > look->latest.end || to->open > look->latest.end)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "%s lies past the end of the server's log, %s", at,
                         lsn_print(look->latest.end, lsn));
    return 0;
}

static int
postgres_may_import(const struct source_look *look, const struct offset *saved, struct error *err)
{
    if (strcmp(saved->source.id, look->identity.id) != 0)
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "the saved position belongs to %.160s, and this server is %.160s",
                         saved->source.id, look->identity.id);
    if (saved->source.timeline > look->identity.timeline)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "the saved position is of timeline %u, and the server is on %u",
                         saved->source.timeline, look->identity.timeline);
    return 0;
}

/* ---- status ---- */

static void
postgres_put_status(const struct config *config, const struct source_look *look, struct buffer *out)
{
    const struct postgres_slot *slot = look->slot;
    char name[64], confirmed[LSN_TEXT_MAX], now[LSN_TEXT_MAX];
    postgres_slot_name(config, name);
    if (!look->has_place) {
        buffer_printf(out, "  slot %s does not exist\n", name);
        return;
    }
    if (look->active)
        buffer_printf(out, "  slot %s: in use by %s\n", name, look->holder);
    else
        buffer_printf(out, "  slot %s: nobody reads it\n", name);
    buffer_printf(out, "  confirmed %s, the log ends at %s; the server keeps ",
                  lsn_print(look->confirmed.end, confirmed), lsn_print(look->latest.end, now));
    plain_put_bytes(out, slot->retained_bytes > 0 ? (uint64_t)slot->retained_bytes : 0);
    buffer_put_string(out, " for it");
    if (slot->safe_bytes >= 0) {
        buffer_put_string(out, ", and may lose it after ");
        plain_put_bytes(out, (uint64_t)slot->safe_bytes);
        buffer_put_string(out, " more");
    }
    buffer_printf(out, " (wal_status %s)\n", slot->wal_status);
}

static void
postgres_put_status_json(const struct config *config, const struct source_look *look,
                         const struct error *trouble, struct buffer *out)
{
    static const struct postgres_slot none = {0};
    const struct postgres_slot *slot = look->slot != NULL ? look->slot : &none;
    char name[64], lsn[LSN_TEXT_MAX];
    postgres_slot_name(config, name);
    buffer_put_string(out, "\"slot\":");
    json_member(out, "{", "name", name);
    buffer_printf(out, ",\"exists\":%s,\"active\":%s,\"active_pid\":%d",
                  look->has_place ? "true" : "false", look->active ? "true" : "false",
                  slot->active_pid);
    json_member(out, ",", "confirmed", lsn_print(look->confirmed.end, lsn));
    json_member(out, ",", "restart", lsn_print(slot->restart, lsn));
    json_member(out, ",", "server_now", lsn_print(look->latest.end, lsn));
    json_member(out, ",", "wal_status", slot->wal_status);
    buffer_printf(out, ",\"retained_bytes\":%" PRId64 ",\"safe_bytes\":", slot->retained_bytes);
    if (slot->safe_bytes >= 0)
        buffer_printf(out, "%" PRId64, slot->safe_bytes);
    else
        buffer_put_string(out, "null");
    if (trouble->kind != ERROR_NONE) {
        json_member(out, ",\"error\":{", "code", trouble->code);
        json_member(out, ",", "text", trouble->text);
        buffer_put_string(out, "}");
    }
    buffer_put_string(out, "}");
}

static const char *
postgres_next_step(const struct source_look *look)
{
    if (!look->has_place)
        return "start it: rowferry run FILE makes publication and slot";
    if (!look->active)
        return "start it: nothing reads the slot, and the server keeps its log meanwhile";
    if (strcmp(look->slot->wal_status, "unreserved") == 0)
        return "it must catch up now: the next checkpoint may throw away log that it needs";
    if (strcmp(look->slot->wal_status, "extended") == 0)
        return "nothing now; it keeps more log than max_wal_size, so watch the server's disk";
    return NULL;
}

/* ---- the kind ---- */

static void
watch(void **at, const struct config *config)
{
    struct postgres_watch *own = *at;
    postgres_watch_look(&own, config);
    *at = own;
}

static void
watch_close(void *at)
{
    postgres_watch_close(at);
}

const struct source_kind source_postgresql = {
    .type = "postgresql",
    .title = "PostgreSQL",
    .connector = CONNECTOR_POSTGRESQL,
    .decoder = &decoder_pgoutput,
    .url_prefixes = {"postgresql://", "postgres://", NULL},
    .lease = "slot",
    .open = postgres_source_open,
    .open_catalog = postgres_catalog_open,
    .lease_name = postgres_slot_name,
    .look = postgres_look,
    .look_clear = postgres_look_clear,
    .look_join = postgres_look_join,
    .judge = postgres_judge,
    .may_move = postgres_may_move,
    .reaches = postgres_reaches,
    .may_import = postgres_may_import,
    .distance = postgres_distance,
    .put_status = postgres_put_status,
    .put_status_json = postgres_put_status_json,
    .next_step = postgres_next_step,
    .check = postgres_check,
    .relations = postgres_relations,
    .remove = postgres_remove,
    .watch = watch,
    .watch_close = watch_close,
};
