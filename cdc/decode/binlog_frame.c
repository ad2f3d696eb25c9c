/*
 * binlog_frame.c -- see binlog_frame.h.
 *
 *     MySQL     GTID, BEGIN, rows ... XID | COMMIT        GTID, XA START, rows ..., XA END, XA_PREPARE
 *               GTID, one statement (DDL, XA COMMIT ...)  GTID, one compressed payload of BEGIN ... XID
 *     MariaDB   GTID, rows ... XID | COMMIT | XA_PREPARE  GTID (standalone), one statement
 *
 * What must stay true: every row event of a group is counted, wanted or not, so that a position does not move
 * when the table list does; what is read moves only over what is in a batch; a group that changes the list of
 * prepared XA transactions ends its batch, so inside a batch that list does not change.
 */
#include "binlog_frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "binlog_group.h"
#include "binlog_tables.h"

/* ---- life ---- */

int
binlog_framer_init(struct binlog_framer *f, const struct binlog_framer_settings *settings, struct error *err)
{
    *f = (struct binlog_framer){.set = *settings};
    return binlog_tables_init(f, err);
}

static void
forget_place(struct binlog_framer *f)
{
    gtid_set_release(f->gtids);
    xa_release(f->xa);
    place_release(f->last);
    f->gtids = NULL;
    f->xa = NULL;
    f->last = NULL;
    f->changes++;
}

void
binlog_framer_free(struct binlog_framer *f)
{
    forget_place(f);
    binlog_tables_free(f);
    binlog_payload_free(&f->payload);
    binlog_payload_free(&f->replay_payload);
    buffer_free(&f->query);
    buffer_free(&f->scratch);
}

int
binlog_framer_resume(struct binlog_framer *f, const struct position *from, uint64_t next_number,
                     struct error *err)
{
    const struct place *place = from->place;

    assert(from->kind == POSITION_BINLOG);
    forget_place(f);
    if (place->set != NULL) {
        f->gtids = gtid_set_copy(place->set);
        if (f->gtids == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for a set of GTIDs");
    }
    f->gtids_shared = false;
    f->xa = xa_keep(place->xa);
    f->done_at = place->at;
    f->inside = from->open != 0 ? place->inside : (struct gtid){0};
    f->inside_at = from->open != 0 ? place->inside_at : (struct log_place){0};
    f->inside_done = from->open != 0 ? from->done : 0;
    memcpy(f->inside_server, place->server, sizeof(f->inside_server));
    f->stopped = false;
    if (next_number > f->number + 1)
        f->number = next_number - 1;
    return 0;
}

void
binlog_framer_connected(struct binlog_framer *f, bool checksums, const char *server)
{
    binlog_tables_forget(f);
    buffer_reset(&f->query);
    f->payload.open = false;
    f->group = (struct binlog_group){.open = false};
    f->replaying = false;
    f->replay_payload.open = false;
    f->checksums = checksums;
    f->at = (struct log_place){0};
    snprintf(f->server, sizeof(f->server), "%s", server);
}

/* ---- GTID ---- */

static int
on_gtid(struct binlog_framer *f, const struct binlog_event *event, struct error *err)
{
    struct binlog_gtid_event gtid;
    struct transaction txn = {.server_id = event->server_id};

    if (f->group.open)
        return group_malformed(f, err, "a group begins inside another one");
    if ((event->type == EVENT_MARIADB_GTID) != f->set.reading.mariadb)
        return group_malformed(f, err, "a GTID of the other kind of server");
    if (binlog_gtid_read(event, &gtid, err) == -1)
        return -1;
    txn.gtid = gtid.gtid;
    txn.commit_us = gtid.commit_us != 0 ? gtid.commit_us : (int64_t)event->timestamp * 1000000;
    txn.begin = f->at;
    txn.begin.pos -= event->size;
    if (group_begin(f, &txn, err) == -1)
        return -1;
    f->group.standalone = gtid.standalone;
    f->group.half = gtid.half_alter;
    f->group.unsafe = !gtid.transactional && !gtid.standalone && !gtid.prepares_xa && !gtid.completes_xa;
    if (event->type == EVENT_MARIADB_GTID) {
        f->group.explicit_end = !gtid.standalone;
        f->group.preparing = gtid.prepares_xa;
    }
    return 0;
}

/* A group that a new file cuts off was never whole: a server died writing it. */
static int
drop_cut_group(struct binlog_framer *f, struct error *err)
{
    struct binlog_group *g = &f->group;

    if (!g->open)
        return 0;
    if (g->captured)
        return group_malformed(f, err, "a file ends inside a group");
    g->open = false;
    if (g->done == UINT64_MAX || !group_names_inside(f, &g->id))
        return 0;
    /* What was counted of it is not done, but for what was before. */
    if (g->done == 0)
        group_leave_inside(f);
    else
        f->inside_done = g->done;
    f->changes++;
    return 0;
}

static int
on_rotate(struct binlog_framer *f, const struct binlog_event *event, struct error *err)
{
    struct log_place to;

    if (binlog_rotate_read(event, &to, err) == -1)
        return -1;
    if ((f->at.number != to.number || f->at.base != to.base) && drop_cut_group(f, err) == -1)
        return -1;
    f->at = to;
    /* Without GTIDs the place in the file is the position: it goes on with the file. */
    if (!f->group.open && !group_is_inside(f) && log_place_before(&f->done_at, &to) &&
        !log_place_equal(&f->done_at, &to)) {
        f->done_at = to;
        f->changes++;
    }
    return 0;
}

static int
keep_statement(struct binlog_framer *f, const struct binlog_event *event, struct error *err)
{
    size_t skip = event->type == EVENT_ROWS_QUERY ? 1 : 0; /* MySQL's has a length that is no use */

    buffer_reset(&f->query);
    if (!f->set.keep_query || event->body.len < skip)
        return 0;
    buffer_put(&f->query, event->body.at + skip, event->body.len - skip);
    return buffer_failed(&f->query) ? error_set(err, ERROR_FATAL, "", "out of memory for a statement") : 0;
}

enum { PLACE_MAX = LOG_FILE_MAX + 24 };

/* "binlog.000003/1234", for people. */
static const char *
print_place(const struct binlog_framer *f, uint64_t pos, char *text)
{
    size_t n = 0;

    if (f->at.number != 0)
        n = log_file_print(&f->at, text);
    snprintf(text + n, PLACE_MAX - n, "/%" PRIu64, pos);
    return text;
}

/* What is wrong with the bytes themselves is said with the place of the event; all else names its transaction. */
static int
name_place(const struct binlog_framer *f, uint64_t pos, struct error *err)
{
    static const char *const codes[] = {"E_PROTOCOL", "E_CHECKSUM", "E_EVENT", "E_EVENT_SIZE"};
    char place[PLACE_MAX];

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]) && f->at.number != 0; i++) {
        if (strcmp(err->code, codes[i]) == 0)
            return error_prefix(err, "at %s: ", print_place(f, pos, place));
    }
    return -1;
}

