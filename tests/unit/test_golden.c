/*
 * test_golden.c -- what PostgreSQL 15 and 18 really sent (tests/golden), through framer, decoder and
 * encoders, to the events that were looked through by hand and compared with the server's own text.
 *
 * The text session and the binary one read the same transactions, so they have one file of expected
 * events between them. Avro is read back by avro-c's generic reader and must say what the JSON says.
 *
 * GOLDEN_WRITE=1 writes the expected files anew (tests/golden/capture.py does, and checks them);
 * GOLDEN_SERVER=pg15 looks at one server only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <avro.h>
#include <jansson.h>

#include "../../cdc/decode/pgoutput_frame.h"
#include "cdc/decoder.h"
#include "cdc/encoder.h"
#include "cdc/json.h"
#include "cdc/version.h"

#define FOLDER "tests/golden/"

enum { DEBEZIUM, PLAIN, ENVELOPES, ENCODERS = 2 * ENVELOPES, ENUMS_MAX = 16 };

static const char *const envelope_names[ENVELOPES] = {"debezium", "plain"};
static const char *servers[] = {"pg15", "pg18"};
static int nservers = 2;

/* ---- captures ---- */

struct message {
    uint64_t lsn;
    struct bytes bytes;
};

struct capture {
    uint8_t *file;
    size_t size;
    struct message *messages;
    size_t count;
    uint32_t enums[ENUMS_MAX]; /* types named enum_* */
    size_t nenums;
};

static uint8_t *
read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *at;

    if (file == NULL)
        fail_msg("%s can't be read (run in the folder of the repository)", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    at = malloc(*size + 1);
    assert_non_null(at);
    assert_int_equal(fread(at, 1, *size, file), *size);
    fclose(file);
    return at;
}

/* 'Y': type, schema, name. */
static void
note_type(struct capture *c, struct bytes message)
{
    struct cursor in = cursor_of(message);
    uint32_t oid;

    if (cursor_u8(&in) != 'Y')
        return;
    oid = cursor_be32(&in);
    cursor_string(&in, NULL);
    if (strncmp(cursor_string(&in, NULL), "enum_", 5) == 0 && c->nenums < ENUMS_MAX)
        c->enums[c->nenums++] = oid;
}

static struct capture
capture_open(const char *server, const char *session)
{
    struct capture c = {0};
    char path[200];
    struct cursor in;

    snprintf(path, sizeof(path), FOLDER "%s-%s.bin", server, session);
    c.file = read_file(path, &c.size);
    c.messages = calloc(c.size / 12 + 1, sizeof(*c.messages));
    assert_non_null(c.messages);
    in = cursor_of(bytes_of(c.file, c.size));
    while (cursor_left(&in) > 0) {
        struct message *m = &c.messages[c.count++];

        m->lsn = cursor_be64(&in);
        m->bytes = cursor_bytes(&in, cursor_be32(&in));
        note_type(&c, m->bytes);
    }
    assert_true(cursor_done(&in));
    assert_true(c.count > 10);
    return c;
}

static void
capture_close(struct capture *c)
{
    free(c->messages);
    free(c->file);
}

/* ---- one pass through a capture ---- */

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
    const struct capture *c = arg;

    for (size_t i = 0; i < c->nenums; i++) {
        if (c->enums[i] == oid)
            return true;
    }
    return false;
}

static void
framer_open(struct framer *framer, struct capture *c, bool binary, size_t batch_size)
{
    struct error err = ERROR_INIT;

    *framer = (struct framer){.wants = wants, .is_enum = is_enum, .arg = c, .binary = binary,
                              .batch_size = batch_size};
    assert_int_equal(framer_init(framer, &err), 0);
    framer_connected(framer);
}

/* Encoder 2n is JSON and 2n + 1 Avro in envelope n; plain JSON comes as stdout's lines. */
struct pass {
    struct schemas *schemas;
    struct encoder *encoders[ENCODERS];
    struct buffer lines[ENVELOPES];
    size_t changes, compared;
};

/* The plans of one relation. */
struct plans {
    struct plan *plan[ENCODERS];
};

