/*
 * kafka_topics.c -- data topics: there, counted, and the count the same as it ever was.
 *
 * The order of a key's changes rests on its partition, and that on the number of partitions.
 * So the number is kept in the offsets topic, written in the same transaction as the topic's
 * first data; another number at a later start is E_PARTITIONS_CHANGED. While we run, partitions
 * are chosen by us, by the number found at the start: one that grows meanwhile moves no key.
 *
 * A topic that had a record and is gone is not made again by itself: its data went with it.
 *
 * Threads: the sink's.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cdc/clock.h"
#include "cdc/log.h"

enum {
    METADATA_MS = 5000,
    GONE_MS = 10000,    /* metadata may be wrong for a moment when leaders move */
    CREATED_MS = 20000, /* from the answer to CreateTopics until every broker knows */
    LEADERS_MS = 10000,
};

struct kafka_topic *
kafka_topic_get(struct kafka *k, const char *name, size_t len)
{
    struct kafka_topic *topic;

    for (topic = k->topics; topic != NULL; topic = topic->next) {
        if (strlen(topic->name) == len && memcmp(topic->name, name, len) == 0)
            return topic;
    }
    topic = calloc(1, sizeof(*topic));
    if (topic == NULL)
        return NULL;
    topic->name = strndup(name, len);
    if (topic->name == NULL) {
        free(topic);
        return NULL;
    }
    topic->next = k->topics;
    k->topics = topic;
    return topic;
}

/* Before their producer goes. The topics themselves stay: routes point to them. */
void
kafka_topics_unbind(struct kafka *k)
{
    for (struct kafka_topic *topic = k->topics; topic != NULL; topic = topic->next) {
        if (topic->handle != NULL)
            rd_kafka_topic_destroy(topic->handle);
        topic->handle = NULL;
        topic->generation = 0;
    }
}

void
kafka_topics_free(struct kafka *k)
{
    while (k->topics != NULL) {
        struct kafka_topic *topic = k->topics;

        k->topics = topic->next;
        free(topic->name);
        free(topic);
    }
}

/*
 * MurmurHash2, 32 bits, with the seed and the byte order of Kafka's Java client; its sign bit
 * is dropped as there. The test has values from the Java client.
 */
