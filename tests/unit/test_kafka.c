/*
 * test_kafka.c -- the Kafka sink against librdkafka's mock cluster: its flow and its errors.
 *
 * The mock of 2.0.2 knows every transactional request but not their effects: aborted messages
 * stay visible and nobody is fenced by it. What depends on those is tested with real brokers
 * (tests/live, tests/faults).
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "../../sinks/kafka_internal.h"
#include "cdc/clock.h"
#include "cdc/log.h"

enum { KEY_PRODUCE = 0, KEY_INIT = 22, KEY_ADD_PARTITIONS = 24, KEY_END = 26 };

static struct fixture {
    rd_kafka_t *rk; /* owns the cluster, and reads and writes beside the sink */
    rd_kafka_mock_cluster_t *cluster;
    struct option_pair options[4];
    struct kafka_settings settings;
    struct relation *relation;
    struct route routes[8];
    int nroutes;
    int run; /* names of its own for each test */
    char pipeline[16], offsets[64], topic[64];
} t;

/* ---- a cluster, a sink, a batch ---- */

static int
start_cluster(void **state)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[200];

    (void)state;
    log_setup(LOG_ERROR, false);
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    rd_kafka_conf_set(conf, "enable.idempotence", "true", NULL, 0);
    t.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    t.cluster = rd_kafka_mock_cluster_new(t.rk, 1);
    rd_kafka_brokers_add(t.rk, rd_kafka_mock_cluster_bootstraps(t.cluster));
    t.relation = relation_new(1, "public", "orders", 0);
    return t.cluster == NULL;
}

static int
stop_cluster(void **state)
{
    (void)state;
    relation_release(t.relation);
    rd_kafka_mock_cluster_destroy(t.cluster);
    rd_kafka_destroy(t.rk);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    t.run++;
    t.nroutes = 0;
    memset(t.options, 0, sizeof(t.options));
    t.settings = (struct kafka_settings){
        .brokers = rd_kafka_mock_cluster_bootstraps(t.cluster),
        .options = t.options,
        .transaction_timeout = 5000,
        .create_topics = true,
        .event_id = true,
    };
    snprintf(t.pipeline, sizeof(t.pipeline), "p%d", t.run);
    snprintf(t.offsets, sizeof(t.offsets), "rowferry.p%d.events.offsets", t.run);
    snprintf(t.topic, sizeof(t.topic), "p%d.public.orders", t.run);
    rd_kafka_mock_clear_request_errors(t.cluster, KEY_PRODUCE);
    rd_kafka_mock_clear_request_errors(t.cluster, KEY_INIT);
    rd_kafka_mock_clear_request_errors(t.cluster, KEY_ADD_PARTITIONS);
    rd_kafka_mock_clear_request_errors(t.cluster, KEY_END);
    rd_kafka_mock_topic_create(t.cluster, t.offsets, 1, 1);
    rd_kafka_mock_topic_create(t.cluster, t.topic, 3, 1);
    return 0;
}

static struct sink *
open_sink(void)
{
    struct sink_context context = {
        .pipeline = t.pipeline, .name = "events", .settings = &t.settings};
    struct error err = ERROR_INIT;
    struct sink *sink = NULL;

    if (sink_kafka.open(&sink, &context, &err) == -1)
        fail_msg("open: %s", err.text);
    return sink;
}

/* Open, fence and resume; the offset found goes to *found unless it is NULL. */
static struct sink *
started_sink(struct offset *found)
{
    struct sink *sink = open_sink();
    struct error err = ERROR_INIT;
    struct offset offset;

    if (sink_kafka.fence(sink, &err) == -1 || sink_kafka.resume(sink, &offset, &err) == -1)
        fail_msg("start: %s %s", err.code, err.text);
    if (found != NULL)
        *found = offset;
    return sink;
}

static struct batch *
make_batch(void)
{
    struct transaction id = {.final = 0x16c0000, .end = 0x16c1000};
    struct error err = ERROR_INIT;
    struct batch *batch = batch_new();

    assert_non_null(batch_add_transaction(batch, &id, 1, &err));
    return batch;
}

