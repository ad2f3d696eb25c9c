/*
 * kafka.c -- the Kafka sink: rows and position in one transaction of librdkafka.
 *
 *     fence   a new producer takes the transactional id; what was in doubt is decided
 *     resume  the offsets topic is read to its true end
 *     write   topics are looked up and made; then begin, and one message for each event
 *     commit  the partition counts of new topics, the offset record, EndTxn
 *     abort   the producer goes; the next one has a new epoch
 *
 * Messages point into the batch: librdkafka copies keys and headers, never values. So a batch
 * stays until commit, abort or flush has returned.
 *
 * A producer that is tainted (kafka_producer.c) or gone is replaced before the next
 * transaction, and then the record is read back: if it is not the one we committed, somebody
 * else has written and the pipeline must start over.
 *
 * Threads: open on the main thread, everything else on the sink's.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef MUTANT_NO_FENCE
#include <unistd.h>
#endif

#include "cdc/clock.h"
#include "cdc/config.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"
#include "cdc/report.h"

enum {
    LIBRARY_LEAST = 0x010900ff, /* 1.8 and 1.9 mended silent loss in transactions */
    QUEUE_FULL_WAIT_MS = 2,
    QUEUE_FULL_FLUSH_MS = 10,
    QUEUE_FULL_MAX_MS = 15000,
};

static const char event_id_header[] = "rowferry.id";
static const char query_header[] = "rowferry.query";

/* ---- options ---- */

#define AT(field) offsetof(struct kafka_settings, field)

static const struct option kafka_options[] = {
    {.name = "brokers", .type = OPTION_STRING, .offset = AT(brokers), .required = true,
     .help = "host:port of one or more brokers, with commas between them"},
    {.name = "options", .type = OPTION_MAP, .offset = AT(options), .secret = true,
     .help = "anything librdkafka knows: security.protocol, sasl.mechanism, compression.type, "
             "linger.ms ..."},
    {.name = "sasl_password_file", .type = OPTION_PATH, .offset = AT(sasl_password_file),
     .help = "file with the password for SASL"},
    {.name = "partitions", .type = OPTION_INT, .fallback = "0", .offset = AT(partitions),
     .max = 100000, .help = "partitions of a topic that is created; 0: the broker's default"},
    {.name = "replication", .type = OPTION_INT, .fallback = "0", .offset = AT(replication),
     .max = 100, .help = "replicas of a topic that is created; 0: three, or as many as there are "
                         "brokers"},
    {.name = "topic_options", .type = OPTION_MAP, .offset = AT(topic_options),
     .help = "settings of a topic that is created: retention.ms, max.message.bytes ..."},
    {.name = "create_topics", .type = OPTION_BOOL, .fallback = "true",
     .offset = AT(create_topics), .help = "create topics that do not exist"},
    {.name = "accept_repartition", .type = OPTION_BOOL, .fallback = "false",
     .offset = AT(accept_repartition),
     .help = "go on when a topic's number of partitions has changed, though keys move"},
    {.name = "event_id", .type = OPTION_BOOL, .fallback = "true", .offset = AT(event_id),
     .help = "a header rowferry.id with each message: position and index, the same for ever"},
    {.name = "offsets_topic", .type = OPTION_STRING, .offset = AT(offsets_topic),
     .help = "where the position is kept; rowferry.<pipeline>.<sink>.offsets unless given"},
    {.name = "transactional_id", .type = OPTION_STRING, .offset = AT(transactional_id),
     .help = "rowferry.<pipeline>.<sink> unless given"},
    {.name = "transaction_timeout", .type = OPTION_DURATION, .fallback = "60s",
     .offset = AT(transaction_timeout), .min = 1000, .max = 900000,
     .help = "after this the broker ends a transaction of a writer that is gone"},
    {.name = NULL},
};

#undef AT

/* ---- open and close ---- */

static void
kafka_close(struct sink *sink)
{
    struct kafka *k = kafka_from(sink);

    if (k == NULL)
        return;
    if (k->in_transaction)
        kafka_producer_abort(k);
    kafka_producer_close(k);
    kafka_topics_free(k);
    config_secret_free(k->sasl_password);
    buffer_free(&k->scratch);
    offset_clear(&k->last);
    offset_clear(&k->next);
    free(k->written);
    free(k->offsets_topic);
    free(k->transactional_id);
    free(k->key);
    free(k);
}

