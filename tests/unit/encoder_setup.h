/*
 * encoder_setup.h -- a table, a sink and a change in a few words, and what came of them: for the
 * tests of the encoders.
 *
 * Avro is read back by avro-c's generic reader, which shares nothing with our encoder (its JSON cuts
 * bytes at a NUL).
 */
#ifndef TESTS_ENCODER_SETUP_H
#define TESTS_ENCODER_SETUP_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <avro.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/encoder.h"

static struct arena arena;
static struct error err;

/* ---- a table, a sink and a change, in a few words ---- */

struct setup {
    struct encoder_settings settings;
    struct relation *rel;
    struct catalog_table table;
    struct encoder *encoder;
    struct plan *plan;
    struct batch *batch;
    struct change change;
};

static inline struct column
col(const char *name, enum value_type type)
{
    return (struct column){.name = name, .type = type, .typmod = -1, .precision = -1};
}

static inline struct column
decimal(const char *name, int32_t precision, int32_t scale)
{
    struct column column = col(name, TYPE_DECIMAL);

    column.precision = precision;
    column.scale = scale;
    return column;
}

static inline struct setup
setup_of(const char *schema, const char *table, const struct column *columns, uint16_t count)
{
    struct setup s = {
        .settings = {
            .format = FORMAT_AVRO, .envelope = ENVELOPE_DEBEZIUM, .tombstones = true,
            .truncate = TRUNCATE_WARN, .pipeline = "dbserver1", .database = "shop",
            .topic = "{pipeline}.{schema}.{table}", .schemas = schemas_memory_new(),
        },
        .rel = relation_new(16385, schema, table, count),
        .batch = batch_new(),
    };
    struct transaction id = {.final = 320638408, .xid = 793, .commit_us = 1795341167467797};

    s.rel->replica_identity = IDENTITY_DEFAULT;
    for (uint16_t i = 0; i < count; i++)
        s.rel->columns[i] = columns[i];
    relation_seal(s.rel);
    s.table.exists = true;
    s.table.columns = arena_array(&arena, count, sizeof(*s.table.columns));
    s.table.key = arena_array(&arena, count, sizeof(*s.table.key));
    batch_add_transaction(s.batch, &id, 1, &err);
    s.change = (struct change){.op = CHANGE_INSERT, .relation = s.rel, .lsn = 320638408,
                               .transaction = &s.batch->transactions[0]};
    return s;
}

/* The first column is the key and NOT NULL. */
static inline void
first_is_key(struct setup *s)
{
    s->rel->columns[0].identity = true;
    s->table.columns[0].known = s->table.columns[0].not_null = true;
    s->table.nkey = 1;
}

static inline void
not_null(struct setup *s, uint16_t i, const char *default_text)
{
    s->table.columns[i] = (struct catalog_column){.known = true, .not_null = true,
                                                  .default_text = default_text};
}

static inline int
plan(struct setup *s)
{
    err = (struct error)ERROR_INIT;
    if (s->encoder == NULL)
        s->encoder = encoder_new(&s->settings, &err);
    if (s->encoder == NULL)
        return -1;
    plan_free(s->plan);
    s->plan = NULL;
    return encoder_plan(s->encoder, s->rel, &s->table, NULL, &s->plan, &err);
}

static inline int
encode(struct setup *s, uint16_t *column)
{
    struct encode_stamp stamp = {.now_us = 1795341167594489};

    err = (struct error)ERROR_INIT;
    return plan_encode(s->plan, &s->change, &stamp, 0, &arena, &s->batch->events[0], column, &err);
}

/* Encode and expect so many events in all. */
static inline void
must_encode(struct setup *s, uint32_t events)
{
    uint16_t column;
    int status = encode(s, &column);

    if (status != ENCODE_DONE)
        fail_msg("%d: %s", status, err.text);
    assert_int_equal(s->batch->events[0].count, events);
}