static void
pass_open(struct pass *pass)
{
    *pass = (struct pass){.schemas = schemas_memory_new()};
    for (int i = 0; i < ENCODERS; i++) {
        struct error err = ERROR_INIT;
        struct encoder_settings set = {
            .format = i % 2 == 0 ? FORMAT_JSON : FORMAT_AVRO,
            .envelope = i / 2 == DEBEZIUM ? ENVELOPE_DEBEZIUM : ENVELOPE_PLAIN,
            .tombstones = true,
            .truncate = TRUNCATE_EMIT,
            .line = i / 2 == PLAIN && i % 2 == 0,
            .pipeline = "golden",
            .database = "golden",
            .topic = "{schema}.{table}",
            .schemas = i % 2 == 0 ? NULL : pass->schemas,
        };

        pass->encoders[i] = encoder_new(&set, &err);
        if (pass->encoders[i] == NULL)
            fail_msg("%s", err.text);
    }
}

static void
pass_close(struct pass *pass)
{
    for (int i = 0; i < ENCODERS; i++)
        encoder_free(pass->encoders[i]);
    for (int i = 0; i < ENVELOPES; i++)
        buffer_free(&pass->lines[i]);
    pass->schemas->ops->close(pass->schemas);
}

static void
plans_free(void *at)
{
    struct plans *plans = at;

    for (int i = 0; i < ENCODERS; i++)
        plan_free(plans->plan[i]);
    free(plans);
}

/* What the catalogue would say: the identity is the key; with FULL it is `id`, where there is one. */
static void
ask_catalog(const struct relation *rel, struct arena *arena, struct catalog_table *out)
{
    *out = (struct catalog_table){.exists = true,
                                  .columns = arena_array(arena, rel->ncolumns, sizeof(*out->columns)),
                                  .key = arena_array(arena, rel->ncolumns, sizeof(*out->key))};
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        bool key = rel->replica_identity == IDENTITY_FULL ? strcmp(rel->columns[i].name, "id") == 0
                                                          : rel->columns[i].identity;

        if (!key)
            continue;
        out->columns[i].known = out->columns[i].not_null = true;
        out->key[out->nkey++] = i;
    }
}

static struct plans *
plans_of(struct pass *pass, struct relation *rel)
{
    struct plans *plans = atomic_load(&rel->shape);
    struct arena arena = {0};
    struct catalog_table table;

    if (plans != NULL)
        return plans;
    plans = calloc(1, sizeof(*plans));
    assert_non_null(plans);
    ask_catalog(rel, &arena, &table);
    for (int i = 0; i < ENCODERS; i++) {
        struct error err = ERROR_INIT;

        if (encoder_plan(pass->encoders[i], rel, &table, NULL, &plans->plan[i], &err) == -1)
            fail_msg("%s", err.text);
    }
    arena_free(&arena);
    rel->shape_free = plans_free;
    atomic_store(&rel->shape, plans);
    return plans;
}

/* ---- Avro against JSON ---- */

static void same(const char *where, json_t *json, avro_value_t *value);

static void
same_text(const char *where, json_t *json, const char *text, size_t len)
{
    assert_true(json_is_string(json));
    if (json_string_length(json) != len || memcmp(json_string_value(json), text, len) != 0)
        fail_msg("%s: \"%s\" in JSON, \"%.*s\" in Avro", where, json_string_value(json), (int)len, text);
}

static void
same_bytes(const char *where, json_t *json, avro_value_t *value)
{
    struct buffer text = {0};
    const void *at;
    size_t len;

    assert_int_equal(avro_value_get_bytes(value, &at, &len), 0);
    json_base64(&text, bytes_of(at, len));
    same_text(where, json, (const char *)text.at + 1, text.len - 2); /* without the quotes */
    buffer_free(&text);
}

static void
same_number(const char *where, json_t *json, double d)
{
    struct buffer text = {0};

    if (json_is_string(json)) { /* NaN and infinities */
        json_double(&text, d);
        same_text(where, json, (const char *)text.at + 1, text.len - 2);
    } else if (json_number_value(json) != d) {
        fail_msg("%s: %.17g in JSON, %.17g in Avro", where, json_number_value(json), d);
    }
    buffer_free(&text);
}