/* What the configuration says, or `head`pipeline`between`sink`tail`. */
static char *
make_name(const struct sink_context *context, const char *given, const char *head,
          const char *between, const char *tail)
{
    char *text = NULL;

    if (given != NULL && given[0] != '\0')
        return strdup(given);
    if (asprintf(&text, "%s%s%s%s%s", head, context->pipeline, between, context->name, tail) == -1)
        return NULL;
    return text;
}

static int
make_names(struct kafka *k, const struct sink_context *context, struct error *err)
{
    const struct kafka_settings *set = k->settings;

    k->offsets_topic = make_name(context, set->offsets_topic, "rowferry.", ".", ".offsets");
    k->transactional_id = make_name(context, set->transactional_id, "rowferry.", ".", "");
    k->key = make_name(context, NULL, "", "/", "");
#ifdef MUTANT_NO_FENCE
    free(k->transactional_id);
    if (asprintf(&k->transactional_id, "mutant.%d.%" PRId64, (int)getpid(), clock_wall_us()) == -1)
        k->transactional_id = NULL;
#endif
    if (k->offsets_topic == NULL || k->transactional_id == NULL || k->key == NULL)
        return error_set(err, ERROR_FATAL, "", "kafka: out of memory");
    return 0;
}

static int
kafka_open(struct sink **out, const struct sink_context *context, struct error *err)
{
    struct kafka *k;

    if (rd_kafka_version() < LIBRARY_LEAST)
        return error_set(err, ERROR_CONFIG, "E_KAFKA_LIBRARY",
                         "kafka: librdkafka %s loses messages in transactions; 1.9.0 is the "
                         "least that will do",
                         rd_kafka_version_str());
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        return error_set(err, ERROR_FATAL, "", "kafka: out of memory");
    k->base = (struct sink){.ops = &sink_kafka, .name = context->name};
    k->settings = context->settings;
    k->pipeline = context->pipeline;
    if (make_names(k, context, err) == -1)
        goto fail;
    if (k->settings->sasl_password_file != NULL && k->settings->sasl_password_file[0] != '\0') {
        k->sasl_password = config_secret(k->settings->sasl_password_file, err);
        if (k->sasl_password == NULL)
            goto fail;
    }
    if (kafka_conf_check(k, err) == -1)
        goto fail;
    *out = &k->base;
    return 0;

fail:
    kafka_close(&k->base);
    return -1;
}

/* ---- taking over ---- */

static int
kafka_fence(struct sink *sink, struct error *err)
{
    struct kafka *k = kafka_from(sink);

    k->known = false;
    if (k->in_transaction)
        kafka_producer_abort(k);
    if (kafka_producer_start(k, err) == -1)
        return -1;
    return kafka_offsets_ensure(k, err);
}

static int
kafka_resume(struct sink *sink, struct offset *out, struct error *err)
{
    struct kafka *k = kafka_from(sink);

    if (kafka_offsets_read(k, err) == -1)
        return -1;
    *out = (struct offset){.state = OFFSET_NONE};
    offset_copy(out, &k->last);
    return 0;
}

static bool
same_record(const struct offset *a, const struct offset *b)
{
    return a->state == b->state && a->epoch == b->epoch && a->batch_no == b->batch_no &&
           a->written_us == b->written_us && position_equal(&a->position, &b->position);
}

/* A producer for the next transaction. */
static int
renew(struct kafka *k, struct error *err)
{
    struct offset mine = {.state = OFFSET_NONE};
    bool compare = k->known;
    int rc = 0;

    if (k->tainted)
        kafka_producer_close(k);
    if (k->producer != NULL && k->starting_since == 0 && k->known)
        return 0;
    if ((k->producer == NULL || k->starting_since != 0) && kafka_producer_start(k, err) == -1)
        return -1;
    offset_copy(&mine, &k->last);
    if (kafka_offsets_read(k, err) == -1) {
        kafka_producer_close(k); /* so that the next call compares again */
        k->known = compare;
        offset_move(&k->last, &mine);
        return -1;
    }
    if (compare && !same_record(&mine, &k->last))
        rc = error_set(err, ERROR_REWIND, "E_POSITION_MOVED",
                       "kafka: topic %s: the position is not the one that this sink committed",
                       k->offsets_topic);
    offset_clear(&mine);
    return rc;
}