/* A route dies with its sink: handles of a sink that is closed must not come back. */
static struct route *
make_route(const char *topic)
{
    struct route *route = &t.routes[t.nroutes++];

    assert_true(t.nroutes <= 8);
    route->topic = topic;
    atomic_store(&route->handle, NULL);
    return route;
}

static void
add_event(struct batch *batch, struct route *route, uint8_t flags, const char *key, size_t bytes)
{
    struct frame frame = {.relation = t.relation, .ordinal = batch->nframes};
    struct events *events = &batch->events[0];
    struct error err = ERROR_INIT;
    struct event *event;

    assert_int_equal(batch_add_frame(batch, &frame, bytes_of("x", 1), &err), 0);
    event = events_add(events, &err);
    *event = (struct event){.route = route, .frame = batch->nframes - 1, .flags = flags};
    event->key_offset = (uint32_t)events->encoded.len;
    event->key_length = (uint32_t)strlen(key);
    buffer_put_string(&events->encoded, key);
    event->value_offset = (uint32_t)events->encoded.len;
    event->value_length = (uint32_t)bytes;
    for (size_t i = 0; i < bytes; i++)
        buffer_put_u8(&events->encoded, 'v');
}

static struct batch *
make_rows(int count)
{
    struct route *route = make_route(t.topic);
    struct batch *batch = make_batch();
    char key[16];

    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        add_event(batch, route, 0, key, 20);
    }
    return batch;
}

static struct offset
offset_at(uint64_t end)
{
    return (struct offset){.state = OFFSET_AT, .position = {.kind = POSITION_LSN, .end = end}};
}

static int
commit_at(struct sink *sink, uint64_t end, struct error *err)
{
    struct offset offset = offset_at(end);

    return sink_commit(sink, &offset, err);
}

/* Write these rows and commit; what became of it. */
static struct error
deliver(struct sink *sink, const struct batch *batch, uint64_t end)
{
    struct error err = ERROR_INIT;

    if (sink_write(sink, batch, 0, 0, &err) == 0)
        commit_at(sink, end, &err);
    return err;
}

static void
expect(struct error err, enum error_kind kind, const char *code)
{
    if (err.kind != kind || strcmp(err.code, code) != 0)
        fail_msg("%s %s: %s", error_kind_name(err.kind), err.code, err.text);
}

static void
put_record(const char *topic, const char *key, const char *value)
{
    rd_kafka_resp_err_t code =
        rd_kafka_producev(t.rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? strlen(value) : 0),
                          RD_KAFKA_V_END);

    assert_int_equal(code, 0);
    assert_int_equal(rd_kafka_flush(t.rk, 10000), 0);
}

/* Everything in a topic, in order; `see` gets each message. */
static int
read_topic(const char *topic, int partitions, void (*see)(const rd_kafka_message_t *))
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[200];
    rd_kafka_t *rk;
    rd_kafka_topic_t *handle;
    int count = 0;

    rd_kafka_conf_set(conf, "bootstrap.servers", t.settings.brokers, NULL, 0);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    handle = rd_kafka_topic_new(rk, topic, NULL);
    for (int p = 0; p < partitions; p++) {
        bool end = false;

        rd_kafka_consume_start(handle, p, 0);
        while (!end) {
            rd_kafka_message_t *message = rd_kafka_consume(handle, p, 10000);

            assert_non_null(message);
            end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                count++;
                if (see != NULL)
                    see(message);
            }
            rd_kafka_message_destroy(message);
        }
        rd_kafka_consume_stop(handle, p);
    }
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(rk);
    return count;
}

/* ---- flow ---- */

static void
rows_and_position_arrive_and_are_found_again(void **state)
{
    struct offset found;
    struct sink *sink = started_sink(&found);
    struct batch *batch = make_rows(100);
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(found.state, OFFSET_NONE);
    for (uint64_t i = 1; i <= 3; i++)
        expect(deliver(sink, batch, i), ERROR_NONE, "");
    assert_int_equal(commit_at(sink, 4, &err), 0);
    sink_kafka.close(sink);
    batch_free(batch);
    assert_int_equal(read_topic(t.topic, 3, NULL), 300);

    sink = started_sink(&found);
    assert_int_equal(found.state, OFFSET_AT);
    assert_int_equal(found.position.end, 4);
    assert_int_equal(found.batch_no, 4);
    assert_int_equal(found.epoch, 1);
    assert_int_equal(commit_at(sink, 5, &err), 0);
    assert_int_equal(sink_kafka.resume(sink, &found, &err), 0);
    assert_int_equal(found.epoch, 2);
    assert_int_equal(found.batch_no, 5);
    sink_kafka.close(sink);
}

