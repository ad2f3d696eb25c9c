/*
 * postgres_source.c -- the PostgreSQL source: CopyBoth stream, keepalives, confirmation.
 *
 * One thread. Two connections: an ordinary one for questions (the set-up, the slot's place), and the
 * replication one, which is also the lease: a slot has one reader at a time.
 *
 *     start:  postgres_start.c
 *     read:   CopyData 'w' -> framer -> batch;  'k' -> framer, reply when asked
 *     serve:  nothing is read, status goes out from the timer
 *
 * Until the caller has confirmed something, status goes out with flush 0, which the server ignores.
 * What is confirmed never passes what the server has sent, nor what every required sink has durably.
 *
 * Reading in big pieces: the walsender makes one small send for each message, and each wakes a reader
 * that waits. Under load the socket's low-water mark is raised, so that a wait ends only when much has
 * come or a millisecond or two has passed; this spares both sides their wake-ups.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "postgres_stream.h"

enum {
    STATUS_SOON_MS = 200, /* after our position moved */
    LOW_WATER_BYTES = 48 * 1024, /* when under load */
    LOW_WATER_WAIT_MS = 2,
};

static const int64_t EPOCH_2000_US = INT64_C(946684800000000);

static bool
wants_table(void *arg, const char *schema, const char *table)
{
    const struct postgres_source *pg = arg;

    return config_wants(&pg->config->source, schema, table);
}

static int
compare_oid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static bool
is_enum_type(void *arg, uint32_t oid)
{
    const struct postgres_source *pg = arg;

    return pg->nenums > 0 &&
           bsearch(&oid, pg->enums, (size_t)pg->nenums, sizeof(oid), compare_oid) != NULL;
}

static void
put_be64(char *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(at, &v, sizeof(v));
}

/* 'r', u64 write, u64 flush, u64 apply, i64 time, u8 reply: 34 bytes. */
static int
send_status(struct postgres_source *pg, struct error *err)
{
    char status[34];
    int64_t now = clock_wall_us() - EPOCH_2000_US;

    assert(pg->confirmed <= pg->sent_high); /* the server would believe it, for ever */
    if (failpoint("src.ack.before") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    status[0] = 'r';
    put_be64(status + 1, pg->sent_high);
    put_be64(status + 9, pg->confirmed);
    put_be64(status + 17, pg->confirmed);
    put_be64(status + 25, (uint64_t)now);
    status[33] = 0;
    if (PQputCopyData(pg->stream, status, sizeof(status)) != 1 || PQflush(pg->stream) == -1)
        return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: %.300s",
                         PQerrorMessage(pg->stream));
    pg->told = pg->confirmed;
    pg->status_due = clock_monotonic_ms() + pg->config->source.status_ms;
    if (failpoint("src.ack.after") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    return 0;
}

/* The timer; and the second answer, once what was asked about has become durable. */
static int
status_if_due(struct postgres_source *pg, struct error *err)
{
    bool moved = pg->confirmed > pg->told;
    int64_t now = clock_monotonic_ms();

    if (now >= pg->status_due || (moved && pg->reply_wanted) ||
        (moved && now >= pg->status_due - pg->config->source.status_ms + STATUS_SOON_MS)) {
        pg->reply_wanted = pg->reply_wanted && !moved;
        return send_status(pg, err);
    }
    return 0;
}

static int
on_keepalive(struct postgres_source *pg, struct cursor *in, struct error *err)
{
    uint64_t wal_end = cursor_be64(in);
    bool reply;

    cursor_be64(in); /* the server's clock */
    reply = cursor_u8(in) != 0;
    if (!cursor_done(in))
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "a keepalive message is malformed");
    if (wal_end > pg->sent_high)
        pg->sent_high = wal_end;
    framer_keepalive(&pg->framer, wal_end);
    if (!reply)
        return 0;
    pg->reply_wanted = true;
    pg->base.asked = true;
    return send_status(pg, err);
}

static int
on_data(struct postgres_source *pg, struct cursor *in, struct batch *batch, bool *full,
        struct error *err)
{
    uint64_t lsn = cursor_be64(in);
    struct bytes message;

