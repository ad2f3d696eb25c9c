/*
 * kafka_internal.h -- what the files of the Kafka sink share; nobody else includes it.
 *
 *     kafka.c           the sink itself: options, write, commit, abort
 *     kafka_conf.c      librdkafka's settings
 *     kafka_error.c     its error codes, and what they mean here
 *     kafka_producer.c  one transactional producer: made, fenced in, served, destroyed
 *     kafka_offsets.c   the offsets topic: read to its very end, records out and in
 *     kafka_topics.c    data topics: looked up, created, their partition counts kept
 *     kafka_admin.c     creating and deleting topics, `check`, `remove`
 *
 * Threads: one thread calls everything here. librdkafka's own threads reach us in two places,
 * the log callback and the interceptor that counts EndTxn requests; the count is atomic.
 */
#ifndef SINKS_KAFKA_INTERNAL_H
#define SINKS_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cdc/log.h"
#include "cdc/sink.h"

struct kafka_settings {
    const char *brokers;
    struct option_pair *options;
    const char *sasl_password_file;
    int64_t partitions;
    int64_t replication;
    struct option_pair *topic_options;
    const char *offsets_topic;
    const char *transactional_id;
    int64_t transaction_timeout;
    bool create_topics;
    bool accept_repartition;
    bool event_id;
};

/* A data topic. Lives as long as the sink; its handle only as long as one producer. */
struct kafka_topic {
    struct kafka_topic *next;
    char *name;
    rd_kafka_topic_t *handle;
    uint64_t generation; /* of the producer that `handle` belongs to; 0: none */
    int32_t partitions;  /* fixed for this generation, whatever the cluster does meanwhile */
    int32_t recorded;    /* as the offsets topic has it; 0: no record yet */
    bool to_record;      /* the next commit writes `partitions` to the offsets topic */
};

/* One event list that messages of the open transaction point into. */
struct kafka_written {
    const struct batch *batch;
    const struct events *events;
};

struct kafka {
    struct sink base;
    const struct kafka_settings *settings;
    const char *pipeline;
    char *offsets_topic;
    char *transactional_id;
    char *key; /* of our offset record: "<pipeline>/<sink>" */
    char *sasl_password;

    /* the producer and its transaction */
    rd_kafka_t *producer;
    rd_kafka_queue_t *events; /* its main queue */
    rd_kafka_topic_t *offsets_handle;
    uint64_t generation;      /* grows with each producer */
    int64_t starting_since;   /* init_transactions is under way since then; 0: it is done */
    bool in_transaction;
    int64_t transaction_since;
    atomic_uint endtxn_sent;  /* in this transaction */
    bool tainted;             /* this producer must not begin another transaction */
    bool incomplete;          /* a write has failed half way: only abort is left */
    atomic_bool quiet;        /* librdkafka's complaints are expected: debug level */
    bool own_partitioner;     /* ours, unless the options name one */
    struct error trouble;     /* the first failure since begin, from librdkafka's events */
    size_t trouble_guilt;     /* how likely its message is the one at fault */
    char last_error[256];     /* what a broker connection said last, for texts */
    bool last_error_auth;

    /* what the open transaction points into */
    struct kafka_written *written;
    size_t nwritten, written_cap;

    /* what the offsets topic says */
    bool known;
    struct offset last;   /* the record as read or as we committed it */
    struct offset next;   /* the one in the open transaction */
    uint64_t epoch;
    struct log_repeat blocked; /* readers of the offsets topic have to wait */
    struct kafka_topic *topics;

    struct buffer scratch; /* the offset record */
    uint32_t keyless_turn; /* spreads events without a key over partitions */
};

static inline struct kafka *
kafka_from(struct sink *sink)
{
    return (struct kafka *)sink;
}

/* ---- kafka_conf.c ---- */

/* Settings for a producer or a consumer; NULL and *err on failure. */
rd_kafka_conf_t *kafka_conf_new(const struct kafka *, rd_kafka_type_t, struct error *err);
/* Read every option once, so that a wrong one is told at start. */
int kafka_conf_check(struct kafka *, struct error *err);

