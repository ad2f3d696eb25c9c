/*
 * kafka_error.c -- librdkafka's error codes: what each of them means for the pipeline.
 *
 * Threads: the sink's.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/clock.h"

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

bool
kafka_error_is_auth(rd_kafka_resp_err_t code)
{
    const struct meaning *meaning = meaning_of(code);

    return meaning != NULL && strcmp(meaning->name, "E_KAFKA_AUTH") == 0;
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