static inline void
must_plan(struct setup *s)
{
    if (plan(s) == -1)
        fail_msg("%s", err.text);
}

static inline void
done(struct setup *s)
{
    plan_free(s->plan);
    encoder_free(s->encoder);
    if (s->settings.schemas != NULL)
        s->settings.schemas->ops->close(s->settings.schemas);
    batch_free(s->batch);
    relation_release(s->rel);
}

static inline struct value
integer(int64_t i)
{
    return (struct value){.state = VALUE_SET, .i = i};
}

static inline struct value
text(const char *s)
{
    return (struct value){.state = VALUE_SET, .bytes = bytes_of_string(s)};
}

static inline struct value
number(const void *at, size_t len, int32_t scale)
{
    return (struct value){.state = VALUE_SET, .scale = scale, .bytes = bytes_of(at, len)};
}

static const struct value null_value = {.state = VALUE_NULL};
static const struct value unchanged = {.state = VALUE_UNCHANGED};

static inline const struct event *
event_at(const struct setup *s, uint32_t i)
{
    assert_true(i < s->batch->events[0].count);
    return &s->batch->events[0].at[i];
}

static inline struct bytes
key_at(const struct setup *s, uint32_t i)
{
    const struct event *event = event_at(s, i);
    return bytes_of(s->batch->events[0].encoded.at + event->key_offset, event->key_length);
}

static inline struct bytes
value_at(const struct setup *s, uint32_t i)
{
    const struct event *event = event_at(s, i);
    return bytes_of(s->batch->events[0].encoded.at + event->value_offset, event->value_length);
}

static inline const char *
string_of(struct bytes b)
{
    return arena_printf(&arena, "%.*s", (int)b.len, (const char *)b.at);
}

static inline const char *
hex_of(struct bytes b)
{
    char *hex = arena_alloc(&arena, 2 * b.len + 1);

    for (size_t i = 0; i < b.len; i++)
        sprintf(hex + 2 * i, "%02x", b.at[i]);
    return hex;
}

/* What avro-c reads from our bytes with the schema of their id, as its JSON. */
static inline const char *
read_back(const struct setup *s, struct bytes message)
{
    struct cursor in = cursor_of(message);
    avro_schema_t schema;
    avro_value_t value;
    char *json;
    const char *copy;

    assert_int_equal(cursor_u8(&in), 0);
    const char *schema_text = schemas_memory_text(s->settings.schemas, (int32_t)cursor_be32(&in));
    assert_non_null(schema_text);
    assert_int_equal(avro_schema_from_json_length(schema_text, strlen(schema_text), &schema), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    avro_reader_t reader = avro_reader_memory((const char *)in.at, (int64_t)cursor_left(&in));
    if (avro_value_read(reader, &value) != 0)
        fail_msg("avro-c: %s", avro_strerror());
    char left;
    assert_int_not_equal(avro_read(reader, &left, 1), 0); /* every byte was used */
    assert_int_equal(avro_value_to_json(&value, 1, &json), 0);
    copy = arena_strdup(&arena, json);
    free(json);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    return copy;
}

#define assert_contains(haystack, needle) \
    do { \
        if (strstr((haystack), (needle)) == NULL) \
            fail_msg("no %s in %s", (needle), (haystack)); \
    } while (0)

/* The change can't be said, and leaves nothing behind. */
static inline void
refused(struct setup *s, const char *code, const char *column)
{
    uint32_t events = s->batch->events[0].count;
    size_t len = s->batch->events[0].encoded.len;
    uint16_t which;

    assert_int_equal(encode(s, &which), -1);
    assert_int_equal(err.kind, ERROR_DATA);
    assert_string_equal(err.code, code);
    assert_contains(err.text, s->rel->schema);
    assert_contains(err.text, column);
    assert_int_equal(s->batch->events[0].count, events);
    assert_int_equal(s->batch->events[0].encoded.len, len);
}

static inline int
clear(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

#endif
