/*
 * bare_producer.c -- what `make bench` compares with: librdkafka's transactional producer and
 * nothing else, sending messages of one size in transactions of one size.
 *
 *     bare_producer brokers=127.0.0.1:9092 topic=t messages=1000000 bytes=250 transaction=20000
 *
 * Also: partitions=1 (used in turn; the topic must have them), id=bare (transactional id), rate=0
 * (messages a second at most; as fast as it goes when 0), set.KEY=VALUE for any librdkafka option. Prints one line: messages, seconds, per_second, cpu
 * (seconds of user and system time for a million messages), commit_ms (mean), rss_mib.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct plan {
    const char *brokers, *topic, *id;
    long messages, bytes, transaction, partitions, rate;
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
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char text[256];

    if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "bare_producer: %s\n", text);
        exit(2);
    }
}

static void
read_argument(struct plan *plan, rd_kafka_conf_t *conf, char *argument)
{
    char *value = strchr(argument, '=');

    if (value == NULL) {
        fprintf(stderr, "bare_producer: key=value expected: %s\n", argument);
        exit(2);
    }
    *value++ = '\0';
    if (strncmp(argument, "set.", 4) == 0)
        set(conf, argument + 4, value);
    else if (strcmp(argument, "brokers") == 0)
        plan->brokers = value;
    else if (strcmp(argument, "topic") == 0)
        plan->topic = value;
    else if (strcmp(argument, "id") == 0)
        plan->id = value;
    else if (strcmp(argument, "messages") == 0)
        plan->messages = atol(value);
    else if (strcmp(argument, "bytes") == 0)
        plan->bytes = atol(value);
    else if (strcmp(argument, "transaction") == 0)
        plan->transaction = atol(value);
    else if (strcmp(argument, "partitions") == 0)
        plan->partitions = atol(value);
    else if (strcmp(argument, "rate") == 0)
        plan->rate = atol(value);
    else {
        fprintf(stderr, "bare_producer: what is %s?\n", argument);
        exit(2);
    }
}

static void
must(rd_kafka_error_t *error, const char *what)
{
    if (error == NULL)
        return;
    fprintf(stderr, "bare_producer: %s: %s\n", what, rd_kafka_error_string(error));
    exit(1);
}

/* The values stay: no copy, as in the sink. */
static void
send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic, long i, const struct plan *plan, char *value)
{
    char key[8];

    memcpy(key, &i, sizeof(key));
    while (rd_kafka_produce(topic, (int32_t)(i % plan->partitions), 0, value,
                            (size_t)plan->bytes, key, sizeof(key), NULL) == -1) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            fprintf(stderr, "bare_producer: %s\n", rd_kafka_err2str(rd_kafka_last_error()));
            exit(1);
        }
        rd_kafka_poll(rk, 1);
    }
}

int
main(int argc, char **argv)
{
    struct plan plan = {"127.0.0.1:9092", "bare", "bare", 1000000, 250, 20000, 1, 0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct rusage usage;
    char text[256], *value;
    double began, spent, committing = 0;
    long commits = 0;

    set(conf, "linger.ms", "20");
    set(conf, "queue.buffering.max.messages", "100000");
    set(conf, "socket.nagle.disable", "true");
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    set(conf, "delivery.report.only.error", "true");
    for (int i = 1; i < argc; i++)
        read_argument(&plan, conf, argv[i]);
    set(conf, "bootstrap.servers", plan.brokers);
    set(conf, "transactional.id", plan.id);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (rk == NULL) {
        fprintf(stderr, "bare_producer: %s\n", text);
        return 1;
    }
    value = malloc((size_t)plan.bytes + 8);
    memset(value, 'v', (size_t)plan.bytes + 8);
    must(rd_kafka_init_transactions(rk, 30000), "init");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, plan.topic, NULL);

    began = now();
    spent = cpu();
    for (long i = 0; i < plan.messages; i++) {
        if (i % plan.transaction == 0)
            must(rd_kafka_begin_transaction(rk), "begin");
        if (plan.rate > 0 && i % 700 == 0 && (double)i / (double)plan.rate > now() - began)
            usleep((useconds_t)(((double)i / (double)plan.rate - (now() - began)) * 1e6));
        send_one(rk, topic, i, &plan, value);
        if (i % plan.transaction == plan.transaction - 1 || i == plan.messages - 1) {
            double before = now();
            must(rd_kafka_commit_transaction(rk, 60000), "commit");
            committing += now() - before;
            commits++;
        }
    }
    began = now() - began;
    spent = cpu() - spent;
    getrusage(RUSAGE_SELF, &usage);
    printf("messages=%ld seconds=%.3f per_second=%.0f cpu=%.3f commit_ms=%.2f rss_mib=%.1f "
           "librdkafka=%s\n",
           plan.messages, began, (double)plan.messages / began,
           spent * 1e6 / (double)plan.messages, committing * 1000 / (double)commits,
           (double)usage.ru_maxrss / 1024, rd_kafka_version_str());
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    free(value);
    return 0;
}