/* ---- kafka_error.c ---- */

/* Translate and destroy. */
int kafka_error_from(struct kafka *, rd_kafka_error_t *, const char *what, struct error *err);
int kafka_error_code(struct kafka *, rd_kafka_resp_err_t, const char *what, const char *text,
                     struct error *err);
/* Nobody answered in time: ERROR_RETRY, or ERROR_CONFIG when we were turned away. */
int kafka_error_away(struct kafka *, const char *what, const char *text, struct error *err);
bool kafka_error_is_auth(rd_kafka_resp_err_t);

/* ---- kafka_producer.c ---- */

/* A new producer that owns the transactional id. ERROR_RETRY leaves it under way: call again. */
int kafka_producer_start(struct kafka *, struct error *err);
void kafka_producer_close(struct kafka *);

/* Take what librdkafka has to say, waiting at most timeout_ms for it. */
void kafka_producer_serve(struct kafka *, int timeout_ms);
/* The first failure since begin, if there is one: -1 and *err. */
int kafka_producer_trouble(struct kafka *, struct error *err);
/* Remember what a connection said (an error event), for texts and for its kind. */
void kafka_note_error(struct kafka *, rd_kafka_event_t *);
/* Why a message was not taken, by its code: the reason may be the transaction's. */
int kafka_producer_refused(struct kafka *, rd_kafka_resp_err_t, const char *what,
                           struct error *err);
/* Wait until every message is acknowledged; linger does not count. */
int kafka_producer_drain(struct kafka *, struct error *err);

int kafka_producer_begin(struct kafka *, struct error *err);
/* Commit; on success k->tainted says whether this producer may go on. */
int kafka_producer_commit(struct kafka *, struct error *err);
void kafka_producer_abort(struct kafka *);

/* ---- kafka_offsets.c ---- */

/* Make the offsets topic if it is missing. Needs a producer. */
int kafka_offsets_ensure(struct kafka *, struct error *err);
/* Read it to its end: k->last, k->epoch and the recorded partition counts. */
int kafka_offsets_read(struct kafka *, struct error *err);
/* Put records into the open transaction. */
int kafka_offsets_put(struct kafka *, const struct offset *, struct error *err);
int kafka_offsets_put_topic(struct kafka *, const struct kafka_topic *, struct error *err);
/* {"v":1,"partitions":N}; -1 with ERROR_REFUSED. */
int kafka_offsets_parse_topic(struct bytes record, int32_t *partitions, struct error *err);

/* ---- kafka_topics.c ---- */

/* The topic of that name, made when new; NULL when out of memory. */
struct kafka_topic *kafka_topic_get(struct kafka *, const char *name, size_t len);
/* Make it usable with the present producer: there, counted, checked against its record. */
int kafka_topic_bind(struct kafka *, struct kafka_topic *, struct error *err);
void kafka_topics_unbind(struct kafka *);
void kafka_topics_free(struct kafka *);
/* The partition that Java's own partitioner chooses for this key. */
int32_t kafka_topic_partition(const struct kafka_topic *, const void *key, size_t len);

/* One that was just created: wait until every broker that matters knows it. */
int kafka_topic_await(struct kafka *, const char *name, struct error *err);

/* What the cluster says of a topic: partitions (0: there is no such topic). */
int kafka_topic_lookup(struct kafka *, rd_kafka_t *, const char *name, int32_t *partitions,
                       bool *led, struct error *err);

/* ---- kafka_admin.c ---- */

struct kafka_new_topic {
    const char *name;
    int partitions;  /* -1: the broker's default */
    int replication; /* 0: three, or as many as there are brokers */
    const struct option_pair *settings;
};

/* Create; one that is there already is success. */
int kafka_admin_create(struct kafka *, rd_kafka_t *, const struct kafka_new_topic *,
                       struct error *err);
void kafka_admin_check(struct kafka *, struct report *);
int kafka_admin_remove(struct kafka *, bool dry_run, struct buffer *said, struct error *err);
int kafka_admin_brokers(rd_kafka_t *, int timeout_ms);

#endif
