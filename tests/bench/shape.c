/*
 * shape.c -- how many rows a second one thread decodes and encodes, from memory.
 *
 * The row is that of the other benchmarks: ten columns, inserts, a hundred to a transaction, in
 * batches of 128 KiB as the reader makes them.
 *
 *     shape [postgresql | mysql | mariadb] [avro | json] [debezium | plain] [text] [seconds]
 *
 * postgresql: messages of pgoutput, binary (or `text`). mysql, mariadb: WRITE_ROWS events of fifty
 * rows, which fit into the 8 KiB that the servers make them of.
 *
 * Prints "rows_per_second N" and what a row and its event weigh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../cdc/decode/binlog_event.h"
#include "../../cdc/decode/binlog_table_map.h"
#include "cdc/decoder.h"
#include "cdc/encoder.h"

enum { BATCH_RAW = 128 * 1024, ROWS_IN_TRANSACTION = 100, ROWS_IN_EVENT = 50 };

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

/* ---- MySQL and MariaDB ---- */

/* The table map's body and a row as MySQL 9.7.4 and MariaDB 10.11.19 wrote them. */
static const char mysql_map[] =
    "6c000000000001000562656e636800066f7264657273000a0803fcf6110a020f01f507020c0206500004fc0301"
    "01000203fcff0004410269640b637573746f6d65725f6964046e6f746506616d6f756e7406706c616365640364"
    "7565087072696f726974790673746174757304706169640561747472730801000c02ffc0";
static const char mysql_row[] =
    "000041420f0000000000010000003000706c65617365206c65617665206974207769746820746865206e656967"
    "68626f757273206174206e756d62657220313480000186a11969688f880576878cd40f01000a64697370617463"
    "68656400300000000003002f00190005001e000600240007000503000400000c2b006974656d73636f75706f6e"
    "6368616e6e656c03776562";
static const char mariadb_map[] =
    "17000000000001000562656e636800066f7264657273000a0803fcf6110a020f01fc07020c0206140004fc0301"
    "0100020308022e04410269640b637573746f6d65725f6964046e6f746506616d6f756e7406706c616365640364"
    "7565087072696f72697479067374617475730470616964056174747273080100";
static const char mariadb_row[] =
    "00fc41420f0000000000010000003000706c65617365206c65617665206974207769746820746865206e656967"
    "68626f757273206174206e756d62657220313480000186a11969688f880576878cd40f01000a64697370617463"
    "686564002e0000007b226368616e6e656c223a2022776562222c2022636f75706f6e223a206e756c6c2c202269"
    "74656d73223a20337d";

enum { SERVERS_ROW = 1000001 };

static void
put_hex(struct buffer *out, const char *hex)
{
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        buffer_put_u8(out, (uint8_t)byte);
}

static enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static struct relation *
binlog_orders(bool mariadb)
{
    struct binlog_reading reading = {.mariadb = mariadb, .charset_of = charset_of};
    struct error err = ERROR_INIT;
    struct buffer body = {0};
    struct binlog_table_name name;
    struct relation *rel;

    put_hex(&body, mariadb ? mariadb_map : mysql_map);
    if (binlog_table_name_read(bytes_of(body.at, body.len), &name, &err) == -1 ||
        binlog_table_map_read(&reading, &name, &rel, &err) == -1)
        fail(&err);
    rel->captured = true;
    buffer_free(&body);
    return rel;
}

static void
put_le(struct buffer *out, uint64_t v, unsigned bytes)
{
    buffer_put(out, &v, bytes);
}

static void
put_be(struct buffer *out, uint64_t v, unsigned bytes)
{
    v = __builtin_bswap64(v << (64 - 8 * bytes));
    buffer_put(out, &v, bytes);
}

static void
put_prefixed(struct buffer *out, unsigned width, const char *text)
{
    put_le(out, strlen(text), width);
    buffer_put_string(out, text);
}

static void
put_json(struct buffer *out, bool mariadb)
{
    static const char binary[] = "000300" "2f00" "19000500" "1e000600" "24000700" "050300" "040000" "0c2b00";

    if (mariadb) {
        put_prefixed(out, 4, "{\"channel\": \"web\", \"coupon\": null, \"items\": 3}");
        return;
    }
    put_le(out, 48, 4);
    put_hex(out, binary);
    buffer_put_string(out, "itemscouponchannel\003web");
}

