/*
 * fuzz_frame.c -- a stream of messages through framer, decoder and every encoder, with reconnects.
 *
 * Byte 0: bit 0 a binary session, bit 1 slices of 64 bytes instead of 4 KiB, bit 2 a start inside a
 * transaction; the rest chooses the envelopes. Then messages, each after its length (u16). A message that
 * is refused is a reconnect; E_DIVERGED is the end. Whatever comes, the position may not go back, and the
 * changes of a transaction come in their order, none twice.
 */
#include <stdlib.h>

#include "../../cdc/decode/pgoutput_frame.h"
#include "cdc/decoder.h"
#include "cdc/encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENCODERS = 2, MESSAGES_MAX = 400 };

struct plans {
    struct plan *plan[ENCODERS];
};

struct stream {
    struct framer framer;
    struct batch *batch;
    struct schemas *schemas;
    struct encoder *encoders[ENCODERS];
    struct arena scratch;
    uint64_t final, ordinal; /* of the last change that was handed on; 0: none */
};

static bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg;
    (void)schema;
    return strcmp(table, "unwanted") != 0;
}

static bool
is_enum(void *arg, uint32_t oid)
{
    (void)arg;
    return oid > 16000 && oid % 4 == 0;
}

static void
free_plans(void *at)
{
    struct plans *plans = at;

    for (int i = 0; i < ENCODERS; i++)
        plan_free(plans->plan[i]);
    free(plans);
}

static struct plans *
plans_of(struct stream *s, struct relation *rel)
{
    struct plans *plans = atomic_load(&rel->shape);
    struct catalog *catalog;
    struct catalog_table table;
    struct arena arena = {0};

    if (plans != NULL)
        return plans;
    plans = calloc(1, sizeof(*plans));
    catalog = catalog_memory_new();
    if (catalog_lookup(catalog, rel, &arena, &table, NULL) == 0) {
        for (int i = 0; i < ENCODERS; i++)
            encoder_plan(s->encoders[i], rel, &table, NULL, &plans->plan[i], NULL);
    }
    catalog->ops->close(catalog);
    arena_free(&arena);
    rel->shape_free = free_plans;
    atomic_store(&rel->shape, plans);
    return plans;
}

static void
encode(struct stream *s, uint32_t frame, const struct change *change)
{
    struct plans *plans = plans_of(s, s->batch->frames[frame].relation);
    struct encode_stamp stamp = {.now_us = 1};
    uint16_t column;

    for (int i = 0; i < ENCODERS; i++) {
        if (plans->plan[i] != NULL)
            plan_encode(plans->plan[i], change, &stamp, frame, &s->scratch, &s->batch->events[i], &column,
                        NULL);
    }
}

/* In the order of the log, and each once. */
static void
check_order(struct stream *s, const struct frame *frame)
{
    uint64_t final = s->batch->transactions[frame->transaction].id.final;

    if (final < s->final || (final == s->final && frame->ordinal <= s->ordinal))
        abort();
    s->final = final;
    s->ordinal = frame->ordinal;
}

static void
hand_on(struct stream *s)
{
    framer_finish(&s->framer, s->batch);
    for (uint32_t i = 0; i < s->batch->nframes; i++) {
        struct change change;

        check_order(s, &s->batch->frames[i]);
        if (decoder_pgoutput.decode(s->batch, &s->batch->frames[i], &s->scratch, &change, NULL) == 0)
            encode(s, i, &change);
        arena_reset(&s->scratch);
    }
    batch_reset(s->batch, 1 << 16);
}

/* -1: the end. */
static int
one_message(struct stream *s, uint64_t lsn, struct bytes message)
{
    struct position before = s->framer.read, met;
    struct error err = ERROR_INIT;
    uint8_t *exact = malloc(message.len == 0 ? 1 : message.len);
    bool full = false;
    int rc;

    memcpy(exact, message.at, message.len);
    rc = framer_message(&s->framer, lsn, bytes_of(exact, message.len), s->batch, &full, &err);
    free(exact);
    met = position_meet(&before, &s->framer.read);
    if (!position_equal(&met, &before))
        abort();
    if (rc == -1) {
        framer_connected(&s->framer);
        return err.kind == ERROR_RETRY ? 0 : -1;
    }
    if (full)
        hand_on(s);
    return 0;
}

static bool
stream_open(struct stream *s, uint8_t options)
{
    *s = (struct stream){.batch = batch_new(), .schemas = schemas_memory_new()};
    s->framer = (struct framer){.wants = wants, .is_enum = is_enum, .binary = (options & 1) != 0,
                                .batch_size = options & 2 ? 64 : 4096};
    if (options & 4)
        s->framer.read = (struct position){.kind = POSITION_LSN, .end = 0x1000, .open = 0x1100, .done = 1};
    for (int i = 0; i < ENCODERS; i++) {
        struct encoder_settings settings = {
            .format = i == 0 ? FORMAT_AVRO : FORMAT_JSON,
            .envelope = options & (8 << i) ? ENVELOPE_PLAIN : ENVELOPE_DEBEZIUM,
            .tombstones = true,
            .truncate = TRUNCATE_EMIT,
            .line = i == 1 && (options & 32) != 0,
            .pipeline = "p",
            .database = "d",
            .topic = "{schema}.{table}",
            .schemas = i == 0 ? s->schemas : NULL,
        };
        s->encoders[i] = encoder_new(&settings, NULL);
    }
    return framer_init(&s->framer, NULL) == 0;
}

static void
stream_close(struct stream *s)
{
    batch_free(s->batch);
    framer_free(&s->framer); /* relations first: their plans point into the encoders */
    for (int i = 0; i < ENCODERS; i++)
        encoder_free(s->encoders[i]);
    s->schemas->ops->close(s->schemas);
    arena_free(&s->scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_of(bytes_of(data, size));
    struct stream s;

    if (size == 0 || !stream_open(&s, cursor_u8(&in)))
        return 0;
    framer_connected(&s.framer);
    for (int n = 0; n < MESSAGES_MAX && cursor_left(&in) > 2; n++) {
        size_t len = cursor_be16(&in);

        if (len > cursor_left(&in))
            len = cursor_left(&in);
        if (one_message(&s, (uint64_t)n, cursor_bytes(&in, len)) == -1)
            break;
        if (n % 16 == 15)
            framer_keepalive(&s.framer, s.framer.read.end + 1);
    }
    hand_on(&s);
    stream_close(&s);
    return 0;
}
