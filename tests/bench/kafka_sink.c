/*
 * kafka_sink.c -- the Kafka sink alone, fed with made-up batches; see bare_producer.c.
 *
 *     kafka_sink brokers=127.0.0.1:9092 topic=t messages=1000000 bytes=250 transaction=20000
 *
 * Also: partitions=1, batch=700 (events), pipeline=bench, event_id=1, rate=0 (messages a second at
 * most; as fast as it goes when 0), opt.KEY=VALUE. The batches of one transaction are made once and written again
 * for each transaction, so what is measured is the sink.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../../sinks/kafka_internal.h"
#include "cdc/clock.h"
#include "cdc/log.h"

struct plan {
    const char *topic, *pipeline;
    long messages, bytes, transaction, batch, rate;
};

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
keep_rate(const struct plan *plan, long sent, double began)
{
    double ahead = plan->rate > 0 ? (double)sent / (double)plan->rate - (now() - began) : 0;

    if (ahead > 0)
        usleep((useconds_t)(ahead * 1e6));
}

static void
must(int done, const char *what, const struct error *err)
{
    if (done == 0)
        return;
    fprintf(stderr, "kafka_sink: %s: %s %s %s\n", what, error_kind_name(err->kind), err->code,
            err->text);
    exit(1);
}

static void
read_argument(struct plan *plan, struct kafka_settings *set, char *argument, size_t *nopts)
{
    char *value = strchr(argument, '=');

    if (value == NULL) {
        fprintf(stderr, "kafka_sink: key=value expected: %s\n", argument);
        exit(2);
    }
    *value++ = '\0';
    if (strncmp(argument, "opt.", 4) == 0 && *nopts < 15)
        set->options[(*nopts)++] = (struct option_pair){argument + 4, value};
    else if (strcmp(argument, "brokers") == 0)
        set->brokers = value;
    else if (strcmp(argument, "topic") == 0)
        plan->topic = value;
    else if (strcmp(argument, "pipeline") == 0)
        plan->pipeline = value;
    else if (strcmp(argument, "messages") == 0)
        plan->messages = atol(value);
    else if (strcmp(argument, "bytes") == 0)
        plan->bytes = atol(value);
    else if (strcmp(argument, "transaction") == 0)
        plan->transaction = atol(value);
    else if (strcmp(argument, "batch") == 0)
        plan->batch = atol(value);
    else if (strcmp(argument, "rate") == 0)
        plan->rate = atol(value);
    else if (strcmp(argument, "partitions") == 0)
        set->partitions = atol(value);
    else if (strcmp(argument, "event_id") == 0)
        set->event_id = atol(value) != 0;
    else {
        fprintf(stderr, "kafka_sink: what is %s?\n", argument);
        exit(2);
    }
}

static struct batch *
make_batch(struct relation *relation, struct route *route, long from, long count, long bytes)
{
    static char value[1 << 20];
    struct batch *batch = batch_new();
    struct events *events = &batch->events[0];
    struct transaction id = {.final = 0x16c0000, .end = 0x16c1000};
    struct error err = ERROR_INIT;

    memset(value, 'v', sizeof(value));
    batch_add_transaction(batch, &id, 1, &err);
    for (long i = 0; i < count; i++) {
        struct frame frame = {.relation = relation, .ordinal = (uint64_t)(from + i)};
        struct event *event;

        must(batch_add_frame(batch, &frame, bytes_of("x", 1), &err), "frame", &err);
        event = events_add(events, &err);
        *event = (struct event){.route = route, .frame = (uint32_t)i};
        event->key_offset = (uint32_t)events->encoded.len;
        event->key_length = 8;
        buffer_put_be64(&events->encoded, (uint64_t)(from + i));
        event->value_offset = (uint32_t)events->encoded.len;
        event->value_length = (uint32_t)bytes;
        buffer_put(&events->encoded, value, (size_t)bytes);
    }
    return batch;
}

int
main(int argc, char **argv)
{
    struct option_pair options[16] = {{NULL, NULL}};
    struct kafka_settings set = {.brokers = "127.0.0.1:9092", .options = options,
                                 .transaction_timeout = 60000, .create_topics = true,
                                 .event_id = true};
    struct plan plan = {"bench", "bench", 1000000, 250, 20000, 700, 0};
    struct sink_context context = {.name = "events", .settings = &set};
    struct error err = ERROR_INIT;
    struct relation *relation = relation_new(1, "public", "orders", 0);
    struct offset offset = {.state = OFFSET_AT}, found;
    struct route route = {0};
    struct sink *sink;
    struct batch *batches[1000];
    struct rusage usage;
    size_t nopts = 0;
    long nbatches = 0, sent = 0, commits = 0;
    double began, spent, committing = 0, worst = 0;

    for (int i = 1; i < argc; i++)
        read_argument(&plan, &set, argv[i], &nopts);
    log_setup(getenv("DEBUG") ? LOG_DEBUG : LOG_WARN, false);
    context.pipeline = plan.pipeline;
    route.topic = plan.topic;
    for (long i = 0; i < plan.transaction && nbatches < 1000; i += plan.batch)
        batches[nbatches++] = make_batch(
            relation, &route, i, plan.batch < plan.transaction - i ? plan.batch : plan.transaction - i,
            plan.bytes);

    double t0 = now();
    must(sink_kafka.open(&sink, &context, &err), "open", &err);
    must(sink_kafka.fence(sink, &err), "fence", &err);
    double t1 = now();
    must(sink_kafka.resume(sink, &found, &err), "resume", &err);
    fprintf(stderr, "fence %.0f ms, resume %.0f ms, batch_no %llu\n", (t1 - t0) * 1000,
            (now() - t1) * 1000, (unsigned long long)found.batch_no);
    offset.position = (struct position){.kind = POSITION_LSN, .end = 1};

    /* The first one makes the topic. */
    must(sink_write(sink, batches[0], 0, 0, &err), "write", &err);
    must(sink_commit(sink, &offset, &err), "commit", &err);
    began = now();
    spent = cpu();
    while (sent < plan.messages) {
        for (long i = 0; i < nbatches; i++) {
            must(sink_write(sink, batches[i], 0, 0, &err), "write", &err);
            sent += batches[i]->events[0].count;
            keep_rate(&plan, sent, began);
        }
        offset.position.end++;
        double before = now();
        must(sink_commit(sink, &offset, &err), "commit", &err);
        committing += now() - before;
        if (now() - before > worst)
            worst = now() - before;
        commits++;
    }
    began = now() - began;
    spent = cpu() - spent;
    getrusage(RUSAGE_SELF, &usage);
    printf("messages=%ld seconds=%.3f per_second=%.0f cpu=%.3f commit_ms=%.2f worst_ms=%.1f "
           "rss_mib=%.1f librdkafka=%s\n",
           sent, began, (double)sent / began, spent * 1e6 / (double)sent,
           committing * 1000 / (double)commits, worst * 1000, (double)usage.ru_maxrss / 1024,
           rd_kafka_version_str());
    sink_kafka.close(sink);
    for (long i = 0; i < nbatches; i++)
        batch_free(batches[i]);
    relation_release(relation);
    return 0;
}