static int
on_incident(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
            struct error *err)
{
    struct cursor in = cursor_of(event->body);
    char text[200], place[PLACE_MAX];

    cursor_le16(&in);
    group_copy_text(text, sizeof(text), cursor_bytes(&in, cursor_u8(&in)));
    return group_stop(f, "E_INCIDENT", batch, full, err,
                "before %s the server says that its log lost events (%s): what the tables hold must be read anew",
                print_place(f, f->at.pos, place), text);
}

static int
unknown_event(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
              struct error *err)
{
    char place[PLACE_MAX];

    if ((event->flags & EVENT_FLAG_IGNORABLE) != 0 || (f->group.open && f->group.done == UINT64_MAX))
        return 0;
    return group_stop(f, "E_EVENT", batch, full, err,
                "before %s stands an event of type %u, which is not known and may not be passed over",
                print_place(f, f->at.pos, place), event->type);
}

/* ---- one event ---- */

static int
on_event(struct binlog_framer *f, const struct binlog_event *event, uint64_t begin, struct batch *batch,
         bool *full, struct error *err)
{
    if (group_is_rows(event->type))
        return group_on_rows(f, event, begin, batch, full, err);
    if (binlog_event_begins_group(event))
        return on_gtid(f, event, err);
    switch (event->type) {
    case EVENT_TABLE_MAP:
        return f->group.done == UINT64_MAX ? 0 : group_on_table_map(f, event, batch, full, err);
    case EVENT_XID:
        if (!f->group.open)
            return group_malformed(f, err, "a commit outside of a group");
        return group_end(f, false, batch, full, err);
    case EVENT_QUERY:
    case EVENT_MARIADB_QUERY_COMPRESSED:
    case EVENT_EXECUTE_LOAD_QUERY:
        return group_on_query(f, event, batch, full, err);
    case EVENT_ROWS_QUERY:
    case EVENT_MARIADB_ANNOTATE_ROWS:
        return keep_statement(f, event, err);
    case EVENT_TRANSACTION_PAYLOAD:
        if (!f->group.open)
            return group_malformed(f, err, "a compressed transaction outside of a group");
        f->payload_begin = begin;
        return binlog_payload_open(&f->payload, event->body, f->set.event_max, err);
    case EVENT_XA_PREPARE:
        return group_on_xa_prepare(f, event, batch, full, err);
    case EVENT_ROTATE:
        return on_rotate(f, event, err);
    case EVENT_INCIDENT:
        return on_incident(f, event, batch, full, err);
    case EVENT_STOP:
        return drop_cut_group(f, err);
    case EVENT_INTVAR: /* what a statement needs: the statement itself is what counts */
    case EVENT_RAND:
    case EVENT_USER_VAR:
    case EVENT_BEGIN_LOAD_QUERY:
    case EVENT_APPEND_BLOCK:
    case EVENT_DELETE_FILE:
    case EVENT_HEARTBEAT:
    case EVENT_HEARTBEAT_V2:
    case EVENT_IGNORABLE:
    case EVENT_PREVIOUS_GTIDS:
    case EVENT_TRANSACTION_CONTEXT:
    case EVENT_VIEW_CHANGE:
    case EVENT_MARIADB_BINLOG_CHECKPOINT:
    case EVENT_MARIADB_GTID_LIST:
    case EVENT_MARIADB_START_ENCRYPTION:
        return 0;
    default:
        return unknown_event(f, event, batch, full, err);
    }
}