/* By place: names are cleaned in Avro. */
static void
same_record(const char *where, json_t *json, avro_value_t *value)
{
    const char *key;
    json_t *member;
    size_t n, i = 0;

    if (!json_is_object(json))
        fail_msg("%s: not an object in JSON", where);
    assert_int_equal(avro_value_get_size(value, &n), 0);
    if (json_object_size(json) != n)
        fail_msg("%s: %zu fields in JSON, %zu in Avro", where, json_object_size(json), n);
    json_object_foreach(json, key, member) {
        avro_value_t field;
        char inside[400];

        snprintf(inside, sizeof(inside), "%.300s.%.90s", where, key);
        assert_int_equal(avro_value_get_by_index(value, i++, &field, NULL), 0);
        same(inside, member, &field);
    }
}

static void
same(const char *where, json_t *json, avro_value_t *value)
{
    avro_value_t branch;
    const char *text;
    int64_t whole;
    int32_t half;
    float single;
    double twice;
    size_t len;
    int truth;

    switch (avro_value_get_type(value)) {
    case AVRO_UNION:
        assert_int_equal(avro_value_get_current_branch(value, &branch), 0);
        same(where, json, &branch);
        break;
    case AVRO_RECORD:
        same_record(where, json, value);
        break;
    case AVRO_NULL:
        assert_true(json_is_null(json));
        break;
    case AVRO_BOOLEAN:
        assert_int_equal(avro_value_get_boolean(value, &truth), 0);
        assert_true(json_is_boolean(json) && json_is_true(json) == (truth != 0));
        break;
    case AVRO_INT32:
        assert_int_equal(avro_value_get_int(value, &half), 0);
        assert_true(json_is_integer(json) && json_integer_value(json) == half);
        break;
    case AVRO_INT64:
        assert_int_equal(avro_value_get_long(value, &whole), 0);
        assert_true(json_is_integer(json) && json_integer_value(json) == whole);
        break;
    case AVRO_FLOAT:
        assert_int_equal(avro_value_get_float(value, &single), 0);
        if (json_is_number(json))
            assert_true((float)json_number_value(json) == single);
        else
            same_number(where, json, (double)single);
        break;
    case AVRO_DOUBLE:
        assert_int_equal(avro_value_get_double(value, &twice), 0);
        same_number(where, json, twice);
        break;
    case AVRO_STRING:
        assert_int_equal(avro_value_get_string(value, &text, &len), 0);
        same_text(where, json, text, len - 1); /* avro-c counts the NUL */
        break;
    case AVRO_BYTES:
        same_bytes(where, json, value);
        break;
    default:
        fail_msg("%s: a type of Avro that we never write", where);
    }
}

/* One of our messages: 0, schema id, body. `json` NULL: that it can be read is enough. */
static void
read_avro(const struct pass *pass, const char *where, struct bytes message, json_t *json)
{
    struct cursor in = cursor_of(message);
    avro_value_iface_t *iface;
    avro_schema_t schema;
    avro_value_t value;
    avro_reader_t reader;
    const char *text;
    char left;

    assert_int_equal(cursor_u8(&in), 0);
    text = schemas_memory_text(pass->schemas, (int32_t)cursor_be32(&in));
    assert_non_null(text);
    assert_int_equal(avro_schema_from_json_length(text, strlen(text), &schema), 0);
    iface = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    reader = avro_reader_memory((const char *)in.at, (int64_t)cursor_left(&in));
    if (avro_value_read(reader, &value) != 0)
        fail_msg("%s: %s", where, avro_strerror());
    assert_int_not_equal(avro_read(reader, &left, 1), 0); /* every byte was used */
    if (json != NULL)
        same(where, json, &value);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
}

static struct bytes
encoded(const struct events *events, uint32_t offset, uint32_t length)
{
    return bytes_of(events->encoded.at + offset, length);
}

