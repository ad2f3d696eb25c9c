/*
 * kafka_offsets.c -- the offsets topic: one partition, compacted, ours alone.
 *
 *     key "shop/events"                    value: the offset record (offset.h)
 *     key "shop/events/topic/shop.orders"  value: {"v":1,"partitions":6}
 *
 * Reading it to its end is where exactly-once is lost most easily: for a reader of committed
 * records the end is the last stable offset, and a record of ours behind somebody's open
 * transaction would be missed, its rows sent again. So the true end, the high watermark, is
 * asked as a reader of everything, after the fence, and the reader of committed records must
 * come that far; until then it waits (docs/exactly-once.md). Without a fence (a command that only looks, the
 * first look of a start) what is committed by now is the answer: whoever acts on it fences and reads again.
 *
 * Consumers here have no group: nothing is committed anywhere and no right on groups is needed.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/clock.h"

enum {
    ASK_MS = 5000,   /* one question to the cluster */
    READ_MS = 20000, /* without getting any further */
    BLOCKED_MS = 10000, /* behind an open transaction; then the caller may look at its stop flag */
};

/* A consumer of the offsets topic. */
struct reader {
    struct kafka *k;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *errors;
    bool started;
};

static void
reader_close(struct reader *reader)
{
    if (reader->started)
        rd_kafka_consume_stop(reader->topic, 0);
    if (reader->topic != NULL)
        rd_kafka_topic_destroy(reader->topic);
    if (reader->errors != NULL)
        rd_kafka_queue_destroy(reader->errors);
    if (reader->rk != NULL)
        rd_kafka_destroy(reader->rk);
}

static int
reader_open(struct reader *reader, struct kafka *k, const char *isolation, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_new(k, RD_KAFKA_CONSUMER, err);
    char text[256] = "";

    *reader = (struct reader){.k = k};
    if (conf == NULL)
        return -1;
    rd_kafka_conf_set(conf, "isolation.level", isolation, NULL, 0);
    reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (reader->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_CONFIG, "E_KAFKA_CONFIG", "kafka: %s", text);
    }
    reader->errors = rd_kafka_queue_get_main(reader->rk);
    reader->topic = rd_kafka_topic_new(reader->rk, k->offsets_topic, NULL);
    if (reader->topic == NULL) {
        reader_close(reader);
        return error_set(err, ERROR_CONFIG, "E_TOPIC_NAME", "kafka: topic %s: %s",
                         k->offsets_topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
    k->last_error[0] = '\0';
    k->last_error_auth = false;
    return 0;
}

static void
reader_serve(struct reader *reader)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(reader->errors, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            kafka_note_error(reader->k, event);
        rd_kafka_event_destroy(event);
    }
}

/* ---- records ---- */

int
kafka_offsets_parse_topic(struct bytes record, int32_t *partitions, struct error *err)
{
    json_error_t where;
    json_t *root = json_loadb((const char *)record.at, record.len, JSON_REJECT_DUPLICATES, &where);
    json_int_t version = json_integer_value(json_object_get(root, "v"));
    json_t *count = json_object_get(root, "partitions");
    json_int_t n = json_integer_value(count);
    bool whole = json_is_object(root) && json_is_integer(count);

    json_decref(root);
    if (whole && version > 1)
        return error_set(err, ERROR_REFUSED, "E_OFFSET_VERSION",
                         "a partition count of version %lld was written by a newer rowferry",
                         (long long)version);
    if (!whole || version != 1 || n < 1 || n > INT32_MAX)
        return error_set(err, ERROR_REFUSED, "E_OFFSET_CORRUPT", "unreadable partition count");
    *partitions = (int32_t)n;
    return 0;
}

static int
record_topic(struct kafka *k, struct bytes name, struct bytes value, struct error *err)
{
    struct kafka_topic *topic = kafka_topic_get(k, (const char *)name.at, name.len);

    if (topic == NULL)
        return error_set(err, ERROR_FATAL, "", "kafka: out of memory");
    topic->recorded = 0;
    if (value.at == NULL)
        return 0;
    return kafka_offsets_parse_topic(value, &topic->recorded, err);
}

/* One record: the last one of each key counts, a tombstone takes it away. */
static int
record_take(struct kafka *k, const rd_kafka_message_t *message, struct error *err)
{
    static const char middle[] = "/topic/";
    struct bytes key = bytes_of(message->key, message->key_len);
    struct bytes value = bytes_of(message->payload, message->len);
    size_t ours = strlen(k->key), prefix = ours + strlen(middle);
    int done = 0;

    if (key.at == NULL || key.len < ours || memcmp(key.at, k->key, ours) != 0)
        return 0;
    if (key.len == ours) {
        offset_clear(&k->last);
        if (value.at != NULL)
            done = offset_decode(&k->last, value, err);
    } else if (key.len > prefix && memcmp(key.at + ours, middle, strlen(middle)) == 0) {
        done = record_topic(k, bytes_of(key.at + prefix, key.len - prefix), value, err);
    }
    if (done == -1)
        error_prefix(err, "kafka: topic %s, offset %" PRId64 ": ", k->offsets_topic,
                     message->offset);
    return done;
}