static uint32_t
murmur2(const uint8_t *at, size_t len)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)len, word;

    for (; len >= 4; at += 4, len -= 4) {
        memcpy(&word, at, 4);
        word *= m;
        word ^= word >> 24;
        word *= m;
        h = h * m ^ word;
    }
    if (len >= 3)
        h ^= (uint32_t)at[2] << 16;
    if (len >= 2)
        h ^= (uint32_t)at[1] << 8;
    if (len >= 1)
        h = (h ^ at[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t
kafka_topic_partition(const struct kafka_topic *topic, const void *key, size_t len)
{
    if (topic->partitions == 1)
        return 0;
    return (int32_t)((murmur2(key, len) & 0x7fffffff) % (uint32_t)topic->partitions);
}

static int
lookup_error(struct kafka *k, const char *name, rd_kafka_resp_err_t code, struct error *err)
{
    if (kafka_error_code(k, code, name, rd_kafka_err2str(code), err) == -1 && err != NULL &&
        (err->kind == ERROR_REWIND || err->kind == ERROR_FENCED))
        err->kind = ERROR_RETRY; /* a question has no outcome that could be in doubt */
    return -1;
}

int
kafka_topic_lookup(struct kafka *k, rd_kafka_t *rk, const char *name, int32_t *partitions,
                   bool *led, struct error *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code;

    if (handle == NULL)
        return error_set(err, ERROR_CONFIG, "E_TOPIC_NAME", "kafka: topic %s: %s", name,
                         rd_kafka_err2str(rd_kafka_last_error()));
    code = rd_kafka_metadata(rk, 0, handle, &metadata, METADATA_MS);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return lookup_error(k, name, code, err);
    *partitions = 0;
    if (led != NULL)
        *led = true;
    if (metadata->topic_cnt == 1) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];

        code = topic->err;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
            *partitions = topic->partition_cnt;
        for (int i = 0; led != NULL && i < topic->partition_cnt; i++) {
            if (topic->partitions[i].leader < 0)
                *led = false;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
        code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return 0;
    return lookup_error(k, name, code, err);
}

static void
pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* It was created: wait until it can be written to, so that the first message need not. */
int
kafka_topic_await(struct kafka *k, const char *name, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + CREATED_MS;
    int32_t partitions = 0;
    bool led = false;

    while (clock_monotonic_ms() < deadline) {
        if (kafka_topic_lookup(k, k->producer, name, &partitions, &led, err) == -1)
            return -1;
        if (partitions > 0 && led)
            return 0;
        pause_ms(20);
    }
    return error_set(err, ERROR_RETRY, "E_KAFKA_AWAY",
                     "kafka: topic %s was created and does not appear", name);
}

static int
create(struct kafka *k, const struct kafka_topic *topic, struct error *err)
{
    const struct kafka_settings *set = k->settings;
    struct kafka_new_topic wanted = {
        .name = topic->name,
        .partitions = set->partitions == 0 ? -1 : (int)set->partitions,
        .replication = (int)set->replication,
        .settings = set->topic_options,
    };

    if (!set->create_topics)
        return error_set(err, ERROR_CONFIG, "E_TOPIC_MISSING",
                         "kafka: topic %s does not exist and create_topics is false: create it",
                         topic->name);
    if (kafka_admin_create(k, k->producer, &wanted, err) == -1)
        return -1;
    log_info("kafka", "sink=%s topic=%s created", k->base.name, topic->name);
    return 0;
}

/* Wait until the topic is there and every partition has a leader, creating it if we may. */
static int
find_topic(struct kafka *k, struct kafka_topic *topic, struct error *err)
{
    bool may_create = topic->recorded == 0 || k->settings->accept_repartition;
    int64_t since = clock_monotonic_ms();
    bool led = false;

    for (;; pause_ms(50)) {
        int64_t waited = clock_monotonic_ms() - since;

        if (kafka_topic_lookup(k, k->producer, topic->name, &topic->partitions, &led, err) == -1)
            return -1;
        /* A partition that stays without a leader is librdkafka's to wait for. */
        if (topic->partitions > 0 && (led || waited > LEADERS_MS))
            return 0;
        if (topic->partitions > 0)
            continue;
        if (may_create) {
            if (create(k, topic, err) == -1 || kafka_topic_await(k, topic->name, err) == -1)
                return -1;
        } else if (waited > GONE_MS) {
            return error_set(err, ERROR_REFUSED, "E_TOPIC_MISSING",
                             "kafka: topic %s had %" PRId32 " partitions and does not exist any "
                             "more; what was in it is gone. Create it, or set "
                             "accept_repartition: true to go on with an empty one",
                             topic->name, topic->recorded);
        }
    }
}

static int
compare_with_record(struct kafka *k, struct kafka_topic *topic, struct error *err)
{
    if (topic->recorded == topic->partitions)
        return 0;
    if (topic->recorded != 0 && !k->settings->accept_repartition)
        return error_set(err, ERROR_REFUSED, "E_PARTITIONS_CHANGED",
                         "kafka: topic %s had %" PRId32 " partitions and has %" PRId32 " now: "
                         "changes of one key would be in two partitions, in no order. If its "
                         "readers can bear that, set accept_repartition: true",
                         topic->name, topic->recorded, topic->partitions);
    if (topic->recorded != 0)
        log_warn("kafka",
                 "sink=%s topic=%s partitions=%" PRId32 " before=%" PRId32
                 " accepted: keys move to other partitions",
                 k->base.name, topic->name, topic->partitions, topic->recorded);
    topic->to_record = true;
    return 0;
}

int
kafka_topic_bind(struct kafka *k, struct kafka_topic *topic, struct error *err)
{
    if (topic->generation == k->generation)
        return 0;
    if (find_topic(k, topic, err) == -1 || compare_with_record(k, topic, err) == -1)
        return -1;
    topic->handle = rd_kafka_topic_new(k->producer, topic->name, NULL);
    if (topic->handle == NULL)
        return error_set(err, ERROR_CONFIG, "E_TOPIC_NAME", "kafka: topic %s: %s", topic->name,
                         rd_kafka_err2str(rd_kafka_last_error()));
    topic->generation = k->generation;
    return 0;
}