/* ---- writing ---- */

/* All topics of these events are there before the first message: what has to be created must
 * not use up the transaction's time. */
static int
bind_topics(struct kafka *k, const struct event *event, const struct event *end,
            struct error *err)
{
    const struct route *before = NULL;

    for (; event < end; event++) {
        struct kafka_topic *topic;

        if (event->route == before)
            continue;
        before = event->route;
        topic = atomic_load_explicit(&event->route->handle, memory_order_relaxed);
        if (topic == NULL) {
            topic = kafka_topic_get(k, event->route->topic, strlen(event->route->topic));
            if (topic == NULL)
                return error_set(err, ERROR_FATAL, "", "kafka: out of memory");
            atomic_store_explicit(&event->route->handle, topic, memory_order_relaxed);
        }
        if (kafka_topic_bind(k, topic, err) == -1)
            return -1;
    }
    return 0;
}

static int
remember(struct kafka *k, const struct batch *batch, const struct events *events,
         struct error *err)
{
    if (k->nwritten == k->written_cap) {
        size_t cap = k->written_cap == 0 ? 64 : 2 * k->written_cap;
        struct kafka_written *grown = realloc(k->written, cap * sizeof(*grown));

        if (grown == NULL)
            return error_set(err, ERROR_FATAL, "", "kafka: out of memory");
        k->written = grown;
        k->written_cap = cap;
    }
    k->written[k->nwritten++] = (struct kafka_written){batch, events};
    return 0;
}

/* Why a message was not taken. */
static int
refused(struct kafka *k, rd_kafka_error_t *error, const struct batch *batch,
        const struct event *event, struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const struct relation *relation = batch->frames[event->frame].relation;
    char id[EVENT_ID_MAX] = "", what[500];

    rd_kafka_error_destroy(error);
    event_id_print(batch, event, id);
    snprintf(what, sizeof(what), "table %s.%s, topic %s, event %s",
             relation != NULL ? relation->schema : "?", relation != NULL ? relation->table : "?",
             event->route->topic, id);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return error_set(err, ERROR_DATA, "E_MESSAGE_TOO_LARGE",
                         "kafka: %s: %" PRIu32 " bytes are more than message.max.bytes in "
                         "options allows (and the topic's max.message.bytes must allow it)",
                         what, event->key_length + event->value_length);
    return kafka_producer_refused(k, code, what, err);
}

/*
 * The queue is full: librdkafka is at work, or the brokers are away, or the messages are spread
 * over so many partitions that none has enough for a request and all wait for their linger
 * time; the flush ends that.
 */
static int
wait_for_room(struct kafka *k, int64_t *since, struct error *err)
{
    int64_t now = clock_monotonic_ms();

    if (*since == 0)
        *since = now;
    if (now - *since >= QUEUE_FULL_FLUSH_MS)
        rd_kafka_flush(k->producer, QUEUE_FULL_WAIT_MS);
    kafka_producer_serve(k, now - *since >= QUEUE_FULL_FLUSH_MS ? 0 : QUEUE_FULL_WAIT_MS);
    if (kafka_producer_trouble(k, err) == -1)
        return -1;
    if (now - *since < QUEUE_FULL_MAX_MS)
        return 0;
    return kafka_error_away(k, "the queue stays full", "no message is acknowledged", err);
}

/*
 * One message. Nothing is allocated by us here, and the value is not copied. The rows of the
 * array that change are set, the others were filled by produce_init.
 */
enum { VU_TOPIC, VU_PARTITION, VU_KEY, VU_VALUE, VU_OPAQUE, VU_TIMESTAMP, VU_HEADERS, VU_COUNT = VU_HEADERS + 2 };

