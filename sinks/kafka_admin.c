/*
 * kafka_admin.c -- creating and deleting topics, `check`, `remove`.
 *
 * Every request goes out, and its one result is waited for here; nothing runs on afterwards.
 * check and remove use a handle of their own and never the transactional id: asking must not
 * fence the instance that is running.
 *
 * Threads: the sink's, or the command's before the sink has one.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/log.h"
#include "cdc/report.h"

enum { ADMIN_MS = 15000, ASK_MS = 5000 };

int
kafka_admin_brokers(rd_kafka_t *rk, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int brokers;

    if (rd_kafka_metadata(rk, 0, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    brokers = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return brokers;
}

static rd_kafka_AdminOptions_t *
admin_options(rd_kafka_t *rk, rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, op);

    rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_MS, NULL, 0);
    rd_kafka_AdminOptions_set_operation_timeout(options, ADMIN_MS - 5000, NULL, 0);
    return options;
}

/* The answer to a request; NULL with *err when there is none. */
static rd_kafka_event_t *
admin_wait(struct kafka *k, rd_kafka_queue_t *queue, const char *what, struct error *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS + 1000);
    rd_kafka_resp_err_t code;

    if (event == NULL) {
        kafka_error_away(k, what, "no answer", err);
        return NULL;
    }
    code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    kafka_error_code(k, code, what, rd_kafka_event_error_string(event), err);
    if (err != NULL && err->kind == ERROR_REWIND)
        err->kind = ERROR_RETRY;
    rd_kafka_event_destroy(event);
    return NULL;
}

/* The one topic's own result. */
static int
topic_result(struct kafka *k, const rd_kafka_topic_result_t *const *results, size_t count,
             rd_kafka_resp_err_t fine, const char *what, struct error *err)
{
    rd_kafka_resp_err_t code;
    const char *text;

    if (count != 1)
        return error_set(err, ERROR_RETRY, "E_KAFKA", "kafka: %s: no result", what);
    code = rd_kafka_topic_result_error(results[0]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == fine)
        return 0;
    text = rd_kafka_topic_result_error_string(results[0]);
    kafka_error_code(k, code, what, text != NULL ? text : rd_kafka_err2str(code), err);
    if (err != NULL && err->kind == ERROR_REWIND)
        err->kind = ERROR_RETRY;
    return -1;
}

static rd_kafka_NewTopic_t *
new_topic(rd_kafka_t *rk, const struct kafka_new_topic *wanted, struct error *err)
{
    int replication = wanted->replication;
    rd_kafka_NewTopic_t *topic;
    char text[256] = "";

    if (replication == 0) {
        int brokers = kafka_admin_brokers(rk, ASK_MS);
        replication = brokers >= 3 ? 3 : brokers > 0 ? brokers : 1;
    }
    topic = rd_kafka_NewTopic_new(wanted->name, wanted->partitions, replication, text, sizeof(text));
    if (topic == NULL) {
        error_set(err, ERROR_CONFIG, "E_TOPIC_CREATE", "kafka: topic %s: %s", wanted->name, text);
        return NULL;
    }
    for (const struct option_pair *pair = wanted->settings; pair != NULL && pair->key != NULL;
         pair++)
        rd_kafka_NewTopic_set_config(topic, pair->key, pair->value);
    return topic;
}

int
kafka_admin_create(struct kafka *k, rd_kafka_t *rk, const struct kafka_new_topic *wanted,
                   struct error *err)
{
    rd_kafka_NewTopic_t *topic = new_topic(rk, wanted, err);
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    char what[320];
    int done = -1;

    if (topic == NULL)
        return -1;
    snprintf(what, sizeof(what), "creating topic %s", wanted->name);
    options = admin_options(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
    event = admin_wait(k, queue, what, err);
    if (event != NULL) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        done = topic_result(k, results, count, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, what, err);
        /* The code of a setting that can't be; but a broker that has just come up passes by itself. */
        if (done == -1 && err->kind == ERROR_CONFIG && strstr(err->text, "currently fenced") != NULL)
            error_set(err, ERROR_RETRY, "E_KAFKA_AWAY", "kafka: %s: all brokers are fenced still", what);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    return done;
}

static int
delete_topic(struct kafka *k, rd_kafka_t *rk, const char *name, struct error *err)
{
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_AdminOptions_t *options = admin_options(rk, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event;
    char what[320];
    int done = -1;

    snprintf(what, sizeof(what), "deleting topic %s", name);
    rd_kafka_DeleteTopics(rk, &topic, 1, options, queue);
    event = admin_wait(k, queue, what, err);
    if (event != NULL) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
        done = topic_result(k, results, count, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, what, err);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy(topic);
    return done;
}

/* A handle for questions: no transactional id, so nobody is fenced by it. */
static rd_kafka_t *
question_handle(struct kafka *k, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_new(k, RD_KAFKA_CONSUMER, err);
    rd_kafka_t *rk;
    char text[256];

    if (conf == NULL)
        return NULL;
    k->last_error[0] = '\0';
    k->last_error_auth = false;
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, ERROR_CONFIG, "E_KAFKA_CONFIG", "kafka: %s", text);
    }
    return rk;
}