static void
a_position_is_shown_without_taking_over(void **state)
{
    struct sink *sink = started_sink(NULL), *reader = open_sink();
    struct error err = ERROR_INIT;
    struct offset found;

    (void)state;
    assert_int_equal(commit_at(sink, 7, &err), 0);
    assert_int_equal(sink_kafka.resume(reader, &found, &err), 0);
    assert_int_equal(found.position.end, 7);
    assert_null(kafka_from(reader)->producer);
    sink_kafka.close(reader);
    assert_int_equal(commit_at(sink, 8, &err), 0);
    sink_kafka.close(sink);
}

static void
a_batch_is_written_from_the_frame_that_is_asked_for(void **state)
{
    struct sink *sink = started_sink(NULL);
    struct batch *batch = make_rows(10);
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(sink_write(sink, batch, 0, 7, &err), 0);
    assert_int_equal(sink_write(sink, batch, 0, 10, &err), 0);
    assert_int_equal(commit_at(sink, 1, &err), 0);
    sink_kafka.close(sink);
    batch_free(batch);
    assert_int_equal(read_topic(t.topic, 3, NULL), 3);
}

static int seen_tombstones, seen_keyless, seen_empty, seen_ids;

static void
see_shapes(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    const void *id = NULL;
    size_t size = 0;

    seen_tombstones += message->payload == NULL;
    seen_keyless += message->key == NULL;
    seen_empty += message->key != NULL && message->key_len == 0;
    if (rd_kafka_message_headers(message, &headers) == 0 &&
        rd_kafka_header_get_last(headers, "rowferry.id", &id, &size) == 0)
        seen_ids += size > 10 && memcmp(id, "0/16C0000/", 10) == 0;
}

static void
every_shape_of_event_keeps_its_shape(void **state)
{
    struct sink *sink = started_sink(NULL);
    struct route *route = make_route(t.topic);
    struct batch *batch = make_batch();

    (void)state;
    add_event(batch, route, EVENT_VALUE_NULL, "a", 0);
    add_event(batch, route, EVENT_KEY_NULL, "", 5);
    add_event(batch, route, 0, "", 0);
    add_event(batch, route, EVENT_KEY_NULL | EVENT_BROADCAST, "", 5);
    expect(deliver(sink, batch, 1), ERROR_NONE, "");
    sink_kafka.close(sink);
    batch_free(batch);
    seen_tombstones = seen_keyless = seen_empty = seen_ids = 0;
    assert_int_equal(read_topic(t.topic, 3, see_shapes), 6);
    assert_int_equal(seen_tombstones, 1);
    assert_int_equal(seen_keyless, 4); /* one, and a broadcast to three partitions */
    assert_int_equal(seen_empty, 1);
    assert_int_equal(seen_ids, 6);
}

static void
after_flush_a_batch_may_go_before_the_commit(void **state)
{
    struct sink *sink = started_sink(NULL);
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct batch *batch = make_rows(50);

        assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
        assert_int_equal(sink_kafka.flush(sink, &err), 0);
        batch_free(batch);
    }
    assert_int_equal(commit_at(sink, 1, &err), 0);
    sink_kafka.close(sink);
    assert_int_equal(read_topic(t.topic, 3, NULL), 150);
}

static void
after_abort_the_next_transaction_has_a_new_producer(void **state)
{
    struct sink *sink = started_sink(NULL);
    struct batch *batch = make_rows(50), *next;
    struct error err = ERROR_INIT;
    uint64_t generation = kafka_from(sink)->generation;

    (void)state;
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
    sink_kafka.abort(sink);
    batch_free(batch); /* nothing may point into it any more */
    assert_null(kafka_from(sink)->producer);
    next = make_rows(1);
    expect(deliver(sink, next, 1), ERROR_NONE, "");
    assert_int_equal(kafka_from(sink)->generation, generation + 1);
    sink_kafka.abort(sink);
    sink_kafka.abort(sink);
    assert_int_equal(sink_kafka.fence(sink, &err), 0);
    batch_free(next);
    sink_kafka.close(sink);
}

