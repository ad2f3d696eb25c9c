/*
 * mysql_recount.c -- a position inside a transaction, on another server.
 *
 * Row events are cut by each server for itself, the rows in them and their order are the same everywhere. So the
 * transaction is read on the new server, its captured rows are counted, and the position stands behind the row event
 * with which their number is reached. Where it is reached inside a row event there is no such place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/decoder.h"
#include "cdc/source_mysql.h"
#include "mysql_stream.h"

enum { RECOUNT_IDLE_MS = 10 * 1000 };

struct recount {
    const struct position *from;
    struct transaction wanted;
    uint64_t rows;   /* counted so far */
    uint64_t events; /* up to and with the last one counted */
    bool found, ended;
};

/* The same position between transactions, before the one that is open; NONE without memory. */
static struct position
before_inside(const struct position *from)
{
    struct position at = {.kind = POSITION_BINLOG, .place = calloc(1, sizeof(*at.place))};

    if (at.place == NULL)
        return (struct position){.kind = POSITION_NONE};
    atomic_init(&at.place->references, 1);
    at.place->set = gtid_set_keep(from->place->set);
    at.place->xa = xa_keep(from->place->xa);
    return at;
}

static int
rows_in(const struct batch *batch, const struct frame *frame, uint64_t *count, struct error *err)
{
    struct arena event = {0}, row = {0};
    struct change change;
    struct rows rows;
    int rc = decoder_binlog.begin(&rows, batch, frame, &event, err);

    *count = 0;
    while (rc == 0) {
        arena_reset(&row);
        rc = decoder_binlog.next(&rows, &row, &change, err);
        if (rc != 1)
            break;
        ++*count;
        rc = 0;
    }
    arena_free(&event);
    arena_free(&row);
    return rc;
}

static int
count_batch(struct recount *r, const struct batch *batch, struct error *err)
{
    for (uint32_t i = 0; i < batch->nframes && r->rows < r->from->rows; i++) {
        const struct frame *frame = &batch->frames[i];
        const struct batch_transaction *t = &batch->transactions[frame->transaction];
        uint64_t rows;

        if (!gtid_equal(&t->id.gtid, &r->wanted.gtid) || frame->kind != FRAME_ROW)
            continue;
        if (rows_in(batch, frame, &rows, err) == -1)
            return -1;
        r->rows += rows;
        r->events = frame->ordinal + 1;
    }
    r->found = r->rows >= r->from->rows;
    r->ended = position_covers(&batch->end, &r->wanted);
    return 0;
}

static int
read_on(struct source *source, struct recount *r, struct error *err)
{
    struct batch *batch = batch_new();
    int64_t until = clock_monotonic_ms() + RECOUNT_IDLE_MS;
    int rc = batch != NULL ? 0 : error_set(err, ERROR_FATAL, "", "out of memory for a batch");

    while (rc == 0 && !r->found && !r->ended) {
        bool full;

        batch_reset(batch, 1 << 20);
        rc = source->ops->read(source, batch, 100, &full, err);
        if (rc == -1)
            break;
        rc = count_batch(r, batch, err);
        if (batch->nframes > 0)
            until = clock_monotonic_ms() + RECOUNT_IDLE_MS;
        if (rc == 0 && clock_monotonic_ms() > until)
            rc = error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: the transaction does not come");
    }
    batch_free(batch);
    return rc == -1 ? -1 : 0;
}

static int
make_position(const struct mysql_source *my, const struct recount *r, struct position *to, struct error *err)
{
    char name[TRANSACTION_TEXT_MAX];

    transaction_print(&r->wanted, name);
    if (r->rows != r->from->rows)
        return error_set(err, ERROR_REFUSED, "E_POSITION_FOREIGN",
                         "transaction %s: row %" PRIu64 " of it %s on this server; let the old one finish it, or `offsets "
                         "rewind` to before it and accept that its first rows come twice",
                         name, r->from->rows, r->found ? "stands inside a row event" : "does not exist");
    *to = before_inside(r->from);
    if (to->kind == POSITION_NONE)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    if (r->events == 0)
        return 0; /* nothing of it is done: the place before it */
    position_advance_part(to, &r->wanted, r->events);
    if (to->kind == POSITION_NONE)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    to->rows = r->rows;
    memcpy(to->place->server, my->facts.name, sizeof(my->facts.name));
    return 0;
}

int
mysql_recount(const struct config *config, bool mariadb, const struct position *from, struct position *to,
              struct error *err)
{
    struct recount r = {.from = from};
    struct source_start found = {.created = false};
    struct position at = {.kind = POSITION_NONE};
    struct source *source = NULL;
    int rc;

    if (from->kind != POSITION_BINLOG || from->open == 0 || from->place->set == NULL)
        return error_set(err, ERROR_CONFIG, "", "--recount is for a position inside a transaction that has a GTID");
    r.wanted.gtid = from->place->inside;
    r.wanted.begin = from->place->inside_at;
    at = before_inside(from);
    if (at.kind == POSITION_NONE)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    rc = mysql_source_open(&source, config, mariadb, err);
    if (rc == 0)
        rc = source->ops->start(source, false, &found, err);
    if (rc == 0) {
        source->ops->resume(source, &at, 1);
        rc = read_on(source, &r, err);
    }
    if (rc == 0)
        rc = make_position(mysql_from(source), &r, to, err);
    if (source != NULL)
        source->ops->close(source);
    source_start_clear(&found);
    position_clear(&at);
    return rc;
}
