/* binlog_xa.c -- XA transactions: their rows are read where they were prepared, once they are committed. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "binlog_group.h"
#include "binlog_query.h"

/* ---- XA ---- */

static int
change_xa(struct binlog_framer *f, struct xa_list *list)
{
    xa_release(f->xa);
    f->xa = list;
    f->changes++;
    return 0;
}

/* From here on the rows come from where they were written. */
static void
begin_replay(struct binlog_framer *f, const struct xa_prepared *xa)
{
    f->replay = *xa;
    f->replaying = true;
    f->replay_payload.open = false;
    f->group.preparing = false;
}

int
group_on_xa_commit(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, bool *full,
             struct error *err)
{
    struct binlog_group *g = &f->group;
    const struct xa_prepared *xa;

    if (g->done == UINT64_MAX)
        return group_end(f, false, batch, full, err);
    if (!binlog_query_xid(query->text, g->xid, sizeof(g->xid)))
        return group_malformed(f, err, "an XA COMMIT without an xid");
    xa = xa_find(f->xa, g->xid);
    if (xa == NULL) {
        char name[TRANSACTION_TEXT_MAX];

        transaction_print(&g->id, name);
        return group_stop(f, "E_XA_ROWS_LOST", batch, full, err,
                    "transaction %s commits XA transaction %s, which was prepared before anything that is known here: its rows "
                    "can't be read",
                    name, g->xid);
    }
    begin_replay(f, xa);
    return 0;
}

int
group_on_xa_rollback(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, bool *full,
               struct error *err)
{
    struct binlog_group *g = &f->group;
    struct xa_list *list;
    bool known;

    if (g->done == UINT64_MAX || !binlog_query_xid(query->text, g->xid, sizeof(g->xid)))
        return group_end(f, false, batch, full, err);
    known = xa_find(f->xa, g->xid) != NULL;
    if (known && (xa_without(f->xa, g->xid, &list, err) == -1 || change_xa(f, list) == -1))
        return -1;
    return group_end(f, known, batch, full, err);
}

int
group_on_xa_prepare(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
              struct error *err)
{
    struct binlog_group *g = &f->group;
    struct xa_prepared xa = {.gtid = g->id.gtid, .begin = g->id.begin};
    struct error why = ERROR_INIT;
    struct xa_list *list;
    bool one_phase;

    if (!g->open)
        return group_malformed(f, err, "an XA prepare outside of a group");
    if (binlog_xa_prepare_read(event, xa.xid, &one_phase, err) == -1)
        return -1;
    if (g->done == UINT64_MAX)
        return group_end(f, false, batch, full, err);
    if (!g->preparing) /* its rows went out as they came: it was no XA transaction when it began */
        return group_malformed(f, err, "an XA prepare without an XA start");
    if (one_phase) {
        begin_replay(f, &xa);
        g->xid[0] = 0;
        return 0;
    }
    if (xa_with(f->xa, &xa, &list, &why) == -1) {
        if (why.kind == ERROR_REFUSED || why.kind == ERROR_CONFIG)
            return group_stop_with(f, &why, batch, full, err);
        *err = why;
        return -1;
    }
    change_xa(f, list);
    return group_end(f, true, batch, full, err);
}

const struct xa_prepared *
binlog_framer_replay(const struct binlog_framer *f)
{
    return f->replaying ? &f->replay : NULL;
}

static int
end_replay(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    struct xa_list *list;
    bool listed = g->xid[0] != 0;

    f->replaying = false;
    if (listed && (xa_without(f->xa, g->xid, &list, err) == -1 || change_xa(f, list) == -1))
        return -1;
    return group_end(f, listed, batch, full, err) == -1 ? -1 : 1;
}

static int
on_replay(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
          struct error *err)
{
    char xid[XA_XID_MAX];
    bool one_phase;

    if (event->type == EVENT_TABLE_MAP)
        return group_on_table_map(f, event, batch, full, err);
    if (group_is_rows(event->type))
        return group_on_rows(f, event, f->at.pos, batch, full, err);
    if (event->type == EVENT_TRANSACTION_PAYLOAD)
        return binlog_payload_open(&f->replay_payload, event->body, f->set.event_max, err);
    if (event->type != EVENT_XA_PREPARE)
        return 0;
    if (binlog_xa_prepare_read(event, xid, &one_phase, err) == -1)
        return -1;
    if (strcmp(xid, f->replay.xid) != 0)
        return group_malformed(f, err, "another XA transaction stands where one was prepared");
    return end_replay(f, batch, full, err);
}

int
binlog_framer_replay_event(struct binlog_framer *f, struct bytes raw, bool checksum, struct batch *batch,
                           bool *full, struct error *err)
{
    struct binlog_event event;

    assert(f->replaying);
    if (binlog_event_read(&event, raw, checksum, err) == -1)
        return -1;
    return on_replay(f, &event, batch, full, err);
}

bool
binlog_framer_replay_more(const struct binlog_framer *f)
{
    return f->replaying && f->replay_payload.open;
}

int
binlog_framer_replay_continue(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_event event;
    struct bytes raw;
    int rc = binlog_payload_next(&f->replay_payload, &raw, err);

    if (rc != 1)
        return rc;
    if (binlog_event_read(&event, raw, false, err) == -1)
        return -1;
    return event.type == EVENT_TRANSACTION_PAYLOAD
               ? group_malformed(f, err, "a compressed transaction inside another one")
               : on_replay(f, &event, batch, full, err);
}

int
binlog_framer_replay_lost(struct binlog_framer *f, const char *why, struct batch *batch, struct error *err)
{
    char file[LOG_FILE_MAX], name[TRANSACTION_TEXT_MAX];
    bool full;

    f->replaying = false;
    log_file_print(&f->replay.begin, file);
    transaction_print(&f->group.id, name);
    return group_stop(f, "E_XA_ROWS_LOST", batch, &full, err,
                "transaction %s commits XA transaction %s, whose rows, prepared at %s/%" PRIu64 ", can't be read any more: %.200s",
                name, f->replay.xid, file, f->replay.begin.pos, why);
}