static void
more_messages_than_the_queue_holds_go_through(void **state)
{
    struct sink *sink;
    struct batch *batch = make_rows(5000);

    (void)state;
    t.options[0] = (struct option_pair){"queue.buffering.max.messages", "100"};
    t.options[1] = (struct option_pair){"linger.ms", "0"};
    sink = started_sink(NULL);
    expect(deliver(sink, batch, 1), ERROR_NONE, "");
    sink_kafka.close(sink);
    batch_free(batch);
    assert_int_equal(read_topic(t.topic, 3, NULL), 5000);
}

/* ---- partitions ---- */

static void
keys_go_where_the_java_client_sends_them(void **state)
{
    static const struct {
        const char *key;
        int32_t hash; /* of org.apache.kafka.common.utils.Utils.murmur2 */
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    struct kafka_topic topic = {.partitions = INT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(kafka_topic_partition(&topic, known[i].key, strlen(known[i].key)),
                         known[i].hash & 0x7fffffff);
}

static void
the_number_of_partitions_is_recorded_once(void **state)
{
    char key[128];
    struct sink *sink = started_sink(NULL);
    struct batch *batch = make_rows(3);
    struct kafka_topic *topic;

    (void)state;
    expect(deliver(sink, batch, 1), ERROR_NONE, "");
    expect(deliver(sink, batch, 2), ERROR_NONE, "");
    sink_kafka.close(sink);
    batch_free(batch);
    assert_int_equal(read_topic(t.offsets, 1, NULL), 3);

    sink = started_sink(NULL);
    topic = kafka_topic_get(kafka_from(sink), t.topic, strlen(t.topic));
    assert_int_equal(topic->recorded, 3);
    batch = make_rows(1);
    expect(deliver(sink, batch, 3), ERROR_NONE, "");
    sink_kafka.close(sink);
    batch_free(batch);

    snprintf(key, sizeof(key), "%s/events/topic/%s", t.pipeline, t.topic);
    put_record(t.offsets, key, "{\"v\":1,\"partitions\":2}");
    sink = started_sink(NULL);
    batch = make_rows(1);
    expect(deliver(sink, batch, 4), ERROR_REFUSED, "E_PARTITIONS_CHANGED");
    sink_kafka.close(sink);
    batch_free(batch);

    t.settings.accept_repartition = true;
    sink = started_sink(NULL);
    batch = make_rows(1);
    expect(deliver(sink, batch, 4), ERROR_NONE, "");
    sink_kafka.close(sink);
    batch_free(batch);
    t.settings.accept_repartition = false;
    sink = started_sink(NULL);
    batch = make_rows(1);
    expect(deliver(sink, batch, 5), ERROR_NONE, "");
    sink_kafka.close(sink);
    batch_free(batch);
}

static void
a_partition_count_is_read_with_care(void **state)
{
    static const struct {
        const char *text;
        const char *code; /* "": good */
    } cases[] = {
        {"{\"v\":1,\"partitions\":6}", ""},
        {"{\"v\":1,\"partitions\":6,\"new\":true}", ""},
        {"{\"v\":2,\"partitions\":6}", "E_OFFSET_VERSION"},
        {"{\"v\":1,\"partitions\":0}", "E_OFFSET_CORRUPT"},
        {"{\"v\":1,\"partitions\":-1}", "E_OFFSET_CORRUPT"},
        {"{\"v\":1,\"partitions\":2147483648}", "E_OFFSET_CORRUPT"},
        {"{\"v\":1,\"partitions\":\"6\"}", "E_OFFSET_CORRUPT"},
        {"{\"v\":1}", "E_OFFSET_CORRUPT"},
        {"{\"partitions\":6}", "E_OFFSET_CORRUPT"},
        {"[6]", "E_OFFSET_CORRUPT"},
        {"", "E_OFFSET_CORRUPT"},
        {"{\"v\":1,\"partitions\":6", "E_OFFSET_CORRUPT"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = ERROR_INIT;
        int32_t n = 0;
        int done = kafka_offsets_parse_topic(bytes_of_string(cases[i].text), &n, &err);

        assert_int_equal(done, cases[i].code[0] == '\0' ? 0 : -1);
        assert_string_equal(err.code, cases[i].code);
        assert_true(done == -1 ? err.kind == ERROR_REFUSED : n == 6);
    }
}

/* ---- the record ---- */

static void
a_record_that_is_unreadable_is_refused(void **state)
{
    static const char *const bad[] = {"garbage", "{}", "{\"v\":999}", "", "{\"v\":1"};
    struct error err;
    struct offset found;
    char key[64];

    (void)state;
    snprintf(key, sizeof(key), "%s/events", t.pipeline);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sink *sink = open_sink();

        err = (struct error)ERROR_INIT;
        put_record(t.offsets, key, bad[i]);
        assert_int_equal(sink_kafka.fence(sink, &err), 0);
        assert_int_equal(sink_kafka.resume(sink, &found, &err), -1);
        assert_int_equal(err.kind, ERROR_REFUSED);
        assert_non_null(strstr(err.text, t.offsets));
        sink_kafka.close(sink);
    }
}

static void
another_key_s_records_are_not_ours(void **state)
{
    char key[64];
    struct offset found;
    struct sink *sink;

    (void)state;
    snprintf(key, sizeof(key), "%s/events2", t.pipeline);
    put_record(t.offsets, key, "garbage");
    put_record(t.offsets, "", "garbage");
    sink = started_sink(&found);
    assert_int_equal(found.state, OFFSET_NONE);
    sink_kafka.close(sink);
}

static void
a_tombstone_takes_the_position_away(void **state)
{
    struct sink *sink = started_sink(NULL);
    struct error err = ERROR_INIT;
    struct offset found;
    char key[64];

    (void)state;
    assert_int_equal(commit_at(sink, 7, &err), 0);
    sink_kafka.close(sink);
    snprintf(key, sizeof(key), "%s/events", t.pipeline);
    put_record(t.offsets, key, NULL);
    sink = started_sink(&found);
    assert_int_equal(found.state, OFFSET_NONE);
    sink_kafka.close(sink);
}

/* ---- errors ---- */

struct injected {
    int16_t api;
    rd_kafka_resp_err_t code;
    size_t times;
    enum error_kind kind;
    const char *name;
};

static void
each_error_of_a_broker_has_its_kind(void **state)
{
    static const struct injected cases[] = {
        {KEY_END, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, ERROR_FENCED, "E_FENCED"},
        {KEY_END, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, ERROR_FENCED, "E_FENCED"},
        {KEY_END, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, ERROR_REWIND, "E_KAFKA"},
        {KEY_END, RD_KAFKA_RESP_ERR_UNKNOWN, 1, ERROR_REWIND, "E_KAFKA"},
        {KEY_END, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, 1, ERROR_REWIND, "E_KAFKA"},
        {KEY_END, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, ERROR_CONFIG,
         "E_KAFKA_AUTH"},
        {KEY_END, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 2, ERROR_NONE, ""},
        {KEY_END, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 2, ERROR_NONE, ""},
        {KEY_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 2, ERROR_NONE, ""},
        {KEY_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 2, ERROR_CONFIG,
         "E_KAFKA_AUTH"},
        {KEY_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, ERROR_FENCED, "E_FENCED"},
        {KEY_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, ERROR_REWIND, "E_KAFKA"},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2, ERROR_NONE, ""},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2, ERROR_NONE, ""},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 4, ERROR_CONFIG,
         "E_KAFKA_AUTH"},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 4, ERROR_DATA, "E_MESSAGE_TOO_LARGE"},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, 4, ERROR_DATA, "E_MESSAGE_REFUSED"},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 4, ERROR_FENCED, "E_FENCED"},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 4, ERROR_FENCED, "E_FENCED"},
        {KEY_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 4, ERROR_REWIND, "E_KAFKA"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct injected *c = &cases[i];
        struct sink *sink = started_sink(NULL);
        struct route *route = &t.routes[0];
        struct batch *batch = make_batch();
        rd_kafka_resp_err_t codes[8];
        struct error err = ERROR_INIT;

        t.nroutes = 0;
        route = make_route(t.topic);
        add_event(batch, route, 0, "k", 10);
        for (size_t n = 0; n < c->times; n++)
            codes[n] = c->code;
        rd_kafka_mock_push_request_errors_array(t.cluster, c->api, c->times, codes);
        /* For Produce: so that it is the rows that meet the error, not the position. */
        if (c->api != KEY_PRODUCE || (sink_write(sink, batch, 0, 0, &err) == 0 &&
                                      sink_kafka.flush(sink, &err) == 0))
            err = deliver(sink, batch, 1);
        if (err.kind != c->kind || strcmp(err.code, c->name) != 0)
            fail_msg("ApiKey %d, %s: %s %s: %s", c->api, rd_kafka_err2name(c->code),
                     error_kind_name(err.kind), err.code, err.text);
        if (c->kind == ERROR_DATA)
            assert_non_null(strstr(err.text, "table public.orders, topic "));
        rd_kafka_mock_clear_request_errors(t.cluster, c->api);
        /* After any of them the sink can be used again. */
        sink_kafka.abort(sink);
        err = (struct error)ERROR_INIT;
        if (sink_kafka.fence(sink, &err) == -1)
            fail_msg("fence after %s: %s", rd_kafka_err2name(c->code), err.text);
        expect(deliver(sink, batch, 2), ERROR_NONE, "");
        sink_kafka.close(sink);
        batch_free(batch);
    }
}