static void
compare_event(struct pass *pass, const struct events *avro, const struct event *a, struct bytes line,
              bool whole)
{
    json_error_t why;
    json_t *json = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, &why);
    const char *id;

    if (json == NULL)
        fail_msg("%s: %.*s", why.text, (int)line.len, (const char *)line.at);
    id = json_string_value(json_object_get(json, "id"));
    if (a->flags & EVENT_KEY_NULL)
        assert_true(json_is_null(json_object_get(json, "key")));
    else
        read_avro(pass, id, encoded(avro, a->key_offset, a->key_length), json_object_get(json, "key"));
    if (a->flags & EVENT_VALUE_NULL)
        assert_true(json_is_null(json_object_get(json, "value")));
    else
        read_avro(pass, id, encoded(avro, a->value_offset, a->value_length),
                  whole ? json_object_get(json, "value") : NULL);
    json_decref(json);
    pass->compared++;
}

/* ---- changes to lines ---- */

static void
put_failure(struct buffer *out, const struct batch *batch, uint32_t frame, const struct error *why)
{
    struct event at = {.frame = frame};
    char id[EVENT_ID_MAX];

    event_id_print(batch, &at, id);
    buffer_printf(out, "{\"id\":\"%s\",\"error\":\"%s\",\"text\":", id, why->code);
    json_cstring(out, why->text);
    buffer_put_string(out, "}\n");
}

/* The event as a line; Debezium's, which is what goes to Kafka, gets the wrapping of one here. */
static struct bytes
line_of(const struct batch *batch, const struct events *events, const struct event *event, int envelope,
        struct buffer *out)
{
    const struct relation *rel = batch->frames[event->frame].relation;
    struct bytes key = encoded(events, event->key_offset, event->key_length);
    struct bytes value = encoded(events, event->value_offset, event->value_length);
    char id[EVENT_ID_MAX], table[200];
    size_t from = out->len;

    if (envelope == PLAIN) {
        buffer_put(out, value.at, value.len);
    } else {
        event_id_print(batch, event, id);
        snprintf(table, sizeof(table), "%s.%s", rel->schema, rel->table);
        buffer_printf(out, "{\"id\":\"%s\",\"table\":", id);
        json_cstring(out, table);
        buffer_put_string(out, ",\"key\":");
        buffer_put_string(out, event->flags & EVENT_KEY_NULL ? "null" : "");
        buffer_put(out, key.at, key.len);
        buffer_put_string(out, ",\"value\":");
        buffer_put_string(out, event->flags & EVENT_VALUE_NULL ? "null" : "");
        buffer_put(out, value.at, value.len);
        buffer_put_u8(out, '}');
    }
    buffer_put_u8(out, '\n');
    assert_false(buffer_failed(out));
    return bytes_of(out->at + from, out->len - from - 1);
}

static void
encode_change(struct pass *pass, struct batch *batch, uint32_t frame, const struct change *change,
              struct plans *plans, int envelope, struct arena *scratch)
{
    struct events *json = &batch->events[2 * envelope], *avro = &batch->events[2 * envelope + 1];
    struct encode_stamp stamp = {.now_us = INT64_C(1700000000000000)};
    struct error why = ERROR_INIT, too = ERROR_INIT;
    uint32_t from_json = json->count, from_avro = avro->count;
    uint16_t column;
    int rc = plan_encode(plans->plan[2 * envelope], change, &stamp, frame, scratch, json, &column, &why);
    int rc_avro =
        plan_encode(plans->plan[2 * envelope + 1], change, &stamp, frame, scratch, avro, &column, &too);

    assert_int_not_equal(rc, ENCODE_LOOSEN);
    assert_int_not_equal(rc_avro, ENCODE_LOOSEN);
    if (rc == -1) {
        assert_string_equal(why.text, too.text);
        put_failure(&pass->lines[envelope], batch, frame, &why);
        return;
    }
    /* plain JSON has NaN as text, where a decimal of Avro can't say it */
    if (rc_avro == -1 && envelope == DEBEZIUM)
        fail_msg("%s", too.text);
    for (uint32_t i = from_json; i < json->count; i++) {
        struct bytes line = line_of(batch, json, &json->at[i], envelope, &pass->lines[envelope]);

        if (rc_avro == 0) {
            assert_int_equal(json->count - from_json, avro->count - from_avro);
            compare_event(pass, avro, &avro->at[from_avro + i - from_json], line, envelope == DEBEZIUM);
        }
    }
}