static int
take_event(struct binlog_framer *f, struct bytes raw, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_event event;
    char version[51];

    if (raw.len > f->set.event_max)
        return error_set(err, ERROR_CONFIG, "E_EVENT_SIZE", "an event of %zu bytes; source.event_size is %zu",
                         raw.len, f->set.event_max);
    if (raw.len > 4 && raw.at[4] == EVENT_FORMAT_DESCRIPTION) {
        if (binlog_format_read(raw, &f->checksums, version, err) == -1 ||
            binlog_event_read(&event, raw, false, err) == -1)
            return -1;
        binlog_event_pass(&event, &f->at);
        return 0;
    }
    if (binlog_event_read(&event, raw, f->checksums, err) == -1)
        return -1;
    binlog_event_pass(&event, &f->at);
    return on_event(f, &event, f->at.pos - event.size, batch, full, err);
}

int
binlog_framer_event(struct binlog_framer *f, struct bytes raw, struct batch *batch, bool *full, struct error *err)
{
    uint64_t begin = f->at.pos;
    int rc = take_event(f, raw, batch, full, err);

    return rc == -1 ? name_place(f, begin, err) : rc;
}

bool
binlog_framer_more(const struct binlog_framer *f)
{
    return f->payload.open;
}

static int
take_compressed(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_event event;
    struct bytes raw;
    int rc = binlog_payload_next(&f->payload, &raw, err);

    if (rc != 1)
        return rc;
    if (binlog_event_read(&event, raw, false, err) == -1)
        return -1;
    if (event.type == EVENT_TRANSACTION_PAYLOAD || event.type == EVENT_ROTATE || binlog_event_begins_group(&event))
        return group_malformed(f, err, "a compressed transaction holds what it may not");
    return on_event(f, &event, f->payload_begin, batch, full, err);
}

int
binlog_framer_continue(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    int rc = take_compressed(f, batch, full, err);

    return rc == -1 ? name_place(f, f->payload_begin, err) : rc;
}

/* ---- batches ---- */

/* The place as it is now, with a reference that the framer keeps too. */
static struct place *
make_place(struct binlog_framer *f)
{
    struct place *place;

    if (f->last != NULL && f->last_changes == f->changes)
        return f->last;
    place = calloc(1, sizeof(*place));
    if (place == NULL)
        return NULL;
    atomic_init(&place->references, 1);
    place->set = f->gtids != NULL ? gtid_set_keep(f->gtids) : NULL;
    f->gtids_shared = f->gtids != NULL;
    place->at = f->done_at;
    place->inside = f->inside;
    place->inside_at = f->inside_at;
    place->xa = xa_keep(f->xa);
    memcpy(place->server, f->inside_server, sizeof(place->server));
    place_release(f->last);
    f->last = place;
    f->last_changes = f->changes;
    return place;
}

int
binlog_framer_finish(struct binlog_framer *f, struct batch *batch, struct error *err)
{
    struct position end = {.kind = POSITION_BINLOG};

    end.place = make_place(f);
    if (end.place == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    end.open = group_is_inside(f) ? 1 : 0;
    end.done = f->inside_done;
    position_copy(&batch->end, &end);
    batch->mid_transaction = end.open != 0;
    batch->end_number = f->number;
    return 0;
}