static void
fencing_in_has_its_errors_too(void **state)
{
    static const struct injected cases[] = {
        {KEY_INIT, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, ERROR_CONFIG,
         "E_KAFKA_AUTH"},
        {KEY_INIT, RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, 1, ERROR_CONFIG,
         "E_KAFKA_CONFIG"},
        {KEY_INIT, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 3, ERROR_NONE, ""},
        {KEY_INIT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 2, ERROR_NONE, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct injected *c = &cases[i];
        struct sink *sink = open_sink();
        rd_kafka_resp_err_t codes[4] = {c->code, c->code, c->code, c->code};
        struct error err = ERROR_INIT;

        rd_kafka_mock_push_request_errors_array(t.cluster, KEY_INIT, c->times, codes);
        sink_kafka.fence(sink, &err);
        expect(err, c->kind, c->name);
        rd_kafka_mock_clear_request_errors(t.cluster, KEY_INIT);
        sink_kafka.close(sink);
    }
}

static void
a_message_that_is_too_large_is_named(void **state)
{
    struct sink *sink = started_sink(NULL);
    struct route *route = make_route(t.topic);
    struct batch *batch = make_batch();
    struct error err = ERROR_INIT;

    (void)state;
    add_event(batch, route, 0, "a", 10);
    add_event(batch, route, 0, "b", 1100000);
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), -1);
    expect(err, ERROR_DATA, "E_MESSAGE_TOO_LARGE");
    assert_non_null(strstr(err.text, "table public.orders"));
    assert_non_null(strstr(err.text, "event 0/16C0000/1/0"));
    sink_kafka.close(sink);
    batch_free(batch);
}