static void
take_errors(struct kafka *k, rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(queue, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            kafka_note_error(k, event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

int
kafka_admin_remove(struct kafka *k, bool dry_run, struct buffer *said, struct error *err)
{
    rd_kafka_t *rk = question_handle(k, err);
    int32_t partitions = 0;
    int done;

    if (rk == NULL)
        return -1;
    done = kafka_topic_lookup(k, rk, k->offsets_topic, &partitions, NULL, err);
    if (done == 0 && partitions == 0) {
        buffer_printf(said, "kafka: topic %s does not exist\n", k->offsets_topic);
    } else if (done == 0 && dry_run) {
        buffer_printf(said, "kafka: would delete topic %s\n", k->offsets_topic);
    } else if (done == 0) {
        done = delete_topic(k, rk, k->offsets_topic, err);
        if (done == 0)
            buffer_printf(said, "kafka: deleted topic %s\n", k->offsets_topic);
    } else {
        take_errors(k, rk);
        if (err != NULL && err->kind == ERROR_RETRY)
            kafka_error_away(k, "can't ask for the offsets topic", "no answer", err);
    }
    rd_kafka_destroy(rk);
    return done;
}

/* ---- check ---- */

/* Two known bugs end an exactly-once run with a fatal error before 2.5 (libraries.md 1.2). */
static void
check_library(struct report *report)
{
    char what[128];

    snprintf(what, sizeof(what), "librdkafka %s", rd_kafka_version_str());
    if (rd_kafka_version() >= 0x020500ff)
        report_add(report, FINDING_OK, "", what, NULL);
    else
        report_add(report, FINDING_WARN, "", what,
                   "2.5.3 or later restarts less often after broker trouble and is faster: "
                   "deploy/build-librdkafka.sh");
}

static void
check_replicas(struct kafka *k, rd_kafka_t *rk, int brokers, struct report *report)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, k->offsets_topic, NULL);
    int replicas = 0, partitions = 0;
    char what[400];

    if (handle != NULL &&
        rd_kafka_metadata(rk, 0, handle, &metadata, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0) {
            partitions = metadata->topics[0].partition_cnt;
            replicas = metadata->topics[0].partitions[0].replica_cnt;
        }
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle != NULL)
        rd_kafka_topic_destroy(handle);
    if (partitions == 0) {
        snprintf(what, sizeof(what), "topic %s will be created at the first start",
                 k->offsets_topic);
        report_add(report, brokers >= 3 ? FINDING_OK : FINDING_WARN, "", what,
                   brokers >= 3 ? NULL : "with three brokers the position has three replicas");
        return;
    }
    snprintf(what, sizeof(what), "topic %s: %d partition(s), %d replica(s)", k->offsets_topic,
             partitions, replicas);
    if (partitions != 1)
        report_add(report, FINDING_FAIL, "E_OFFSETS_TOPIC", what,
                   "the offsets topic must have exactly one partition");
    else
        report_add(report, replicas >= 3 ? FINDING_OK : FINDING_WARN, "", what,
                   replicas >= 3 ? NULL : "three replicas survive the loss of a broker");
}

void
kafka_admin_check(struct kafka *k, struct report *report)
{
    struct error err = ERROR_INIT;
    rd_kafka_t *rk = question_handle(k, &err);
    int32_t partitions;
    int brokers;
    char what[400];

    check_library(report);
    if (rk == NULL) {
        report_error(report, &err, NULL);
        return;
    }
    brokers = kafka_admin_brokers(rk, ASK_MS);
    take_errors(k, rk);
    if (brokers == 0) {
        kafka_error_away(k, "can't connect", "no answer", &err);
        report_error(report, &err, "look at brokers, and at the security options");
        rd_kafka_destroy(rk);
        return;
    }
    snprintf(what, sizeof(what), "brokers %s: %d in the cluster", k->settings->brokers, brokers);
    report_add(report, FINDING_OK, "", what, NULL);
    if (kafka_topic_lookup(k, rk, k->offsets_topic, &partitions, NULL, &err) == -1)
        report_error(report, &err,
                     "needed: read, write, describe and create on the offsets topic and on data "
                     "topics; write and describe on the transactional id");
    else
        check_replicas(k, rk, brokers, report);
    rd_kafka_destroy(rk);
}
