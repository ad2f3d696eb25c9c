/*
 * kafka_producer.c -- one transactional producer: settings, fencing in, errors, commit, the end.
 *
 *     none --start--> starting --init done--> ready --begin--> in transaction --commit--> ready
 *                        |                                          |              |
 *                        +-- still away: ERROR_RETRY, start again   +-- abort      +-- tainted
 *                                                                        both: none
 *
 * Two rules are kept here and nowhere else (reliability.md 2.1):
 *
 * The taint rule. librdkafka may send EndTxn twice, and commit_transaction still says success.
 * The second one can arrive when the next transaction of the same epoch is open and end that
 * one. So an interceptor counts EndTxn requests; after more than one, and after any abort, the
 * producer is destroyed before it begins anything else: the next one has a new epoch.
 *
 * Delivery reports are events, not callbacks, and only failures make one. With callbacks
 * rd_kafka_flush looks every 10 ms whether it is done; with events it waits on a condition and
 * is done at once. The price: a failed message counts as unsent until its event is taken, so
 * we drain by ourselves before commit_transaction, which would else wait for its time-out.
 *
 * Threads: the sink's. librdkafka's own threads call only on_log and on_request_sent.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"

enum {
    INIT_SLICE_MS = 1000,   /* one call of init_transactions */
    INIT_CALL_MS = 5000,    /* all of them in one fence; then the caller may look at its stop flag */
    INIT_GIVE_UP_MS = 90000, /* a producer that never gets ready is made anew */
    DRAIN_SLICE_MS = 100,
    ABORT_MS = 3000,
    API_KEY_END_TXN = 26,
};

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

/* ---- settings ---- */

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

/* ---- errors ---- */

struct meaning {
    rd_kafka_resp_err_t code;
    enum error_kind kind;
    const char *name;
};

/* What is not here is ERROR_REWIND: the outcome counts as unknown until it has been read. */
static const struct meaning meanings[] = {
    {RD_KAFKA_RESP_ERR__FENCED, ERROR_FENCED, "E_FENCED"},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERROR_FENCED, "E_FENCED"},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ERROR_FENCED, "E_FENCED"},

    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERROR_DATA, "E_MESSAGE_TOO_LARGE"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ERROR_DATA, "E_MESSAGE_TOO_LARGE"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, ERROR_DATA, "E_MESSAGE_REFUSED"},

    {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ERROR_CONFIG, "E_KAFKA_AUTH"},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, ERROR_CONFIG, "E_KAFKA_AUTH"},

    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, ERROR_CONFIG, "E_KAFKA_CONFIG"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, ERROR_CONFIG, "E_KAFKA_CONFIG"},
    {RD_KAFKA_RESP_ERR__NOT_CONFIGURED, ERROR_CONFIG, "E_KAFKA_CONFIG"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ERROR_CONFIG, "E_KAFKA_VERSION"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ERROR_CONFIG, "E_KAFKA_VERSION"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, ERROR_CONFIG, "E_KAFKA_VERSION"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ERROR_CONFIG, "E_TOPIC_NAME"},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ERROR_CONFIG, "E_TOPIC_CREATE"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ERROR_CONFIG, "E_TOPIC_CREATE"},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, ERROR_CONFIG, "E_TOPIC_CREATE"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERROR_CONFIG, "E_TOPIC_CREATE"},

    {RD_KAFKA_RESP_ERR__TRANSPORT, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__RESOLVE, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__SSL, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ERROR_RETRY, "E_KAFKA_REPLICAS"},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ERROR_RETRY, "E_KAFKA_REPLICAS"},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_NOT_CONTROLLER, ERROR_RETRY, "E_KAFKA_AWAY"},
    {RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, ERROR_RETRY, "E_KAFKA_AWAY"},

    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERROR_REWIND, "E_TOPIC_MISSING"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERROR_REWIND, "E_TOPIC_MISSING"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERROR_REWIND, "E_TOPIC_MISSING"},
};

static const struct meaning *
meaning_of(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].code == code)
            return &meanings[i];
    }
    return NULL;
}

/*
 * "Fenced" has two causes that librdkafka can't tell apart: another instance, or the
 * coordinator, which gives our transaction a new epoch when it is older than its time-out.
 * A transaction that old may have met either; the lease, asked in the rewind, knows which.
 */
static bool
transaction_expired(const struct kafka *k)
{
    return k->in_transaction &&
           clock_monotonic_ms() - k->transaction_since >= k->settings->transaction_timeout;
}

int
kafka_error_code(struct kafka *k, rd_kafka_resp_err_t code, const char *what, const char *text,
                 struct error *err)
{
    const struct meaning *meaning = meaning_of(code);

