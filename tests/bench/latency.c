/*
 * latency.c -- what `make bench` compares latency with: librdkafka's transactional producer,
 * one message in each transaction, one after the other.
 *
 *     latency brokers=127.0.0.1:9092 topic=t seconds=10
 *
 * Also: id=single (transactional id), set.KEY=VALUE for any librdkafka option. The value of a message
 * is the wall clock in microseconds just before its transaction began, eight bytes, big endian: a
 * reader on the same machine subtracts. Prints one line: messages, seconds, commit_ms (mean of
 * begin, produce and commit together).
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double
now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char text[256];

    if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "latency: %s\n", text);
        exit(2);
    }
}

static void
must(rd_kafka_error_t *error, const char *what)
{
    if (error == NULL)
        return;
    fprintf(stderr, "latency: %s: %s\n", what, rd_kafka_error_string(error));
    exit(1);
}

static void
send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
    uint64_t stamp = __builtin_bswap64((uint64_t)(now(CLOCK_REALTIME) * 1e6));

    must(rd_kafka_begin_transaction(rk), "begin");
    if (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, &stamp, sizeof(stamp), NULL, 0, NULL) == -1) {
        fprintf(stderr, "latency: %s\n", rd_kafka_err2str(rd_kafka_last_error()));
        exit(1);
    }
    must(rd_kafka_commit_transaction(rk, 60000), "commit");
}

int
main(int argc, char **argv)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *name = "single";
    char text[256];
    double began, seconds = 10;
    long messages = 0;

    set(conf, "linger.ms", "0");
    set(conf, "socket.nagle.disable", "true");
    set(conf, "transactional.id", "single");
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        if (value == NULL) {
            fprintf(stderr, "latency: key=value expected: %s\n", argv[i]);
            return 2;
        }
        *value++ = '\0';
        if (strcmp(argv[i], "topic") == 0)
            name = value;
        else if (strcmp(argv[i], "seconds") == 0)
            seconds = atof(value);
        else if (strcmp(argv[i], "brokers") == 0)
            set(conf, "bootstrap.servers", value);
        else if (strcmp(argv[i], "id") == 0)
            set(conf, "transactional.id", value);
        else
            set(conf, argv[i] + (strncmp(argv[i], "set.", 4) == 0 ? 4 : 0), value);
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (rk == NULL) {
        fprintf(stderr, "latency: %s\n", text);
        return 1;
    }
    must(rd_kafka_init_transactions(rk, 30000), "init");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);

    began = now(CLOCK_MONOTONIC);
    for (; now(CLOCK_MONOTONIC) - began < seconds; messages++)
        send_one(rk, topic);
    began = now(CLOCK_MONOTONIC) - began;
    printf("messages=%ld seconds=%.3f commit_ms=%.2f librdkafka=%s\n", messages, began,
           began * 1000 / (double)messages, rd_kafka_version_str());
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return 0;
}
