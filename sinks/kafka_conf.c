/*
 * kafka_conf.c -- librdkafka's settings: ours, the user's, and those nobody may change.
 *
 * Threads: on_log and on_request_sent are called by librdkafka's threads; they log, and count in
 * an atomic. Everything else is the sink's thread's.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/log.h"

enum { API_KEY_END_TXN = 26 };

struct setting {
    const char *key;
    const char *value;
};

/* What exactly-once rests on: not for `options`. */
static const char *const settings_reserved[] = {
    "bootstrap.servers",          "metadata.broker.list",
    "transactional.id",           "transaction.timeout.ms",
    "enable.idempotence",         "enable.gapless.guarantee",
    "acks",                       "request.required.acks",
    "isolation.level",            "group.id",
    "delivery.report.only.error", "allow.auto.create.topics",
    "enable.partition.eof",       "enable.auto.commit",
    "auto.offset.reset",
    "auto.commit.enable",         "enable.auto.offset.store",
    "plugin.library.paths",       "produce.offset.report",
    "max.in.flight",              "max.in.flight.requests.per.connection",
    "retries",                    "message.send.max.retries",
    NULL,
};

/*
 * Ours; `options` may say otherwise. A commit flushes, so linger costs no latency. 2.0.2 has one
 * request under way for a partition, and its broker thread spins when messages behind it have
 * lingered long enough: so larger requests, made by size.
 */
static const struct setting settings_producer[] = {
    {"linger.ms", "100"},
    {"queue.buffering.max.messages", "20000"}, /* some 400 bytes each beside the value */
    {"queue.buffering.max.kbytes", "65536"},
    {"compression.type", "none"},
    {NULL, NULL},
};

static const struct setting settings_common[] = {
    {"client.id", "rowferry"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"log.connection.close", "false"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "2000"},
    {NULL, NULL},
};

/* Never above a warning: what becomes of it is told by whoever handles the error. */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka *k = rd_kafka_opaque(rk);
    enum log_level ours = level <= 4 ? LOG_WARN : level <= 6 ? LOG_INFO : LOG_DEBUG;

    /* CONFWARN: "... is a producer property and will be ignored by this consumer". We know. */
    if (strcmp(facility, "CONFWARN") == 0 || atomic_load(&k->quiet))
        ours = LOG_DEBUG;
    log_line(ours, "kafka", "sink=%s librdkafka %s: %s", k->base.name, facility, text);
}

static rd_kafka_resp_err_t
on_request_sent(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id, int16_t api_key,
                int16_t api_version, int32_t correlation, size_t size, void *opaque)
{
    struct kafka *k = opaque;

    (void)rk, (void)fd, (void)broker, (void)broker_id, (void)api_version, (void)correlation;
    (void)size;
    if (api_key == API_KEY_END_TXN)
        atomic_fetch_add(&k->endtxn_sent, 1);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *text, size_t size)
{
    (void)conf, (void)text, (void)size;
    return rd_kafka_interceptor_add_on_request_sent(rk, "rowferry", on_request_sent, opaque);
}

static int
set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *err)
{
    char text[256];

    if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return 0;
    return error_set(err, ERROR_CONFIG, "E_KAFKA_CONFIG", "kafka: option %s: %s", key, text);
}

static int
set_int(rd_kafka_conf_t *conf, const char *key, int64_t value, struct error *err)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    return set(conf, key, text, err);
}

static int
set_all(rd_kafka_conf_t *conf, const struct setting *rows, struct error *err)
{
    for (; rows->key != NULL; rows++) {
        if (set(conf, rows->key, rows->value, err) == -1)
            return -1;
    }
    return 0;
}

static const char *
pair_find(const struct option_pair *pair, const char *key)
{
    for (; pair != NULL && pair->key != NULL; pair++) {
        if (strcmp(pair->key, key) == 0)
            return pair->value;
    }
    return NULL;
}