    cursor_be64(in); /* the same again */
    cursor_be64(in); /* the server's clock */
    message = cursor_bytes(in, cursor_left(in));
    if (cursor_short(in) || message.len == 0)
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "a data message is malformed");
    if ((message.at[0] == 'B' && failpoint("src.begin") == -1) ||
        (message.at[0] == 'C' && failpoint("src.commit") == -1))
        return error_set(err, ERROR_RETRY, "", "failpoint");
    if (framer_message(&pg->framer, lsn, message, batch, full, err) == -1) {
        pg->text_only |= strcmp(err->code, "E_BINARY_TYPE") == 0;
        return -1;
    }
    if (pg->framer.read.end > pg->sent_high)
        pg->sent_high = pg->framer.read.end;
    return 0;
}

static int
on_message(struct postgres_source *pg, struct bytes message, struct batch *batch, bool *full,
           struct error *err)
{
    struct cursor in = cursor_of(message);

    switch (cursor_u8(&in)) {
    case 'w':
        return on_data(pg, &in, batch, full, err);
    case 'k':
        return on_keepalive(pg, &in, err);
    default:
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "an unknown message in the stream");
    }
}

/* The copy ended: why? */
static int
stream_ended(struct postgres_source *pg, struct error *err)
{
    PGresult *res = PQgetResult(pg->stream);
    const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

    if (state != NULL && strcmp(state, "55000") == 0)
        error_set(err, ERROR_REFUSED, "E_WAL_LOST", "source: %.300s", PQresultErrorMessage(res));
    else if (state != NULL && strcmp(state, "42704") == 0)
        error_set(err, ERROR_REFUSED, "E_PUBLICATION",
                  "source: %.300s: it must exist where the log is read; see the runbook",
                  PQresultErrorMessage(res));
    else if (res != NULL)
        pg_error(pg->stream, res, err, "stream");
    else
        error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: the stream ended: %.300s",
                  PQerrorMessage(pg->stream));
    if (err->kind == ERROR_CONFIG)
        err->kind = ERROR_RETRY; /* it streamed a moment ago: try again before giving up */
    PQclear(res);
    return -1;
}

static void
set_load(struct postgres_source *pg, bool under_load)
{
    int bytes = under_load ? LOW_WATER_BYTES : 1;

    if (pg->under_load == under_load)
        return;
    /* A Unix socket ignores it, and so may others: it is only about speed. */
    setsockopt(PQsocket(pg->stream), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
    pg->under_load = under_load;
}

/* Wait for more, then take what is there. 1: something may have come, 0: nothing came in time. */
static int
wait_and_consume(struct postgres_source *pg, int timeout_ms, struct error *err)
{
    struct pollfd fd = {.fd = PQsocket(pg->stream), .events = POLLIN};
    int flush = PQflush(pg->stream);
    int ready;

    if (flush == 1)
        fd.events |= POLLOUT;
    if (flush == -1)
        return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: %.300s",
                         PQerrorMessage(pg->stream));
    set_load(pg, pg->since_read >= LOW_WATER_BYTES / 4);
    if (pg->under_load)
        timeout_ms = LOW_WATER_WAIT_MS;
    pg->since_read = 0;
    ready = poll(&fd, 1, timeout_ms);
    if (ready == -1 && errno != EINTR)
        return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: poll: %s", strerror(errno));
    /* Below the low-water mark poll says nothing, yet there may be something. */
    if (PQconsumeInput(pg->stream) == 0)
        return stream_ended(pg, err);
    return ready > 0 || pg->under_load;
}

/* Messages that libpq has whole. 1: the batch is full or there is more, 0: none left. */
static int
drain(struct postgres_source *pg, struct batch *batch, bool *full, bool *got, struct error *err)
{
    while (!*full) {
        char *data = NULL;
        int n = PQgetCopyData(pg->stream, &data, 1);
        int rc;

        if (n == 0)
            return 0;
        if (n < 0)
            return stream_ended(pg, err);
        *got = true;
        pg->since_read += (size_t)n;
        rc = on_message(pg, bytes_of(data, (size_t)n), batch, full, err);
        PQfreemem(data);
        if (rc == -1)
            return -1;
    }
    return 1;
}

