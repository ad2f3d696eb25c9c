/*
 * kafka_producer.c -- one transactional producer: fencing in, what it reports, commit, the end.
 *
 *     none --start--> starting --init done--> ready --begin--> in transaction --commit--> ready
 *                        |                                          |              |
 *                        +-- still away: ERROR_RETRY, start again   +-- abort      +-- tainted
 *                                                                        both: none
 *
 * Two rules are kept here and nowhere else (docs/exactly-once.md says why):
 *
 * The taint rule. librdkafka may send EndTxn twice, and commit_transaction still says success.
 * The second one can arrive when the next transaction of the same epoch is open and end that
 * one. So an interceptor (kafka_conf.c) counts EndTxn requests; after more than one, and after
 * any abort, the producer is destroyed before it begins anything else: the next one has a new
 * epoch.
 *
 * Delivery reports are events, not callbacks, and only failures make one. With callbacks
 * rd_kafka_flush looks every 10 ms whether it is done; with events it waits on a condition and
 * is done at once. The price: a failed message counts as unsent until its event is taken, so
 * we drain by ourselves before commit_transaction, which would else wait for its time-out.
 *
 * Threads: the sink's. librdkafka's own threads are met in kafka_conf.c only.
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
};

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
    char text[256];

    if (rd_kafka_event_error_is_fatal(event) || code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(k->producer, text, sizeof(text));
        if (k->trouble.kind == ERROR_NONE)
            kafka_error_code(k, code, "the producer", text, &k->trouble);
        return;
    }
    /* "all brokers are down" follows the reason; keep the reason. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->last_error[0] != '\0')
        return;
    snprintf(k->last_error, sizeof(k->last_error), "%s", rd_kafka_event_error_string(event));
    k->last_error_auth = kafka_error_is_auth(code);
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