static void
encode_batch(struct pass *pass, struct batch *batch)
{
    struct arena scratch = {0};

    for (uint32_t i = 0; i < batch->nframes; i++) {
        struct error why = ERROR_INIT;
        struct change change;
        int rc = decoder_pgoutput.decode(batch, &batch->frames[i], &scratch, &change, &why);

        for (int e = 0; e < ENVELOPES; e++) {
            if (rc == -1)
                put_failure(&pass->lines[e], batch, i, &why);
            else
                encode_change(pass, batch, i, &change, plans_of(pass, batch->frames[i].relation), e,
                              &scratch);
        }
        pass->changes++;
        arena_reset(&scratch);
    }
    arena_free(&scratch);
}

/* The whole capture in batches of this size. */
static void
run(struct pass *pass, struct capture *c, bool binary, size_t batch_size)
{
    struct batch *batch = batch_new();
    struct error err = ERROR_INIT;
    struct framer framer;
    bool full = false;

    framer_open(&framer, c, binary, batch_size);
    for (size_t i = 0; i < c->count; i++) {
        if (framer_message(&framer, c->messages[i].lsn, c->messages[i].bytes, batch, &full, &err) == -1)
            fail_msg("message %zu: %s", i, err.text);
        if (full || i + 1 == c->count) {
            framer_finish(&framer, batch);
            encode_batch(pass, batch);
            batch_reset(batch, 0);
            full = false;
        }
    }
    assert_false(framer.in_transaction);
    batch_free(batch);
    framer_free(&framer);
}

/* ---- expected files ---- */

/* A new version of rowferry makes no other events. */
static void
hide_version(struct buffer *lines)
{
    static const char stamp[] = "\"version\":\"" ROWFERRY_VERSION "\"";
    uint8_t *at = lines->at, *end = at + lines->len, *found;

    while ((found = memmem(at, (size_t)(end - at), stamp, sizeof(stamp) - 1)) != NULL) {
        at = found + 11;
        *at++ = '-';
        memmove(at, found + sizeof(stamp) - 2, (size_t)(end - (found + sizeof(stamp) - 2)));
        end -= sizeof(ROWFERRY_VERSION) - 2;
    }
    lines->len = (size_t)(end - lines->at);
}

/* Names the first line that differs. */
static void
compare_lines(const char *what, struct bytes want, struct bytes got)
{
    const char *w = (const char *)want.at, *g = (const char *)got.at;
    const char *w_end = w + want.len, *g_end = g + got.len;

    for (int line = 1; w < w_end || g < g_end; line++) {
        const char *wn = w < w_end ? memchr(w, '\n', (size_t)(w_end - w)) : w;
        const char *gn = g < g_end ? memchr(g, '\n', (size_t)(g_end - g)) : g;

        assert_non_null(wn);
        assert_non_null(gn);
        if (!bytes_equal(bytes_of(w, (size_t)(wn - w)), bytes_of(g, (size_t)(gn - g))))
            fail_msg("%s line %d:\nexpected %.*s\n     got %.*s", what, line, (int)(wn - w), w,
                     (int)(gn - g), g);
        w = wn < w_end ? wn + 1 : w_end;
        g = gn < g_end ? gn + 1 : g_end;
    }
}

static void
compare_file(const char *what, struct bytes got)
{
    char path[200];
    size_t size;
    uint8_t *want;

    snprintf(path, sizeof(path), FOLDER "%s.jsonl", what);
    if (getenv("GOLDEN_WRITE") != NULL) {
        FILE *file = fopen(path, "wb");

        assert_non_null(file);
        assert_int_equal(fwrite(got.at, 1, got.len, file), got.len);
        assert_int_equal(fclose(file), 0);
        return;
    }
    want = read_file(path, &size);
    compare_lines(what, bytes_of(want, size), got);
    free(want);
}