static void
produce_init(rd_kafka_vu_t *vu)
{
    memset(vu, 0, VU_COUNT * sizeof(*vu));
    vu[VU_TOPIC].vtype = RD_KAFKA_VTYPE_RKT;
    vu[VU_PARTITION].vtype = RD_KAFKA_VTYPE_PARTITION;
    vu[VU_KEY].vtype = RD_KAFKA_VTYPE_KEY;
    vu[VU_VALUE].vtype = RD_KAFKA_VTYPE_VALUE;
    vu[VU_OPAQUE].vtype = RD_KAFKA_VTYPE_OPAQUE;
    vu[VU_TIMESTAMP].vtype = RD_KAFKA_VTYPE_TIMESTAMP; /* else the clock is read for each */
    vu[VU_TIMESTAMP].u.i64 = clock_wall_us() / 1000;
    for (size_t i = VU_HEADERS; i < VU_COUNT; i++)
        vu[i].vtype = RD_KAFKA_VTYPE_HEADER;
}

/* The event's id, and the statement where the source was asked for it. Returns the count of the array's rows. */
static size_t
put_headers(const struct kafka *k, rd_kafka_vu_t *vu, const struct batch *batch, const struct event *event,
            char *id)
{
    const struct frame *frame = &batch->frames[event->frame];
    size_t n = VU_HEADERS;

    if (k->settings->event_id) {
        vu[n].u.header.name = event_id_header;
        vu[n].u.header.val = id;
        vu[n++].u.header.size = (ssize_t)event_id_print(batch, event, id);
    }
    if (frame->query_length > 0) {
        vu[n].u.header.name = query_header;
        vu[n].u.header.val = batch->raw.at + frame->query;
        vu[n++].u.header.size = (ssize_t)frame->query_length;
    }
    return n;
}

static int
produce(struct kafka *k, const rd_kafka_vu_t *vu, size_t count, const struct batch *batch,
        const struct event *event, struct error *err)
{
    rd_kafka_error_t *error;
    int64_t since = 0;

    while ((error = rd_kafka_produceva(k->producer, vu, count)) != NULL) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return refused(k, error, batch, event, err);
        rd_kafka_error_destroy(error);
        if (wait_for_room(k, &since, err) == -1)
            return -1;
    }
    return 0;
}

static int
produce_event(struct kafka *k, rd_kafka_vu_t *vu, const struct batch *batch,
              const struct events *events, const struct event *event, struct error *err)
{
    static char nothing[1];
    struct kafka_topic *topic = atomic_load_explicit(&event->route->handle, memory_order_relaxed);
    uint8_t *encoded = events->encoded.at != NULL ? events->encoded.at : (uint8_t *)nothing;
    bool keyless = event->flags & EVENT_KEY_NULL;
    bool valueless = event->flags & EVENT_VALUE_NULL;
    char id[EVENT_ID_MAX];
    size_t count = put_headers(k, vu, batch, event, id);

    vu[VU_TOPIC].u.rkt = topic->handle;
    vu[VU_KEY].u.mem.ptr = keyless ? NULL : encoded + event->key_offset;
    vu[VU_KEY].u.mem.size = keyless ? 0 : event->key_length;
    vu[VU_VALUE].u.mem.ptr = valueless ? NULL : encoded + event->value_offset;
    vu[VU_VALUE].u.mem.size = valueless ? 0 : event->value_length;
    vu[VU_OPAQUE].u.ptr = (void *)(uintptr_t)event;
    if (event->flags & EVENT_BROADCAST) {
        for (int32_t p = 0; p < topic->partitions; p++) {
            vu[VU_PARTITION].u.i32 = p;
            if (produce(k, vu, count, batch, event, err) == -1)
                return -1;
        }
        return 0;
    }
    if (!k->own_partitioner)
        vu[VU_PARTITION].u.i32 = RD_KAFKA_PARTITION_UA;
    else if (keyless) /* a batch at a time: larger requests, and no order to keep */
        vu[VU_PARTITION].u.i32 = (int32_t)(k->keyless_turn % (uint32_t)topic->partitions);
    else
        vu[VU_PARTITION].u.i32 =
            kafka_topic_partition(topic, encoded + event->key_offset, event->key_length);
    return produce(k, vu, count, batch, event, err);
}

static int
kafka_write(struct sink *sink, const struct batch *batch, int index, uint32_t first,
            struct error *err)
{
    struct kafka *k = kafka_from(sink);
    const struct events *events = &batch->events[index];
    const struct event *event = events->at, *end = events->at + events->count;
    rd_kafka_vu_t vu[VU_COUNT];