/* The taint rule: EndTxn went out twice, the commit is durable, the producer is not used again. */
static void
a_producer_that_sent_two_ends_is_not_used_again(void **state)
{
    const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE};
    struct sink *sink = started_sink(NULL);
    struct batch *batch = make_rows(3);
    uint64_t generation = kafka_from(sink)->generation;

    (void)state;
    expect(deliver(sink, batch, 1), ERROR_NONE, "");
    assert_false(kafka_from(sink)->tainted);
    rd_kafka_mock_push_request_errors_array(t.cluster, KEY_END, 1, codes);
    expect(deliver(sink, batch, 2), ERROR_NONE, "");
#ifndef MUTANT_NO_TAINT
    assert_true(kafka_from(sink)->tainted);
    assert_int_equal(kafka_from(sink)->generation, generation);
    expect(deliver(sink, batch, 3), ERROR_NONE, "");
    assert_int_equal(kafka_from(sink)->generation, generation + 1);
#endif
    assert_false(kafka_from(sink)->tainted);
    sink_kafka.close(sink);
    batch_free(batch);
}

/* Between the two, somebody else has moved the position: nothing may be written on top. */
static void
a_new_producer_reads_the_position_back(void **state)
{
    struct sink *sink = started_sink(NULL), *other;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(commit_at(sink, 1, &err), 0);
    kafka_from(sink)->tainted = true;
    other = started_sink(NULL);
    assert_int_equal(commit_at(other, 2, &err), 0);
    assert_int_equal(commit_at(sink, 3, &err), -1);
    expect(err, ERROR_REWIND, "E_POSITION_MOVED");
    sink_kafka.close(other);
    sink_kafka.close(sink);
}

