/*
 * fuzz_pgoutput.c -- any bytes as a row message: decoded, and when that works encoded in every
 * format. The table has a column of every type.
 *
 * The first byte chooses format, envelope and replica identity; the rest is the message, with
 * its relation id put right so that the fuzzer need not guess it.
 */
#include <stdlib.h>

#include "cdc/decoder.h"
#include "cdc/encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TABLE_ID = 0x4001, PLANS = 6 };

static struct relation *
every_type(void)
{
    struct relation *rel = relation_new(TABLE_ID, "public", "t", TYPE_OTHER + 1);
    static char names[TYPE_OTHER + 1][4];

    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        names[i][0] = 'c';
        names[i][1] = (char)('a' + i);
        rel->columns[i] = (struct column){.name = names[i], .type = (enum value_type)i,
                                          .typmod = -1, .precision = -1, .identity = i == 2};
    }
    rel->columns[TYPE_DECIMAL].precision = 20;
    rel->columns[TYPE_DECIMAL].scale = 4;
    rel->columns[TYPE_TIMESTAMP].precision = 3;
    relation_seal(rel);
    return rel;
}

/* avro and json by debezium and plain, and lines of both. */
static struct plan *
plan_of(struct relation *rel, int which)
{
    struct encoder_settings settings = {
        .format = which % 2 == 0 ? FORMAT_AVRO : FORMAT_JSON,
        .envelope = which / 2 % 2 == 0 ? ENVELOPE_DEBEZIUM : ENVELOPE_PLAIN,
        .tombstones = true,
        .truncate = TRUNCATE_EMIT,
        .line = which >= 4 && which % 2 == 1,
        .pipeline = "p",
        .database = "d",
        .topic = "{table}",
    };
    struct arena arena = {0};
    struct catalog *catalog = catalog_memory_new();
    struct catalog_table table;
    struct plan *plan = NULL;

    /* the encoder stays: plans read its settings */
    if (catalog_lookup(catalog, rel, &arena, &table, NULL) == -1 ||
        encoder_plan(encoder_new(&settings, NULL), rel, &table, NULL, &plan, NULL) == -1)
        abort();
    catalog->ops->close(catalog);
    arena_free(&arena);
    return plan;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct relation *rel;
    static struct plan *plans[PLANS];
    static struct arena arena;
    static struct batch *batch;
    struct encode_stamp stamp = {.now_us = 1};
    struct transaction id = {.final = 1, .commit_us = INT64_MIN};
    struct frame frame = {.kind = FRAME_ROW};
    struct change change;
    uint16_t column;

    if (size < 2)
        return 0;
    if (rel == NULL) {
        rel = every_type();
        for (int i = 0; i < PLANS; i++)
            plans[i] = plan_of(rel, i);
        batch = batch_new();
    }
    frame.relation = rel;
    frame.ordinal = size;
    batch_reset(batch, 1 << 20);
    if (batch_add_transaction(batch, &id, 1, NULL) == NULL ||
        batch_add_frame(batch, &frame, bytes_of(data + 1, size - 1), NULL) == -1)
        return 0;
    if (size >= 6) {
        uint32_t big = __builtin_bswap32(TABLE_ID);
        memcpy(batch->raw.at + 1, &big, 4);
    }
    if (decoder_pgoutput.decode(batch, &batch->frames[0], &arena, &change, NULL) == 0)
        plan_encode(plans[data[0] % PLANS], &change, &stamp, 0, &arena, &batch->events[0],
                    &column, NULL);
    arena_reset(&arena);
    return 0;
}
