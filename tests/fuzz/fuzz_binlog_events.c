/*
 * fuzz_binlog_events.c -- a stream of events through framer and decoder, with reconnects and XA transactions read again.
 *
 * Byte 0: bit 0 MariaDB, 1 checksums, 2 batches of 64 bytes instead of 4 KiB, 3 positions in files instead of GTIDs,
 * 4 statements and definitions are kept, 5 statements are passed over, 6 a start inside a transaction. Then events,
 * each after its length (u16, little-endian), with header and without checksum; sizes are set right, and checksums
 * made. An event that is refused is a reconnect, or the end. Whatever comes, the position may not go back, and the
 * changes of a transaction come in their order, none twice.
 */
#include <stdlib.h>
#include <zlib.h>

#include "../../cdc/decode/binlog_frame.h"
#include "cdc/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 300, INNER_MAX = 1000, ROWS_MAX = 5000, EVENT_BYTES_MAX = 1 << 20 };

struct stream {
    struct binlog_framer framer;
    struct batch *batch;
    struct arena frame_arena, arena;
    struct bytes events[EVENTS_MAX]; /* so far */
    size_t nevents;
    uint8_t options;
    uint64_t number, ordinal; /* of the last change; 0: none */
    bool any;
    unsigned inner;           /* events of payloads */
};

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg;
    return strcmp(table, "unwanted") != 0 && schema[0] != 'x';
}

static bool
wants_schema(void *arg, const char *schema)
{
    (void)arg;
    return schema[0] != 'x';
}

static enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static int
describe(void *arg, struct relation *rel, struct binlog_column *columns, unsigned missing, struct error *err)
{
    (void)arg;
    if (rel->table[0] == '?')
        return error_set(err, ERROR_CONFIG, "E_ROW_METADATA", "it is not known");
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (missing & MISSING_NAMES) {
            rel->columns[i].name = arena_printf(&rel->arena, "c%u", i);
            columns[i].charset = i % 2 == 0 ? BINLOG_CHARSET_BINARY : BINLOG_CHARSET_LATIN1;
        }
        if (columns[i].type == BINLOG_STRING && columns[i].max_bytes == 16)
            columns[i].disguise = i % 3 == 0 ? DISGUISE_UUID : DISGUISE_INET6;
    }
    return 0;
}

static int
relation_now(void *arg, const char *schema, const char *table, struct relation **out, struct error *err)
{
    (void)arg, (void)err;
    *out = table[0] == '?' ? NULL : relation_new(0, schema, table, 0);
    return 0;
}

/* ---- what comes ---- */

static void
decode(struct stream *s, const struct frame *frame)
{
    struct error err = ERROR_INIT;
    struct change change;
    struct rows rows;
    int rc = decoder_binlog.begin(&rows, s->batch, frame, &s->frame_arena, &err);

    for (int n = 0; rc == 0 && n < ROWS_MAX; n++) {
        rc = decoder_binlog.next(&rows, &s->arena, &change, &err) - 1;
        arena_reset(&s->arena);
    }
    if (err.kind != ERROR_NONE)
        expect(err.kind == ERROR_DATA && err.code[0] != 0);
    arena_reset(&s->frame_arena);
}

static void
take(struct stream *s, const struct frame *frame)
{
    const struct batch_transaction *t = &s->batch->transactions[frame->transaction];

    if (frame->kind == FRAME_ROW || frame->kind == FRAME_TRUNCATE) {
        expect(t->number > s->number || (t->number == s->number && (!s->any || frame->ordinal > s->ordinal)));
        s->number = t->number;
        s->ordinal = frame->ordinal;
        s->any = true;
        decode(s, frame);
    } else if (frame->kind == FRAME_STOP) {
        expect(frame == &s->batch->frames[s->batch->nframes - 1] && s->framer.stopped);
        expect(memchr(batch_message(s->batch, frame).at, 0, frame->length) != NULL);
    }
}

/* Nothing that was done before is not done any more. */
static void
check_end(const struct position *before, const struct position *after)
{
    const struct place *a = before->place, *b = after->place;

    if (before->kind == POSITION_NONE)
        return;
    if (a->set != NULL)
        expect(b->set != NULL && gtid_set_subset(a->set, b->set));
    else
        expect(a->at.base != b->at.base || log_place_before(&a->at, &b->at));
}

static void
hand_on(struct stream *s)
{
    struct position before = {.kind = POSITION_NONE};

    position_copy(&before, &s->batch->end);
    if (binlog_framer_finish(&s->framer, s->batch, NULL) == -1)
        abort();
    check_end(&before, &s->batch->end);
    for (uint32_t i = 0; i < s->batch->nframes; i++)
        take(s, &s->batch->frames[i]);
    position_copy(&before, &s->batch->end);
    batch_reset(s->batch, 1 << 16);
    position_move(&s->batch->end, &before); /* until the next one */
}