/* 2026-01-01 00:00:00.123456 and 1.234567 seconds for each row before it. */
static void
put_binlog_row(struct buffer *out, int64_t id, bool mariadb)
{
    uint64_t placed = UINT64_C(1767225600123456) + (uint64_t)id * 1234567;
    unsigned day = (unsigned)(id % 300), month = 1;
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    for (; day >= days[month - 1]; month++)
        day -= days[month - 1];
    put_le(out, mariadb ? 0xfc00 : 0, 2); /* NULLs: none; what is behind the last column is the server's own */
    put_le(out, (uint64_t)id, 8);
    put_le(out, (uint64_t)(id % 50000), 4);
    put_prefixed(out, 2, "please leave it with the neighbours at number 14");
    put_be(out, UINT64_C(0x8000000000) | (uint64_t)(id % 900000), 5);
    buffer_put_u8(out, 25);
    put_be(out, placed / 1000000, 4);
    put_be(out, placed % 1000000, 3);
    put_le(out, 2026u << 9 | month << 5 | (day + 1), 3);
    put_le(out, (uint64_t)(id % 5), 2);
    put_prefixed(out, 1, "dispatched");
    buffer_put_u8(out, id % 2 == 0);
    put_json(out, mariadb);
}

/* What is built here must be what the server wrote. */
static void
check_row(bool mariadb)
{
    struct buffer ours = {0}, theirs = {0};

    put_binlog_row(&ours, SERVERS_ROW, mariadb);
    put_hex(&theirs, mariadb ? mariadb_row : mysql_row);
    if (!bytes_equal(bytes_of(ours.at, ours.len), bytes_of(theirs.at, theirs.len))) {
        fprintf(stderr, "shape: the row is not the server's\n");
        exit(1);
    }
    buffer_free(&ours);
    buffer_free(&theirs);
}

static void
put_event(struct buffer *out, int64_t first, bool mariadb)
{
    buffer_reset(out);
    put_le(out, 1790000000, 4);
    buffer_put_u8(out, mariadb ? EVENT_WRITE_ROWS_V1 : EVENT_WRITE_ROWS);
    put_le(out, 1, 4); /* server */
    put_le(out, 0, 4); /* size: not looked at behind the framer */
    put_le(out, 0, 4); /* place */
    put_le(out, 0, 2); /* flags */
    put_le(out, 108, 6);
    put_le(out, 0, 2);
    if (!mariadb)
        put_le(out, 2, 2);
    buffer_put_u8(out, COLUMNS);
    put_le(out, mariadb ? 0x03ff : 0xffff, 2);
    for (int64_t row = 0; row < ROWS_IN_EVENT; row++)
        put_binlog_row(out, first + row, mariadb);
}

static struct batch *
binlog_batch(struct relation *rel, bool mariadb)
{
    static const struct gtid_origin origin = {.uuid = {0x9a, 0xc2, 0xa3, 0x76, 0xe6, 0x59, 0x11, 0xf1, 0x9c}};
    struct batch *batch = batch_new();
    struct buffer event = {0};
    struct error err = ERROR_INIT;

    check_row(mariadb);
    for (uint64_t row = 0; batch->raw.len < BATCH_RAW; row += ROWS_IN_EVENT) {
        if (row % ROWS_IN_TRANSACTION == 0) {
            struct transaction id = {.server_id = 1, .thread_id = mariadb ? 0 : 12,
                                     .gtid = {.number = 10000 + row / ROWS_IN_TRANSACTION},
                                     .begin = {.base = "binlog", .number = 3, .pos = 4000000 + row * 150},
                                     .commit_us = 1790000000000000 + (int64_t)row};

            if (mariadb)
                id.gtid.server = 1;
            else
                id.gtid.origin = &origin;
            batch_add_transaction(batch, &id, row / ROWS_IN_TRANSACTION + 1, &err);
        }
        put_event(&event, (int64_t)row + 1000000, mariadb);
        struct frame frame = {.relation = rel, .ordinal = row % ROWS_IN_TRANSACTION / ROWS_IN_EVENT,
                              .lsn = 4000200 + row * 150,
                              .transaction = batch->ntransactions - 1, .kind = FRAME_ROW};
        if (batch_add_frame(batch, &frame, bytes_of(event.at, event.len), &err) == -1)
            fail(&err);
    }
    buffer_free(&event);
    return batch;
}