static int
set_options(const struct kafka *k, rd_kafka_conf_t *conf, struct error *err)
{
    const struct option_pair *pair = k->settings->options;

    for (; pair != NULL && pair->key != NULL; pair++) {
        for (size_t i = 0; settings_reserved[i] != NULL; i++) {
            if (strcmp(pair->key, settings_reserved[i]) == 0)
                return error_set(err, ERROR_CONFIG, "E_KAFKA_CONFIG",
                                 "kafka: option %s is rowferry's own: exactly-once rests on it",
                                 pair->key);
        }
        if (set(conf, pair->key, pair->value, err) == -1)
            return -1;
    }
    if (k->sasl_password != NULL && set(conf, "sasl.password", k->sasl_password, err) == -1)
        return -1;
    return 0;
}

static int
set_producer(const struct kafka *k, rd_kafka_conf_t *conf, struct error *err)
{
    const char *largest = pair_find(k->settings->topic_options, "max.message.bytes");

    if (set_all(conf, settings_producer, err) == -1 ||
        set(conf, "transactional.id", k->transactional_id, err) == -1 ||
        set_int(conf, "transaction.timeout.ms", k->settings->transaction_timeout, err) == -1 ||
        set(conf, "enable.idempotence", "true", err) == -1 ||
        set(conf, "delivery.report.only.error", "true", err) == -1 ||
        set(conf, "allow.auto.create.topics", "false", err) == -1)
        return -1;
    /* Who makes topics for large rows wants to send large rows. */
    if (largest != NULL && set(conf, "message.max.bytes", largest, err) == -1)
        return -1;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    rd_kafka_conf_interceptor_add_on_new(conf, "rowferry", on_new, (void *)(uintptr_t)k);
    return 0;
}

static int
set_consumer(rd_kafka_conf_t *conf, struct error *err)
{
    if (set(conf, "enable.partition.eof", "true", err) == -1 ||
        set(conf, "enable.auto.commit", "false", err) == -1 ||
        set(conf, "enable.auto.offset.store", "false", err) == -1 ||
        set(conf, "fetch.wait.max.ms", "10", err) == -1 || /* the end is told after it */
        set(conf, "auto.offset.reset", "earliest", err) == -1 ||
        set(conf, "queued.max.messages.kbytes", "4096", err) == -1 ||
        set(conf, "fetch.message.max.bytes", "1048576", err) == -1)
        return -1;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    return 0;
}

rd_kafka_conf_t *
kafka_conf_new(const struct kafka *k, rd_kafka_type_t type, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_opaque(conf, (void *)(uintptr_t)k);
    if (set_all(conf, settings_common, err) == -1 ||
        set(conf, "bootstrap.servers", k->settings->brokers, err) == -1)
        goto fail;
    if ((type == RD_KAFKA_PRODUCER ? set_producer(k, conf, err) : set_consumer(conf, err)) == -1)
        goto fail;
    if (set_options(k, conf, err) == -1)
        goto fail;
    return conf;

fail:
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* A message larger than the whole queue would wait for room for ever. */
static int
queue_holds_a_message(rd_kafka_conf_t *conf, struct error *err)
{
    char message[32] = "0", queue[32] = "0";
    size_t size = sizeof(message);

    rd_kafka_conf_get(conf, "message.max.bytes", message, &size);
    size = sizeof(queue);
    rd_kafka_conf_get(conf, "queue.buffering.max.kbytes", queue, &size);
    if (strtoll(message, NULL, 10) / 1024 < strtoll(queue, NULL, 10))
        return 0;
    return error_set(err, ERROR_CONFIG, "E_KAFKA_CONFIG",
                     "kafka: message.max.bytes (%s) needs a larger queue.buffering.max.kbytes "
                     "(it is %s): set both in options",
                     message, queue);
}

int
kafka_conf_check(struct kafka *k, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_new(k, RD_KAFKA_PRODUCER, err);
    int done;

    if (conf == NULL)
        return -1;
    done = queue_holds_a_message(conf, err);
    rd_kafka_conf_destroy(conf);
    k->own_partitioner = pair_find(k->settings->options, "partitioner") == NULL;
    return done;
}