    while (event < end && event->frame < first)
        event++;
    if (event == end)
        return 0;
    if (!k->in_transaction && renew(k, err) == -1)
        return -1;
    if (bind_topics(k, event, end, err) == -1)
        return -1;
    if (!k->in_transaction && kafka_producer_begin(k, err) == -1)
        return -1;
    if (remember(k, batch, events, err) == -1)
        return -1;
    k->keyless_turn++;
    produce_init(vu);
    k->incomplete = true;
    for (; event < end; event++) {
        if (produce_event(k, vu, batch, events, event, err) == -1)
            return -1;
    }
    k->incomplete = false;
    kafka_producer_serve(k, 0);
    return kafka_producer_trouble(k, err);
}

/* ---- the end of a transaction ---- */

static int
put_records(struct kafka *k, const struct offset *offset, struct error *err)
{
    for (struct kafka_topic *topic = k->topics; topic != NULL; topic = topic->next) {
        if (topic->to_record && topic->generation == k->generation &&
            kafka_offsets_put_topic(k, topic, err) == -1)
            return -1;
    }
    return kafka_offsets_put(k, offset, err);
}

static void
records_are_durable(struct kafka *k)
{
    offset_copy(&k->last, &k->next);
    for (struct kafka_topic *topic = k->topics; topic != NULL; topic = topic->next) {
        if (topic->to_record && topic->generation == k->generation) {
            topic->recorded = topic->partitions;
            topic->to_record = false;
        }
    }
}

static int
kafka_commit(struct sink *sink, const struct offset *offset, struct error *err)
{
    struct kafka *k = kafka_from(sink);

    if (!k->in_transaction && (renew(k, err) == -1 || kafka_producer_begin(k, err) == -1))
        return -1;
    /* Half a batch must never become visible, whatever the caller thinks of the error. */
    if (k->incomplete)
        return error_set(err, ERROR_REWIND, "E_KAFKA", "kafka: the last write had failed");
    if (failpoint("k.produced"))
        return error_set(err, ERROR_REWIND, "E_FAILPOINT", "kafka: failpoint k.produced");
#ifdef MUTANT_OFFSET_OUTSIDE
    if (kafka_producer_commit(k, err) == -1 || kafka_producer_begin(k, err) == -1)
        return -1;
#endif
    if (put_records(k, offset, err) == -1)
        return -1;
    if (failpoint("k.offset"))
        return error_set(err, ERROR_REWIND, "E_FAILPOINT", "kafka: failpoint k.offset");
    if (failpoint("k.endtxn.before"))
        return error_set(err, ERROR_REWIND, "E_FAILPOINT", "kafka: failpoint k.endtxn.before");
    if (kafka_producer_commit(k, err) == -1)
        return -1;
    if (failpoint("k.endtxn.after"))
        return error_set(err, ERROR_REWIND, "E_FAILPOINT", "kafka: failpoint k.endtxn.after");
    records_are_durable(k);
    return 0;
}

static void
kafka_abort(struct sink *sink)
{
    kafka_producer_abort(kafka_from(sink));
}

static int
kafka_flush(struct sink *sink, struct error *err)
{
    struct kafka *k = kafka_from(sink);

    if (k->producer == NULL || !k->in_transaction)
        return 0;
    if (kafka_producer_drain(k, err) == -1)
        return -1;
    k->nwritten = 0;
    return 0;
}

static void
kafka_check(struct sink *sink, struct report *report)
{
    kafka_admin_check(kafka_from(sink), report);
}

static int
kafka_remove(struct sink *sink, bool dry_run, struct buffer *said, struct error *err)
{
    return kafka_admin_remove(kafka_from(sink), dry_run, said, err);
}

const struct sink_ops sink_kafka = {
    .type = "kafka",
    .guarantee = SINK_EXACTLY_ONCE,
    .guarantee_text = "exactly once for readers with isolation.level=read_committed "
                      "(Java's default is read_uncommitted)",
    .options = kafka_options,
    .settings_size = sizeof(struct kafka_settings),
    .open = kafka_open,
    .fence = kafka_fence,
    .resume = kafka_resume,
    .write = kafka_write,
    .commit = kafka_commit,
    .abort = kafka_abort,
    .flush = kafka_flush,
    .check = kafka_check,
    .remove = kafka_remove,
    .close = kafka_close,
};