    if (meaning == NULL)
        return error_set(err, ERROR_REWIND, "E_KAFKA", "kafka: %s: %s (%s)", what, text,
                         rd_kafka_err2name(code));
    if (meaning->kind == ERROR_FENCED && transaction_expired(k))
        return error_set(err, ERROR_REWIND, "E_TRANSACTION_TIMEOUT",
                         "kafka: %s: the transaction was open for longer than its time-out of "
                         "%" PRId64 " ms (%s)",
                         what, k->settings->transaction_timeout, rd_kafka_err2name(code));
    if (meaning->kind == ERROR_FENCED)
        return error_set(err, ERROR_FENCED, meaning->name,
                         "kafka: %s: another instance writes with the transactional id %s (%s)",
                         what, k->transactional_id, rd_kafka_err2name(code));
    return error_set(err, meaning->kind, meaning->name, "kafka: %s: %s (%s)", what, text,
                     rd_kafka_err2name(code));
}

int
kafka_error_from(struct kafka *k, rd_kafka_error_t *error, const char *what, struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    char text[400];

    snprintf(text, sizeof(text), "%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    if (code == RD_KAFKA_RESP_ERR__FATAL && k->producer != NULL)
        code = rd_kafka_fatal_error(k->producer, text, sizeof(text));
    return kafka_error_code(k, code, what, text, err);
}

int
kafka_error_away(struct kafka *k, const char *what, const char *text, struct error *err)
{
    if (k->last_error[0] != '\0')
        text = k->last_error;
    return error_set(err, k->last_error_auth ? ERROR_CONFIG : ERROR_RETRY,
                     k->last_error_auth ? "E_KAFKA_AUTH" : "E_KAFKA_AWAY",
                     "kafka: brokers %s: %s: %s", k->settings->brokers, what, text);
}

/* ---- what librdkafka has to say ---- */

/* The event list that this pointer points into; NULL: none that is still ours. */
static const struct kafka_written *
written_find(const struct kafka *k, const struct event *event)
{
    for (size_t i = 0; i < k->nwritten; i++) {
        const struct events *events = k->written[i].events;
        if (event >= events->at && event < events->at + events->count)
            return &k->written[i];
    }
    return NULL;
}

static void
describe_message(const struct kafka *k, const rd_kafka_message_t *message, char *text, size_t size)
{
    const struct event *event = message->_private;
    const struct kafka_written *written = written_find(k, event);
    const struct relation *relation;
    char id[EVENT_ID_MAX] = "";

    if (written == NULL) {
        snprintf(text, size, "topic %s", rd_kafka_topic_name(message->rkt));
        return;
    }
    relation = written->batch->frames[event->frame].relation;
    event_id_print(written->batch, event, id);
    snprintf(text, size, "table %s.%s, topic %s, event %s", relation ? relation->schema : "?",
             relation ? relation->table : "?", rd_kafka_topic_name(message->rkt), id);
}

/*
 * A broker refuses a whole request for the one message in it that can't pass. The largest one is
 * at fault for the size, one without a key when the record is not valid (compacted topics want
 * one); otherwise the first failure is as good as any.
 */
static size_t
guilt_of(const rd_kafka_message_t *message)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return 1 + message->len + message->key_len;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return message->key == NULL ? 2 : 1;
    default:
        return 1;
    }
}

static void
reason_of(struct kafka *k, const rd_kafka_message_t *message, char *text, size_t size)
{
    if (message->err == RD_KAFKA_RESP_ERR__FATAL)
        rd_kafka_fatal_error(k->producer, text, size);
    else if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        snprintf(text, size,
                 "%zu bytes, or the request that they were in, are more than the topic takes: "
                 "raise its max.message.bytes, or lower batch.size in options",
                 message->len + message->key_len);
    else if (message->err == RD_KAFKA_RESP_ERR_INVALID_RECORD && message->key == NULL)
        snprintf(text, size, "the topic takes no message without a key (cleanup.policy=compact)");
    else
        snprintf(text, size, "%s", rd_kafka_err2str(message->err));
}

static void
note_delivery(struct kafka *k, const rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t code = message->err;
    size_t guilt = guilt_of(message);
    char text[300], what[400];

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    if (k->trouble.kind != ERROR_NONE && guilt <= k->trouble_guilt)
        return;
    reason_of(k, message, text, sizeof(text));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        code = rd_kafka_fatal_error(k->producer, what, sizeof(what));
    describe_message(k, message, what, sizeof(what));
    kafka_error_code(k, code, what, text, &k->trouble);
    k->trouble_guilt = guilt;
}