/* The event with a header that is right, in memory of its size; the caller's. */
static uint8_t *
whole(const struct stream *s, struct bytes event, size_t *size)
{
    bool sum = (s->options & 2) != 0;
    uint8_t *out;
    uint32_t crc;

    *size = event.len + (sum ? EVENT_CHECKSUM_BYTES : 0);
    out = malloc(*size);
    memcpy(out, event.at, event.len);
    memcpy(out + 9, &(uint32_t){(uint32_t)*size}, 4);
    if (sum) {
        crc = (uint32_t)crc32(crc32(0, NULL, 0), out, (uInt)event.len);
        memcpy(out + event.len, &crc, sizeof(crc));
    }
    return out;
}

/* Everything so far is read again. */
static int
replay(struct stream *s, struct error *err)
{
    bool full = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->nevents; i++) {
        size_t size;
        uint8_t *raw = whole(s, s->events[i], &size);

        rc = binlog_framer_replay_event(&s->framer, bytes_of(raw, size), (s->options & 2) != 0, s->batch, &full, err);
        free(raw);
        while (rc == 0 && binlog_framer_replay_more(&s->framer) && s->inner++ < INNER_MAX)
            rc = binlog_framer_replay_continue(&s->framer, s->batch, &full, err);
        if (s->framer.stopped)
            return 0;
    }
    if (rc == 0)
        rc = binlog_framer_replay_lost(&s->framer, "there is no more", s->batch, err);
    return rc == -1 ? -1 : 0;
}

static int
one_event(struct stream *s, struct bytes event, struct error *err)
{
    size_t size;
    uint8_t *raw = whole(s, event, &size);
    bool full = false;
    int rc = binlog_framer_event(&s->framer, bytes_of(raw, size), s->batch, &full, err);

    free(raw);
    while (rc == 0 && !s->framer.stopped) {
        if (full)
            hand_on(s);
        full = false;
        if (binlog_framer_replay(&s->framer) != NULL)
            rc = replay(s, err);
        else if (binlog_framer_more(&s->framer) && s->inner++ < INNER_MAX)
            rc = binlog_framer_continue(&s->framer, s->batch, &full, err);
        else
            break;
    }
    return rc;
}

/* ---- the stream ---- */

static void
connect_again(struct stream *s)
{
    binlog_framer_connected(&s->framer, (s->options & 2) != 0, "1");
}

static void
stream_open(struct stream *s, uint8_t options)
{
    static const char *const starts[] = {
        "gtid:", "mariadb:", "file:binlog.000001/4", "file:binlog.000001/4",
        "gtid:+3e11fa47-71ca-11e1-9e33-c80aa9429562:3/1/1/1", "mariadb:0-1-1+0-1-2/1/1/1",
        "file:binlog.000001/4+binlog.000001:157/1/1/1", "file:binlog.000001/4+binlog.000001:256/1/1/1"};
    struct position from = {.kind = POSITION_NONE};
    struct binlog_framer_settings set = {
        .reading = {.mariadb = options & 1, .charset_of = charset_of, .describe = describe},
        .wants = wants,
        .wants_schema = wants_schema,
        .relation_now = relation_now,
        .batch_size = options & 4 ? 64 : 4096,
        .event_max = EVENT_BYTES_MAX,
        .keep_query = options & 16,
        .keep_ddl = options & 16,
        .warn_statements = options & 32,
        .accept_nontransactional = options & 32,
    };

    *s = (struct stream){.batch = batch_new(), .options = options};
    if (binlog_framer_init(&s->framer, &set, NULL) == -1 ||
        position_parse(&from, starts[(options & 1) | (options & 8 ? 2 : 0) | (options & 64 ? 4 : 0)], NULL) == -1 ||
        binlog_framer_resume(&s->framer, &from, 1, NULL) == -1)
        abort();
    position_clear(&from);
    connect_again(s);
}

static void
stream_close(struct stream *s)
{
    batch_free(s->batch);
    binlog_framer_free(&s->framer);
    arena_free(&s->frame_arena);
    arena_free(&s->arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stream s;
    struct cursor in = cursor_of(bytes_of(data, size));

    if (size == 0)
        return 0;
    stream_open(&s, cursor_u8(&in));
    while (s.nevents < EVENTS_MAX && cursor_left(&in) > 2 && !s.framer.stopped) {
        size_t len = cursor_le16(&in);
        struct error err = ERROR_INIT;
        struct bytes event = cursor_bytes(&in, len > cursor_left(&in) ? cursor_left(&in) : len);

        if (event.len < EVENT_HEADER_BYTES)
            continue;
        s.events[s.nevents++] = event;
        if (one_event(&s, event, &err) == 0)
            continue;
        expect(err.kind != ERROR_NONE && err.kind != ERROR_DATA);
        if (err.kind != ERROR_RETRY)
            break;
        hand_on(&s);
        connect_again(&s);
    }
    hand_on(&s);
    stream_close(&s);
    return 0;
}