static int
read_messages(struct postgres_source *pg, struct batch *batch, int timeout_ms, bool *full,
              struct error *err)
{
    bool got = false;
    int rc;

    *full = false;
    if (failpoint("src.recv") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    for (int round = 0; round < 64; round++) {
        bool fresh = false;

        if (status_if_due(pg, err) == -1)
            return -1;
        rc = drain(pg, batch, full, &fresh, err);
        got |= fresh;
        if (rc == -1)
            return -1;
        if (rc == 1)
            break;
        /* Nothing whole is left: look once more, briefly if there is something to hand on. */
        if (round > 0 && !fresh)
            break;
        rc = wait_and_consume(pg, batch->nframes > 0 || got ? 0 : timeout_ms, err);
        if (rc == -1)
            return -1;
    }
    return *full || pg->under_load ? SOURCE_MORE : SOURCE_IDLE;
}

static int
source_read(struct source *source, struct batch *batch, int timeout_ms, bool *full, struct error *err)
{
    struct postgres_source *pg = postgres_from(source);
    int rc = read_messages(pg, batch, timeout_ms, full, err);

    framer_finish(&pg->framer, batch); /* after an error too: what is in the batch may be handed on */
    return rc;
}

static int
source_serve(struct source *source, int timeout_ms, struct error *err)
{
    struct postgres_source *pg = postgres_from(source);

    if (status_if_due(pg, err) == -1)
        return -1;
    poll(NULL, 0, timeout_ms);
    return 0;
}

static void
source_confirm(struct source *source, const struct position *position)
{
    struct postgres_source *pg = postgres_from(source);

    if (position->kind == POSITION_LSN && position->end > pg->confirmed &&
        position->end <= pg->sent_high)
        pg->confirmed = position->end;
}

static int
source_lease_check(struct source *source, struct error *err)
{
    struct postgres_source *pg = postgres_from(source);
    char slot[64];
    PGresult *res;
    int rc = 0;

    postgres_slot_name(pg->config, slot);
    if (PQconsumeInput(pg->stream) == 0)
        return stream_ended(pg, err);
    res = pg_query(pg->ask, err, "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '%s'",
                   slot);
    if (res == NULL)
        return -1;
    if (PQntuples(res) != 1 || atoi(pg_text(res, 0, 0)) != PQbackendPID(pg->stream))
        rc = error_set(err, ERROR_RETRY, "E_SLOT_ACTIVE", "slot \"%s\" is not ours any more", slot);
    PQclear(res);
    return rc;
}

static void
source_stop(struct source *source)
{
    struct postgres_source *pg = postgres_from(source);
    struct error ignored = ERROR_INIT;

    if (pg->stream != NULL && PQstatus(pg->stream) == CONNECTION_OK) {
        PQsetnonblocking(pg->stream, 0);
        if (send_status(pg, &ignored) == 0 && PQputCopyEnd(pg->stream, NULL) == 1)
            PQflush(pg->stream);
    }
    postgres_disconnect(pg);
}

static void
source_close(struct source *source)
{
    struct postgres_source *pg = postgres_from(source);

    if (pg == NULL)
        return;
    postgres_disconnect(pg);
    framer_free(&pg->framer);
    free(pg->enums);
    free(pg);
}

static const struct source_ops postgres_ops = {
    .name = "postgresql",
    .has_place = postgres_has_place,
    .start = postgres_start,
    .check_offset = postgres_check_offset,
    .resume = postgres_resume,
    .lease_check = source_lease_check,
    .read = source_read,
    .serve = source_serve,
    .confirm = source_confirm,
    .stop = source_stop,
    .close = source_close,
};

int
postgres_source_open(struct source **out, const struct config *config, struct error *err)
{
    struct postgres_source *pg = calloc(1, sizeof(*pg));

    if (pg == NULL || framer_init(&pg->framer, err) == -1) {
        free(pg);
        return error_set(err, ERROR_FATAL, "", "out of memory for the source");
    }
    pg->base.ops = &postgres_ops;
    pg->config = config;
    pg->framer.wants = wants_table;
    pg->framer.is_enum = is_enum_type;
    pg->framer.arg = pg;
    pg->framer.batch_size = (size_t)config->batch.size;
    *out = &pg->base;
    return 0;
}