/* ---- reading ---- */

/* Where a reader of committed records begins, and the place that it must reach. */
static int
true_end(struct kafka *k, int64_t *begin, int64_t *end, struct error *err)
{
    struct reader reader;
    rd_kafka_resp_err_t code;
    int64_t low = 0, high = 0;
    int32_t partitions = 0;

    if (reader_open(&reader, k, "read_uncommitted", err) == -1)
        return -1;
    *begin = *end = 0;
    if (kafka_topic_lookup(k, reader.rk, k->offsets_topic, &partitions, NULL, err) == -1) {
        reader_serve(&reader);
        if (err != NULL && err->kind == ERROR_RETRY)
            kafka_error_away(k, "can't read the offsets topic", err->text, err);
        reader_close(&reader);
        return -1;
    }
    if (partitions == 0) {
        reader_close(&reader);
        return 0;
    }
    code = rd_kafka_query_watermark_offsets(reader.rk, k->offsets_topic, 0, &low, &high, ASK_MS);
    reader_serve(&reader);
    reader_close(&reader);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_code(k, code, "asking for the end of the offsets topic",
                                rd_kafka_err2str(code), err);
    if (partitions != 1)
        return error_set(err, ERROR_REFUSED, "E_OFFSETS_TOPIC",
                         "kafka: topic %s has %" PRId32 " partitions; the offsets topic must "
                         "have exactly one",
                         k->offsets_topic, partitions);
    *begin = low;
    *end = high;
    return 0;
}

/* Nothing came for a while: is that trouble yet? */
static int
reader_waits(struct reader *reader, int64_t reached, int64_t end, int64_t since,
             struct error *err)
{
    struct kafka *k = reader->k;
    int64_t waited = clock_monotonic_ms() - since;

    reader_serve(reader);
    if (reached >= 0 && waited > 1000 && log_repeat_due(&k->blocked))
        log_warn("kafka",
                 "sink=%s topic=%s another transaction is open on the offsets topic: waiting "
                 "at offset %" PRId64 " of %" PRId64,
                 k->base.name, k->offsets_topic, reached, end);
    if (reached >= 0 && waited > BLOCKED_MS)
        return error_set(err, ERROR_RETRY, "E_OFFSETS_BLOCKED",
                         "kafka: topic %s: a transaction of another producer is open at offset "
                         "%" PRId64 " of %" PRId64 "; nobody else should write to this topic "
                         "(kafka-transactions.sh find-hanging shows who)",
                         k->offsets_topic, reached, end);
    if (waited > READ_MS || (reached < 0 && k->last_error_auth))
        return kafka_error_away(k, "can't read the offsets topic", "no answer", err);
    return 0;
}

/* One message or event of the consumer; *reached is set at the end of what can be read. */
static int
reader_take(struct kafka *k, const rd_kafka_message_t *message, int64_t *reached,
            struct error *err)
{
    const struct error before = ERROR_INIT;
    struct error failed = before;

    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return record_take(k, message, err);
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        *reached = message->offset;
        return 0;
    default:
        kafka_error_code(k, message->err, "reading the offsets topic",
                         rd_kafka_message_errstr(message), &failed);
        if (failed.kind == ERROR_RETRY)
            return 0; /* librdkafka goes on trying */
        if (err != NULL)
            *err = failed;
        return -1;
    }
}

static int
read_until(struct reader *reader, int64_t end, struct error *err)
{
    int64_t reached = -1, since = clock_monotonic_ms();
    int done = 0;

    while (done == 0 && reached < end) {
        rd_kafka_message_t *message = rd_kafka_consume(reader->topic, 0, 100);
        int64_t before = reached;

        if (message != NULL) {
            done = reader_take(reader->k, message, &reached, err);
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || reached > before)
                since = clock_monotonic_ms();
            rd_kafka_message_destroy(message);
        } else {
            done = reader_waits(reader, reached, end, since, err);
        }
    }
    return done;
}

