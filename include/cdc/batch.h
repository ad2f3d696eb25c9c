/*
 * batch.h -- consecutive changes on their way: raw from the reader, encoded for the sinks.
 *
 * A batch ends at the first transaction end past the batch size; or, at twice that size,
 * inside a transaction (then mid_transaction is set, and the batch that begins inside it ends
 * at its commit at the latest). A batch without frames is a heartbeat: it carries a position
 * only.
 *
 *     reader fills raw, frames, transactions, end
 *     a shape thread fills events[sink] for every sink
 *     sinks read it; nobody writes after that
 *
 * Memory: the batch owns its raw bytes, its encoded bytes and a reference to each relation
 * that it names. Threads: handed from one stage to the next through the ring (queue.h).
 */
#ifndef CDC_BATCH_H
#define CDC_BATCH_H

#include "cdc/bytes.h"
#include "cdc/error.h"
#include "cdc/position.h"
#include "cdc/relation.h"

enum { BATCH_SINKS_MAX = 8 };

enum frame_kind {
    FRAME_ROW,      /* insert, update or delete: the source's own message, undecoded; a binlog's: many of them */
    FRAME_TRUNCATE, /* one for each relation of a truncate */
    FRAME_DDL,      /* a statement that changes tables: its message is the database, a zero, the text */
    FRAME_STOP,     /* nobody may go on here: its message is the error's code, a zero, its kind (a digit), its text, which
                       says where */
};

struct frame {
    struct relation *relation; /* kept alive by the batch */
    uint64_t ordinal;          /* of this change in its transaction, from 0 */
    uint64_t lsn;              /* of the change itself; for people, never for resuming */
    uint32_t offset;           /* of the message in batch->raw */
    uint32_t length;
    uint32_t transaction;      /* index into batch->transactions */
    uint32_t rows;             /* that it holds; counted when it is shaped, 1 but for a binlog's row event */
    uint32_t query, query_length; /* the statement, where the log has it: a slice of batch->raw; length 0: none */
    uint8_t kind;              /* enum frame_kind */
};

struct batch_transaction {
    struct transaction id;
    uint64_t number; /* the reader's: grows by one for each transaction, never goes back */
    bool starts;     /* its first change is in this batch (or was dropped as done) */
    bool ends;       /* its commit is in this batch; id.end is set */
};

/* Where a sink's events of one table go; interned, lives as long as the pipeline. */
struct route {
    const char *topic;
    _Atomic(void *) handle; /* the sink's own (a topic handle); its thread only */
};

enum event_flag {
    EVENT_KEY_NULL = 1,   /* no key at all, as opposed to an empty one */
    EVENT_VALUE_NULL = 2, /* a tombstone */
    EVENT_BROADCAST = 4,  /* to every partition: a truncate */
    EVENT_PARTIAL = 8,    /* row.h: the new row has values that were not sent */
    EVENT_REKEYED = 16,   /* row.h: the new row has another key */
};

struct event {
    struct route *route;
    uint32_t frame;  /* index into batch->frames: transaction and ordinal are there */
    uint32_t row;    /* of that frame's rows, from 0 */
    uint8_t output;  /* index of this output among those of its change */
    uint8_t flags;   /* enum event_flag */
    uint32_t key_offset, key_length;     /* in events->encoded */
    uint32_t value_offset, value_length;
};

/* What one sink is given. */
struct events {
    struct event *at;
    uint32_t count, cap;
    struct buffer encoded;
    struct error failed;     /* kind != NONE: frame `failed_frame` could not be encoded */
    uint32_t failed_frame;
};

struct batch {
    uint64_t seq; /* place in the ring; grows by one */
    struct buffer raw;
    struct frame *frames;
    uint32_t nframes, frames_cap;
    struct batch_transaction *transactions;
    uint32_t ntransactions, transactions_cap;
    struct relation **relations; /* one reference each */
    uint32_t nrelations, relations_cap;
    struct position end;  /* after this batch */
    uint64_t end_number;  /* number of the last transaction whose end is in it or before it */
    bool mid_transaction; /* it ends inside a transaction */
    struct events events[BATCH_SINKS_MAX];
    size_t reserved; /* bytes that the ring counted for it */
};

/* Make an empty batch, or empty a used one (its memory is kept up to `keep` bytes). */
struct batch *batch_new(void);
void batch_reset(struct batch *, size_t keep);
void batch_free(struct batch *);

/* Append; -1 with ERROR_FATAL when out of memory. batch_add_frame takes a reference to the
 * relation if the batch does not have one yet and copies the message. */
int batch_add_frame(struct batch *, const struct frame *, struct bytes message,
                    struct error *err);
struct batch_transaction *batch_add_transaction(struct batch *, const struct transaction *,
                                                uint64_t number, struct error *err);
struct event *events_add(struct events *, struct error *err);

/* Bytes that it holds, raw and encoded. */
size_t batch_bytes(const struct batch *);

static inline struct bytes
batch_message(const struct batch *batch, const struct frame *frame)
{
    return bytes_of(batch->raw.at + frame->offset, frame->length);
}

/*
 * The event's id: the position and the index of the output. PostgreSQL: "0/16C0000/1234/0" (final LSN of its
 * transaction, ordinal, output). Binlogs: "3e11fa47-…:77/3/12/0", "0-1-5/3/12/0" or "binlog.000007:4711/3/12/0"
 * (transaction, row event, row, output). The same after every restart. Writes a NUL; returns the length.
 */
#define EVENT_ID_MAX 192
size_t event_id_print(const struct batch *, const struct event *, char *text);
size_t event_id_text(const struct transaction *, uint64_t ordinal, uint32_t row, unsigned output, char *text);

#endif