/* A session's events, in batches of several sizes, against NAME.ENVELOPE.jsonl. */
static void
check_session(const char *server, const char *session, const char *name)
{
    static const size_t sizes[] = {1 << 20, 1000, 1};
    struct capture c = capture_open(server, session);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct pass pass;

        pass_open(&pass);
        run(&pass, &c, strcmp(session, "binary") == 0, sizes[i]);
        for (int e = 0; e < ENVELOPES; e++) {
            char what[100];

            assert_false(buffer_failed(&pass.lines[e]));
            snprintf(what, sizeof(what), "%s.%s", name, envelope_names[e]);
            hide_version(&pass.lines[e]);
            compare_file(what, bytes_of(pass.lines[e].at, pass.lines[e].len));
        }
        assert_true(pass.changes > 5);
        assert_true(pass.compared > 10);
        pass_close(&pass);
    }
    capture_close(&c);
}

/* ---- the tests ---- */

static void
the_text_session_gives_the_expected_events(void **state)
{
    (void)state;
    for (int i = 0; i < nservers; i++)
        check_session(servers[i], "text", servers[i]);
}

static void
the_binary_session_gives_the_same_events(void **state)
{
    (void)state;
    for (int i = 0; i < nservers; i++)
        check_session(servers[i], "binary", servers[i]);
}

static void
types_without_a_word_of_their_own_come_as_the_servers_text(void **state)
{
    char name[40];

    (void)state;
    for (int i = 0; i < nservers; i++) {
        snprintf(name, sizeof(name), "%s-unlisted", servers[i]);
        check_session(servers[i], "unlisted", name);
    }
}

static void
a_type_without_a_binary_decoder_ends_a_binary_session(void **state)
{
    (void)state;
    for (int i = 0; i < nservers; i++) {
        struct capture c = capture_open(servers[i], "unlisted");
        struct batch *batch = batch_new();
        struct error err = ERROR_INIT;
        struct framer framer;
        bool full = false;
        int rc = 0;

        framer_open(&framer, &c, true, 1000);
        for (size_t k = 0; k < c.count && rc == 0; k++)
            rc = framer_message(&framer, c.messages[k].lsn, c.messages[k].bytes, batch, &full, &err);
        assert_int_equal(rc, -1);
        assert_int_equal(err.kind, ERROR_RETRY);
        assert_string_equal(err.code, "E_BINARY_TYPE");
        batch_free(batch);
        framer_free(&framer);
        capture_close(&c);
    }
}

struct spot {
    struct position read;
    size_t frames; /* that lie before it */
};

struct seen {
    uint64_t final, ordinal;
    uint32_t relation;
};

struct run {
    struct seen *seen;
    struct spot *places; /* after each message */
    size_t nseen;
};

/* Reads all from this place on; the framer sees everything from the start, as after a reconnect. */
static struct run
read_from(struct capture *c, const struct position *from)
{
    struct run run = {.seen = calloc(c->count * 8, sizeof(*run.seen)),
                      .places = calloc(c->count, sizeof(*run.places))};
    struct batch *batch = batch_new();
    struct framer framer;
    bool full = false;

    framer_open(&framer, c, false, 1);
    framer.read = *from;
    for (size_t i = 0; i < c->count; i++) {
        struct error err = ERROR_INIT;

        if (framer_message(&framer, c->messages[i].lsn, c->messages[i].bytes, batch, &full, &err) == -1)
            fail_msg("message %zu: %s", i, err.text);
        for (uint32_t k = 0; k < batch->nframes; k++) {
            const struct frame *frame = &batch->frames[k];

            assert_true(run.nseen < c->count * 8);
            run.seen[run.nseen++] = (struct seen){batch->transactions[frame->transaction].id.final,
                                                  frame->ordinal, frame->relation->id};
        }
        batch_reset(batch, 1000);
        run.places[i] = (struct spot){framer.read, run.nseen};
    }
    batch_free(batch);
    framer_free(&framer);
    return run;
}

static void
run_free(struct run *run)
{
    free(run->seen);
    free(run->places);
}