void
kafka_note_error(struct kafka *k, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const struct meaning *meaning;
    char text[256];

    if (rd_kafka_event_error_is_fatal(event) || code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(k->producer, text, sizeof(text));
        if (k->trouble.kind == ERROR_NONE)
            kafka_error_code(k, code, "the producer", text, &k->trouble);
        return;
    }
    meaning = meaning_of(code);
    /* "all brokers are down" follows the reason; keep the reason. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->last_error[0] != '\0')
        return;
    snprintf(k->last_error, sizeof(k->last_error), "%s", rd_kafka_event_error_string(event));
    k->last_error_auth = meaning != NULL && strcmp(meaning->name, "E_KAFKA_AUTH") == 0;
    log_debug("kafka", "sink=%s %s: %s", k->base.name, rd_kafka_err2name(code), k->last_error);
}

void
kafka_producer_serve(struct kafka *k, int timeout_ms)
{
    rd_kafka_event_t *event;
    const rd_kafka_message_t *message;

    while ((event = rd_kafka_queue_poll(k->events, timeout_ms)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
            while ((message = rd_kafka_event_message_next(event)) != NULL)
                note_delivery(k, message);
        } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
            kafka_note_error(k, event);
        }
        rd_kafka_event_destroy(event);
        timeout_ms = 0;
    }
}

int
kafka_producer_trouble(struct kafka *k, struct error *err)
{
    if (k->trouble.kind == ERROR_NONE)
        return 0;
    if (err != NULL)
        *err = k->trouble;
    return -1;
}

/* ---- start and end ---- */

void
kafka_producer_close(struct kafka *k)
{
    if (k->producer == NULL)
        return;
    kafka_topics_unbind(k);
    if (k->offsets_handle != NULL)
        rd_kafka_topic_destroy(k->offsets_handle);
    if (k->events != NULL)
        rd_kafka_queue_destroy(k->events);
    rd_kafka_destroy(k->producer);
    k->offsets_handle = NULL;
    k->events = NULL;
    k->producer = NULL;
    k->in_transaction = false;
    k->tainted = false;
    k->incomplete = false;
    k->starting_since = 0;
    k->nwritten = 0; /* every thread that knew a message has ended */
    k->trouble.kind = ERROR_NONE;
}

static int
producer_new(struct kafka *k, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_new(k, RD_KAFKA_PRODUCER, err);
    char text[256];

    if (conf == NULL)
        return -1;
    k->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (k->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_CONFIG, "E_KAFKA_CONFIG", "kafka: %s", text);
    }
    k->events = rd_kafka_queue_get_main(k->producer);
    k->generation++;
    k->starting_since = clock_monotonic_ms();
    k->last_error[0] = '\0';
    k->last_error_auth = false;
    atomic_store(&k->endtxn_sent, 0);
    return 0;
}

int
kafka_producer_start(struct kafka *k, struct error *err)
{
    int64_t now = clock_monotonic_ms();
    rd_kafka_error_t *error;
    char text[256];

    if (k->starting_since == 0 || now - k->starting_since > INIT_GIVE_UP_MS) {
        kafka_producer_close(k);
        if (producer_new(k, err) == -1)
            return -1;
    }
    for (;;) {
        error = rd_kafka_init_transactions(k->producer, INIT_SLICE_MS);
        kafka_producer_serve(k, 0);
        if (error == NULL)
            break;
        if (rd_kafka_error_is_fatal(error) || !rd_kafka_error_is_retriable(error)) {
            kafka_error_from(k, error, "starting transactions", err);
            kafka_producer_close(k);
            return -1;
        }
        snprintf(text, sizeof(text), "%s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        if (clock_monotonic_ms() - now >= INIT_CALL_MS || k->last_error_auth)
            return kafka_error_away(k, "can't start transactions", text, err);
    }
    k->starting_since = 0;
    k->trouble.kind = ERROR_NONE;
    if (failpoint("k.init"))
        return error_set(err, ERROR_REWIND, "E_FAILPOINT", "kafka: failpoint k.init");
    return 0;
}

/* ---- the transaction ---- */

int
kafka_producer_begin(struct kafka *k, struct error *err)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(k->producer);

    if (error != NULL)
        return kafka_error_from(k, error, "beginning a transaction", err);
    k->in_transaction = true;
    k->transaction_since = clock_monotonic_ms();
    k->trouble.kind = ERROR_NONE;
    k->trouble_guilt = 0;
    k->nwritten = 0;
    atomic_store(&k->endtxn_sent, 0);
    if (failpoint("k.begin"))
        return error_set(err, ERROR_REWIND, "E_FAILPOINT", "kafka: failpoint k.begin");
    return 0;
}