/* ---- PostgreSQL's batch ---- */

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

/* ---- what is measured ---- */

static const struct encode_stamp stamp = {.now_us = 1790000000000000};

static void
shape_message(struct batch *batch, uint32_t frame, const struct plan *plan, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct change change;
    uint16_t column;

    arena_reset(arena);
    if (decoder_pgoutput.decode(batch, &batch->frames[frame], arena, &change, &err) == -1 ||
        plan_encode(plan, &change, &stamp, frame, arena, &batch->events[0], &column, &err) != ENCODE_DONE)
        fail(&err);
}

static void
shape_event(struct batch *batch, uint32_t frame, const struct plan *plan, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct arena frame_arena = {0};
    struct change change;
    struct rows rows;
    uint16_t column;
    int rc;

    if (decoder_binlog.begin(&rows, batch, &batch->frames[frame], &frame_arena, &err) == -1)
        fail(&err);
    for (;;) {
        arena_reset(arena);
        rc = decoder_binlog.next(&rows, arena, &change, &err);
        if (rc == 0)
            break;
        if (rc == -1 || plan_encode(plan, &change, &stamp, frame, arena, &batch->events[0], &column, &err) !=
                            ENCODE_DONE)
            fail(&err);
    }
    arena_free(&frame_arena);
}

static void
shape_batch(struct batch *batch, const struct plan *plan, struct arena *arena, bool binlog)
{
    struct events *events = &batch->events[0];

    events->count = 0;
    buffer_reset(&events->encoded);
    for (uint32_t i = 0; i < batch->nframes; i++) {
        if (binlog)
            shape_event(batch, i, plan, arena);
        else
            shape_message(batch, i, plan, arena);
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
    bool text = false, binlog;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "json") == 0)
            settings.format = FORMAT_JSON;
        else if (strcmp(argv[i], "plain") == 0)
            settings.envelope = ENVELOPE_PLAIN;
        else if (strcmp(argv[i], "mysql") == 0)
            settings.connector = CONNECTOR_MYSQL;
        else if (strcmp(argv[i], "mariadb") == 0)
            settings.connector = CONNECTOR_MARIADB;
        else if (strcmp(argv[i], "text") == 0)
            text = true;
        else if (atof(argv[i]) > 0)
            seconds = atof(argv[i]);
    }
    binlog = settings.connector != CONNECTOR_POSTGRESQL;

    struct error err = ERROR_INIT;
    struct arena arena = {0}, scratch = {0};
    bool mariadb = settings.connector == CONNECTOR_MARIADB;
    struct relation *rel = binlog ? binlog_orders(mariadb) : orders();
    struct batch *batch = binlog ? binlog_batch(rel, mariadb) : full_batch(rel, text);
    struct catalog *catalog = catalog_memory_new();
    struct catalog_table table;
    struct plan *plan;
    settings.schemas = schemas_memory_new();
    struct encoder *encoder = encoder_new(&settings, &err);
    if (encoder == NULL || catalog_lookup(catalog, rel, &arena, &table, &err) == -1 ||
        encoder_plan(encoder, rel, &table, NULL, &plan, &err) == -1)
        fail(&err);

    shape_batch(batch, plan, &scratch, binlog); /* grow what grows */
    uint32_t rows = batch->events[0].count;
    for (double start = now(); now() - start < seconds;) {
        double from = now();
        int rounds = 200;
        for (int i = 0; i < rounds; i++)
            shape_batch(batch, plan, &scratch, binlog);
        double rate = (double)rows * rounds / (now() - from);
        best = rate > best ? rate : best;
    }
    printf("row_bytes %zu\n", batch->raw.len / rows);
    printf("event_bytes %zu\n", batch->events[0].encoded.len / rows);
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