static int
read_committed(struct kafka *k, int64_t begin, int64_t end, struct error *err)
{
    struct reader reader;
    int done;

    if (reader_open(&reader, k, "read_committed", err) == -1)
        return -1;
    if (rd_kafka_consume_start(reader.topic, 0, begin) == -1) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        reader_close(&reader);
        return kafka_error_code(k, code, "reading the offsets topic", rd_kafka_err2str(code), err);
    }
    reader.started = true;
    done = read_until(&reader, end, err);
    reader_close(&reader);
    if (done == 0 && log_repeat_over(&k->blocked))
        log_info("kafka", "sink=%s topic=%s the offsets topic can be read again", k->base.name,
                 k->offsets_topic);
    return done;
}

int
kafka_offsets_read(struct kafka *k, struct error *err)
{
    int64_t begin, end;

    k->known = false;
    offset_clear(&k->last);
    for (struct kafka_topic *topic = k->topics; topic != NULL; topic = topic->next) {
        topic->recorded = 0;
        topic->to_record = false;
    }
    if (true_end(k, &begin, &end, err) == -1)
        return -1;
    /* Place 0 is reached at the first end that a reader of committed records meets. */
    if (end > begin && read_committed(k, begin, k->producer != NULL ? end : 0, err) == -1)
        return -1;
    k->epoch = k->last.epoch + 1;
    k->known = true;
    return 0;
}

/* ---- writing ---- */

int
kafka_offsets_ensure(struct kafka *k, struct error *err)
{
    struct option_pair settings[] = {
        {"cleanup.policy", "compact"},
        {"unclean.leader.election.enable", "false"},
        /* A record comes with each commit and only closed segments are compacted: small ones
         * keep the next start quick. */
        {"segment.bytes", "16777216"},
        {"segment.ms", "3600000"},
        {"min.cleanable.dirty.ratio", "0.1"},
        {NULL, NULL}, /* min.insync.replicas */
        {NULL, NULL},
    };
    struct kafka_new_topic topic = {k->offsets_topic, 1, 0, settings};
    int32_t partitions = 0;
    int brokers;

    if (kafka_topic_lookup(k, k->producer, k->offsets_topic, &partitions, NULL, err) == -1)
        return -1;
    if (partitions > 0)
        return 0;
    brokers = kafka_admin_brokers(k->producer, ASK_MS);
    if (brokers < 1)
        return kafka_error_away(k, "can't count the brokers", "no answer", err);
    topic.replication = brokers < 3 ? brokers : 3;
    if (topic.replication == 3)
        settings[5] = (struct option_pair){"min.insync.replicas", "2"};
    else
        log_warn("kafka",
                 "sink=%s topic=%s the position has %d replica(s) only, as there are no more "
                 "brokers",
                 k->base.name, k->offsets_topic, topic.replication);
    if (kafka_admin_create(k, k->producer, &topic, err) == -1 ||
        kafka_topic_await(k, k->offsets_topic, err) == -1)
        return -1;
    log_info("kafka", "sink=%s topic=%s created for the position, replication %d", k->base.name,
             k->offsets_topic, topic.replication);
    return 0;
}

static int
put(struct kafka *k, const char *key, struct error *err)
{
    struct buffer *value = &k->scratch;
    rd_kafka_resp_err_t code;

    if (buffer_failed(value))
        return error_set(err, ERROR_FATAL, "", "kafka: out of memory");
    if (k->offsets_handle == NULL)
        k->offsets_handle = rd_kafka_topic_new(k->producer, k->offsets_topic, NULL);
    if (k->offsets_handle == NULL)
        return error_set(err, ERROR_CONFIG, "E_TOPIC_NAME", "kafka: topic %s: %s",
                         k->offsets_topic, rd_kafka_err2str(rd_kafka_last_error()));
    for (;;) {
        code = RD_KAFKA_RESP_ERR_NO_ERROR;
        if (rd_kafka_produce(k->offsets_handle, 0, RD_KAFKA_MSG_F_COPY, value->at, value->len, key,
                             strlen(key), NULL) == 0)
            return 0;
        code = rd_kafka_last_error();
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        if (kafka_producer_drain(k, err) == -1)
            return -1;
    }
    return kafka_producer_refused(k, code, "writing the position", err);
}

int
kafka_offsets_put(struct kafka *k, const struct offset *offset, struct error *err)
{
    offset_copy(&k->next, offset);
    k->next.epoch = k->epoch;
    k->next.batch_no = k->last.batch_no + 1;
    k->next.written_us = clock_wall_us();
    buffer_reset(&k->scratch);
    offset_encode(&k->next, &k->scratch);
    return put(k, k->key, err);
}

int
kafka_offsets_put_topic(struct kafka *k, const struct kafka_topic *topic, struct error *err)
{
    char key[600];

    snprintf(key, sizeof(key), "%s/topic/%s", k->key, topic->name);
    buffer_reset(&k->scratch);
    buffer_printf(&k->scratch, "{\"v\":1,\"partitions\":%" PRId32 "}", topic->partitions);
    return put(k, key, err);
}