/*
 * Has the transaction failed behind our back (a partition that may not be written, a lost
 * producer id)? Its messages then stay queued and nothing is reported. The question has no
 * call of its own; beginning a second transaction changes nothing and is refused with the
 * reason.
 */
static int
transaction_state(struct kafka *k, struct error *err)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(k->producer);

    if (error == NULL)
        return error_set(err, ERROR_FATAL, "E_KAFKA", "kafka: the transaction is not open");
    if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__STATE &&
        !rd_kafka_error_is_fatal(error) && !rd_kafka_error_txn_requires_abort(error)) {
        rd_kafka_error_destroy(error);
        return 0;
    }
    return kafka_error_from(k, error, "the transaction", err);
}

int
kafka_producer_refused(struct kafka *k, rd_kafka_resp_err_t code, const char *what,
                       struct error *err)
{
    char text[300];

    kafka_producer_serve(k, 0);
    if (kafka_producer_trouble(k, err) == -1)
        return -1;
    if (code == RD_KAFKA_RESP_ERR__STATE && transaction_state(k, err) == -1)
        return -1;
    snprintf(text, sizeof(text), "%s", rd_kafka_err2str(code));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        code = rd_kafka_fatal_error(k->producer, text, sizeof(text));
    return kafka_error_code(k, code, what, text, err);
}

int
kafka_producer_drain(struct kafka *k, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + k->settings->transaction_timeout;
    rd_kafka_resp_err_t code;

    for (;;) {
        code = rd_kafka_flush(k->producer, DRAIN_SLICE_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            kafka_producer_serve(k, 0);
        if (kafka_producer_trouble(k, err) == -1)
            return -1;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return 0;
        if (k->in_transaction && transaction_state(k, err) == -1)
            return -1;
        if (clock_monotonic_ms() > deadline)
            return error_set(err, ERROR_RETRY, "E_KAFKA_AWAY",
                             "kafka: messages were not acknowledged for %" PRId64 " ms: %s",
                             k->settings->transaction_timeout, k->last_error);
    }
}

static bool
may_ask_again(rd_kafka_error_t *error, int64_t deadline)
{
    return rd_kafka_error_is_retriable(error) && !rd_kafka_error_is_fatal(error) &&
           !rd_kafka_error_txn_requires_abort(error) && clock_monotonic_ms() < deadline;
}

int
kafka_producer_commit(struct kafka *k, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + 2 * k->settings->transaction_timeout;
    rd_kafka_error_t *error;
    bool certain;

    if (kafka_producer_drain(k, err) == -1)
        return -1;
    while ((error = rd_kafka_commit_transaction(k->producer, -1)) != NULL) {
        kafka_producer_serve(k, 0);
        if (may_ask_again(error, deadline)) {
            rd_kafka_error_destroy(error);
            continue;
        }
        certain = rd_kafka_error_txn_requires_abort(error);
        kafka_error_from(k, error, "committing", err);
        if (certain && kafka_producer_trouble(k, err) == -1)
            return -1;
        /* Asked and not answered: only the far side knows, after a fence. */
        if (err != NULL && err->kind == ERROR_RETRY)
            err->kind = ERROR_REWIND;
        return -1;
    }
    k->in_transaction = false;
    k->nwritten = 0;
#ifndef MUTANT_NO_TAINT
    k->tainted = atomic_load(&k->endtxn_sent) > 1;
    if (k->tainted)
        log_warn("kafka",
                 "sink=%s EndTxn was sent %u times: the producer is made anew before it is "
                 "used again",
                 k->base.name, atomic_load(&k->endtxn_sent));
#endif
    return 0;
}

/*
 * Abort and destroy. The broker is asked only so that readers need not wait for the
 * transaction's time-out should nobody fence again; the answer does not matter.
 */
void
kafka_producer_abort(struct kafka *k)
{
    char text[8];

    atomic_store(&k->quiet, true);
    if (k->in_transaction && rd_kafka_fatal_error(k->producer, text, sizeof(text)) == 0) {
        int64_t deadline = clock_monotonic_ms() + ABORT_MS;
        rd_kafka_error_t *error;

        rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        do
            kafka_producer_serve(k, 10);
        while (rd_kafka_outq_len(k->producer) > 0 && clock_monotonic_ms() < deadline);
        error = rd_kafka_abort_transaction(k->producer, ABORT_MS);
        if (error != NULL) {
            log_debug("kafka", "sink=%s abort: %s", k->base.name, rd_kafka_error_string(error));
            rd_kafka_error_destroy(error);
        }
    }
    kafka_producer_close(k);
    atomic_store(&k->quiet, false);
}