static void
going_on_from_any_place_gives_exactly_the_rest(void **state)
{
    struct position none = {.kind = POSITION_NONE};

    (void)state;
    for (int s = 0; s < nservers; s++) {
        struct capture c = capture_open(servers[s], "text");
        struct run all = read_from(&c, &none);

        for (size_t i = 0; i < c.count; i++) {
            const struct spot *place = &all.places[i];
            struct run rest;
            char at[POSITION_TEXT_MAX];

            if (place->read.kind == POSITION_NONE ||
                (i > 0 && position_equal(&place->read, &all.places[i - 1].read)))
                continue;
            rest = read_from(&c, &place->read);
            if (rest.nseen != all.nseen - place->frames ||
                memcmp(rest.seen, all.seen + place->frames, rest.nseen * sizeof(*rest.seen)) != 0)
                fail_msg("%s: from %s come %zu changes of %zu", servers[s],
                         position_print(&place->read, at), rest.nseen, all.nseen - place->frames);
            run_free(&rest);
        }
        run_free(&all);
        capture_close(&c);
    }
}

/* A batch whose only frame is the first `len` bytes of a message, with nothing after them. */
static int
decode_cut(struct batch *batch, struct bytes message, size_t len, struct arena *arena)
{
    struct buffer whole = batch->raw;
    struct error err = ERROR_INIT;
    struct change change;
    int rc;

    batch->raw = (struct buffer){.at = malloc(len == 0 ? 1 : len), .len = len, .cap = len};
    assert_non_null(batch->raw.at);
    memcpy(batch->raw.at, message.at, len);
    batch->frames[0].length = (uint32_t)len;
    rc = decoder_pgoutput.decode(batch, &batch->frames[0], arena, &change, &err);
    if (rc == -1)
        assert_int_equal(err.kind, ERROR_DATA);
    free(batch->raw.at);
    batch->raw = whole;
    arena_reset(arena);
    return rc;
}

/* Returns how many rows were cut. A row that is refused whole (a value out of range) is left out. */
static int
check_cuts(struct capture *c, bool binary)
{
    int rows = 0;
    struct batch *batch = batch_new();
    struct arena arena = {0};
    struct framer framer;
    bool full = false;

    framer_open(&framer, c, binary, 1 << 20);
    for (size_t i = 0; i < c->count; i++) {
        struct bytes message = c->messages[i].bytes;
        struct error err = ERROR_INIT;

        assert_int_equal(framer_message(&framer, c->messages[i].lsn, message, batch, &full, &err), 0);
        if (batch->nframes == 1 && batch->frames[0].kind == FRAME_ROW &&
            decode_cut(batch, message, message.len, &arena) == 0) {
            rows++;
            for (size_t len = 0; len < message.len; len++) {
                if (decode_cut(batch, message, len, &arena) == 0)
                    fail_msg("message %zu cut to %zu of %zu bytes is taken", i, len, message.len);
            }
        }
        batch_reset(batch, 0);
    }
    arena_free(&arena);
    batch_free(batch);
    framer_free(&framer);
    return rows;
}

static void
a_row_cut_short_at_any_byte_is_an_error(void **state)
{
    static const char *const sessions[] = {"text", "binary", "unlisted"};

    (void)state;
    for (int s = 0; s < nservers; s++) {
        for (size_t k = 0; k < sizeof(sessions) / sizeof(sessions[0]); k++) {
            struct capture c = capture_open(servers[s], sessions[k]);

            assert_true(check_cuts(&c, strcmp(sessions[k], "binary") == 0) > 4);
            capture_close(&c);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_session_gives_the_expected_events),
        cmocka_unit_test(the_binary_session_gives_the_same_events),
        cmocka_unit_test(types_without_a_word_of_their_own_come_as_the_servers_text),
        cmocka_unit_test(a_type_without_a_binary_decoder_ends_a_binary_session),
        cmocka_unit_test(going_on_from_any_place_gives_exactly_the_rest),
        cmocka_unit_test(a_row_cut_short_at_any_byte_is_an_error),
    };

    if (getenv("GOLDEN_SERVER") != NULL) {
        servers[0] = getenv("GOLDEN_SERVER");
        nservers = 1;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
