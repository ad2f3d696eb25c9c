/*
 * shape.c -- how many rows a second one thread decodes and encodes, from memory.
 *
 * The row is that of the other benchmarks: ten columns, about 180 bytes, binary inserts of
 * pgoutput, a hundred to a transaction, in batches of 128 KiB as the reader makes them.
 *
 *     shape [avro | json] [debezium | plain] [text] [seconds]
 *
 * Prints "rows_per_second N" and what a row and its event weigh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cdc/decoder.h"
#include "cdc/encoder.h"

enum { BATCH_RAW = 128 * 1024, ROWS_IN_TRANSACTION = 100 };

static void
fail(const struct error *err)
{
    fprintf(stderr, "shape: %s\n", err->text);
    exit(1);
}

static const struct {
    const char *name;
    enum value_type type;
    uint32_t oid;
    int32_t precision, scale;
} shape[] = {
    {"id", TYPE_INT64, 20, 0, 0},       {"customer_id", TYPE_INT32, 23, 0, 0},
    {"note", TYPE_TEXT, 25, 0, 0},      {"amount", TYPE_DECIMAL, 1700, 12, 2},
    {"placed", TYPE_TIMESTAMPTZ, 1184, -1, 0}, {"due", TYPE_DATE, 1082, 0, 0},
    {"priority", TYPE_INT16, 21, 0, 0}, {"status", TYPE_TEXT, 1043, 0, 0},
    {"paid", TYPE_BOOL, 16, 0, 0},      {"attrs", TYPE_JSON, 3802, 0, 0},
};
enum { COLUMNS = sizeof(shape) / sizeof(shape[0]) };

static struct relation *
orders(void)
{
    struct relation *rel = relation_new(16385, "public", "orders", COLUMNS);

    rel->replica_identity = IDENTITY_DEFAULT;
    rel->captured = true;
    for (uint16_t i = 0; i < COLUMNS; i++) {
        rel->columns[i] = (struct column){
            .name = shape[i].name,
            .type = shape[i].type,
            .type_id = shape[i].oid,
            .typmod = -1,
            .precision = shape[i].precision,
            .scale = shape[i].scale,
            .identity = i == 0,
        };
    }
    relation_seal(rel);
    return rel;
}

static void
put_value(struct buffer *out, char kind, const void *at, size_t len)
{
    buffer_put_u8(out, (uint8_t)kind);
    buffer_put_be32(out, (uint32_t)len);
    buffer_put(out, at, len);
}

static void
put_string(struct buffer *out, char kind, const char *text)
{
    put_value(out, kind, text, strlen(text));
}

static void
put_binary_row(struct buffer *out, int64_t id)
{
    uint64_t big = __builtin_bswap64((uint64_t)id);
    uint64_t placed = __builtin_bswap64(UINT64_C(820000000000000) + (uint64_t)id * 1234567);
    uint32_t customer = __builtin_bswap32((uint32_t)(id % 50000));
    uint32_t due = __builtin_bswap32((uint32_t)(9000 + id % 300));
    uint16_t priority = __builtin_bswap16((uint16_t)(id % 5));
    uint16_t amount[7] = {3, 1, 0, 2, (uint16_t)(id % 90 + 1), (uint16_t)(id % 9999), 2500};
    uint8_t paid = id % 2 == 0;

    for (size_t i = 0; i < 7; i++)
        amount[i] = __builtin_bswap16(amount[i]);
    put_value(out, 'b', &big, 8);
    put_value(out, 'b', &customer, 4);
    put_string(out, 'b', "please leave it with the neighbours at number 14");
    put_value(out, 'b', amount, sizeof(amount));
    put_value(out, 'b', &placed, 8);
    put_value(out, 'b', &due, 4);
    put_value(out, 'b', &priority, 2);
    put_string(out, 'b', "dispatched");
    put_value(out, 'b', &paid, 1);
    put_string(out, 'b', "\001{\"channel\": \"web\", \"coupon\": null, \"items\": 3}");
}

static void
put_text_row(struct buffer *out, int64_t id)
{
    char text[64];

    snprintf(text, sizeof(text), "%lld", (long long)id);
    put_string(out, 't', text);
    snprintf(text, sizeof(text), "%lld", (long long)(id % 50000));
    put_string(out, 't', text);
    put_string(out, 't', "please leave it with the neighbours at number 14");
    snprintf(text, sizeof(text), "%lld.25", (long long)(id % 900000));
    put_string(out, 't', text);
    put_string(out, 't', "2025-12-26 01:46:40.123456+00");
    put_string(out, 't', "2024-08-22");
    put_string(out, 't', "3");
    put_string(out, 't', "dispatched");
    put_string(out, 't', id % 2 == 0 ? "t" : "f");
    put_string(out, 't', "{\"channel\": \"web\", \"coupon\": null, \"items\": 3}");
}

static struct batch *
full_batch(struct relation *rel, bool text)
{
    struct batch *batch = batch_new();
    struct buffer message = {0};
    struct error err = ERROR_INIT;

    for (uint64_t row = 0; batch->raw.len < BATCH_RAW; row++) {
        if (row % ROWS_IN_TRANSACTION == 0) {
            struct transaction id = {.final = 0x16b3748000 + row * 200, .xid = 750 + (uint32_t)row,
                                     .commit_us = 1790000000000000 + (int64_t)row};
            batch_add_transaction(batch, &id, row / ROWS_IN_TRANSACTION + 1, &err);
        }
        buffer_reset(&message);
        buffer_put_u8(&message, 'I');
        buffer_put_be32(&message, rel->id);
        buffer_put_u8(&message, 'N');
        buffer_put_be16(&message, COLUMNS);
        if (text)
            put_text_row(&message, (int64_t)row + 1000000);
        else
            put_binary_row(&message, (int64_t)row + 1000000);
        struct frame frame = {.relation = rel, .ordinal = row % ROWS_IN_TRANSACTION,
                              .lsn = 0x16b3748000 + row * 190,
                              .transaction = batch->ntransactions - 1, .kind = FRAME_ROW};
        if (batch_add_frame(batch, &frame, bytes_of(message.at, message.len), &err) == -1)
            fail(&err);
    }
    buffer_free(&message);
    return batch;
}

static void
shape_batch(struct batch *batch, const struct plan *plan, struct arena *arena)
{
    struct encode_stamp stamp = {.now_us = 1790000000000000};
    struct events *events = &batch->events[0];
    struct error err = ERROR_INIT;
    struct change change;
    uint16_t column;

    events->count = 0;
    buffer_reset(&events->encoded);
    for (uint32_t i = 0; i < batch->nframes; i++) {
        arena_reset(arena);
        if (decoder_pgoutput.decode(batch, &batch->frames[i], arena, &change, &err) == -1 ||
            plan_encode(plan, &change, &stamp, i, arena, events, &column, &err) != ENCODE_DONE)
            fail(&err);
    }
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* the machine may be busy with other work */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    struct encoder_settings settings = {
        .format = FORMAT_AVRO, .envelope = ENVELOPE_DEBEZIUM, .tombstones = true,
        .truncate = TRUNCATE_WARN, .pipeline = "shop", .database = "shop",
        .topic = "{pipeline}.{schema}.{table}",
    };
    double seconds = 2, best = 0;
    bool text = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "json") == 0)
            settings.format = FORMAT_JSON;
        else if (strcmp(argv[i], "plain") == 0)
            settings.envelope = ENVELOPE_PLAIN;
        else if (strcmp(argv[i], "text") == 0)
            text = true;
        else if (atof(argv[i]) > 0)
            seconds = atof(argv[i]);
    }

    struct error err = ERROR_INIT;
    struct arena arena = {0}, scratch = {0};
    struct relation *rel = orders();
    struct batch *batch = full_batch(rel, text);
    struct catalog *catalog = catalog_memory_new();
    struct catalog_table table;
    struct plan *plan;
    settings.schemas = schemas_memory_new();
    struct encoder *encoder = encoder_new(&settings, &err);
    if (encoder == NULL || catalog_lookup(catalog, rel, &arena, &table, &err) == -1 ||
        encoder_plan(encoder, rel, &table, NULL, &plan, &err) == -1)
        fail(&err);

    shape_batch(batch, plan, &scratch); /* grow what grows */
    for (double start = now(); now() - start < seconds;) {
        double from = now();
        int rounds = 200;
        for (int i = 0; i < rounds; i++)
            shape_batch(batch, plan, &scratch);
        double rate = (double)batch->nframes * rounds / (now() - from);
        best = rate > best ? rate : best;
    }
    printf("row_bytes %zu\n", batch->raw.len / batch->nframes);
    printf("event_bytes %zu\n", batch->events[0].encoded.len / batch->nframes);
    printf("rows_per_second %.0f\n", best);

    plan_free(plan);
    encoder_free(encoder);
    settings.schemas->ops->close(settings.schemas);
    catalog->ops->close(catalog);
    batch_free(batch);
    relation_release(rel);
    arena_free(&arena);
    arena_free(&scratch);
    return 0;
}