static void
brokers_that_are_away_are_told_in_time(void **state)
{
    struct sink *sink;
    struct error err = ERROR_INIT;
    struct offset found;
    int64_t began = clock_monotonic_ms();

    (void)state;
    t.settings.brokers = "127.0.0.1:1";
    sink = open_sink();
    assert_int_equal(sink_kafka.fence(sink, &err), -1);
    expect(err, ERROR_RETRY, "E_KAFKA_AWAY");
    err = (struct error)ERROR_INIT;
    assert_int_equal(sink_kafka.resume(sink, &found, &err), -1);
    expect(err, ERROR_RETRY, "E_KAFKA_AWAY");
    assert_true(clock_monotonic_ms() - began < 20000);
    sink_kafka.close(sink);
}

/* ---- options ---- */

static void
options_that_would_break_the_promise_are_refused(void **state)
{
    static const char *const keys[] = {"enable.idempotence", "transactional.id", "acks",
                                       "isolation.level", "no.such.option", "bootstrap.servers"};
    struct sink_context context = {
        .pipeline = t.pipeline, .name = "events", .settings = &t.settings};
    struct sink *sink = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct error err = ERROR_INIT;

        t.options[0] = (struct option_pair){keys[i], "true"};
        assert_int_equal(sink_kafka.open(&sink, &context, &err), -1);
        expect(err, ERROR_CONFIG, "E_KAFKA_CONFIG");
        assert_non_null(strstr(err.text, keys[i]));
    }
    t.options[0] = (struct option_pair){"message.max.bytes", "100000000"};
    assert_int_equal(sink_kafka.open(&sink, &context, NULL), -1);
    t.options[1] = (struct option_pair){"queue.buffering.max.kbytes", "200000"};
    assert_int_equal(sink_kafka.open(&sink, &context, NULL), 0);
    sink_kafka.close(sink);
}

static void
defaults_of_the_options_can_be_filled(void **state)
{
    struct kafka_settings settings;
    struct error err = ERROR_INIT;

    (void)state;
    memset(&settings, 0, sizeof(settings));
    assert_int_equal(option_defaults(sink_kafka.options, &settings, &err), 0);
    assert_int_equal(settings.transaction_timeout, 60000);
    assert_true(settings.create_topics && settings.event_id && !settings.accept_repartition);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_and_position_arrive_and_are_found_again),
        TEST(a_position_is_shown_without_taking_over),
        TEST(a_batch_is_written_from_the_frame_that_is_asked_for),
        TEST(every_shape_of_event_keeps_its_shape),
        TEST(after_flush_a_batch_may_go_before_the_commit),
        TEST(after_abort_the_next_transaction_has_a_new_producer),
        TEST(more_messages_than_the_queue_holds_go_through),
        TEST(keys_go_where_the_java_client_sends_them),
        TEST(the_number_of_partitions_is_recorded_once),
        TEST(a_partition_count_is_read_with_care),
        TEST(a_record_that_is_unreadable_is_refused),
        TEST(another_key_s_records_are_not_ours),
        TEST(a_tombstone_takes_the_position_away),
        TEST(each_error_of_a_broker_has_its_kind),
        TEST(fencing_in_has_its_errors_too),
        TEST(a_message_that_is_too_large_is_named),
        TEST(a_producer_that_sent_two_ends_is_not_used_again),
        TEST(a_new_producer_reads_the_position_back),
        TEST(brokers_that_are_away_are_told_in_time),
        TEST(options_that_would_break_the_promise_are_refused),
        TEST(defaults_of_the_options_can_be_filled),
    };

    return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
