/* batch.c -- see cdc/batch.h. Owned by one stage at a time; no locks. */
#include "cdc/batch.h"

#include <stdlib.h>

#include "cdc/digits.h"

/* What a sink's client library holds for each event on its way: librdkafka's message, its headers and their copies. */
enum { SINK_EVENT_BYTES = 384 };

struct batch *
batch_new(void)
{
    return calloc(1, sizeof(struct batch));
}

static void
buffer_empty(struct buffer *buffer, size_t keep)
{
    if (buffer->cap > keep)
        buffer_free(buffer);
    else
        buffer_reset(buffer);
}

void
batch_reset(struct batch *batch, size_t keep)
{
    for (uint32_t i = 0; i < batch->nrelations; i++)
        relation_release(batch->relations[i]);
    batch->nrelations = 0;
    batch->nframes = 0;
    batch->ntransactions = 0;
    buffer_empty(&batch->raw, keep);
    for (int i = 0; i < BATCH_SINKS_MAX; i++) {
        struct events *events = &batch->events[i];

        events->count = 0;
        events->failed.kind = ERROR_NONE;
        events->failed_frame = 0;
        buffer_empty(&events->encoded, 2 * keep);
    }
    batch->seq = 0;
    position_clear(&batch->end);
    batch->end_number = 0;
    batch->mid_transaction = false;
    batch->reserved = 0;
}

void
batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    batch_reset(batch, 0);
    buffer_free(&batch->raw);
    for (int i = 0; i < BATCH_SINKS_MAX; i++) {
        buffer_free(&batch->events[i].encoded);
        free(batch->events[i].at);
    }
    free(batch->frames);
    free(batch->transactions);
    free(batch->relations);
    free(batch);
}

/* Make room for one more of `size` bytes in an array that grows by half. */
static int
grow(void **at, uint32_t count, uint32_t *cap, size_t size, struct error *err)
{
    uint32_t more;
    void *moved;

    if (count < *cap)
        return 0;
    more = *cap < 16 ? 16 : *cap + *cap / 2;
    if (more < *cap)
        return error_set(err, ERROR_FATAL, "", "too many entries in a batch");
    moved = realloc(*at, (size_t)more * size);
    if (moved == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a batch");
    *at = moved;
    *cap = more;
    return 0;
}

static int
keep_relation(struct batch *batch, struct relation *rel, struct error *err)
{
    /* Rows of one table come in runs: the newest is the likeliest. */
    for (uint32_t i = batch->nrelations; i-- > 0;) {
        if (batch->relations[i] == rel)
            return 0;
    }
    if (grow((void **)&batch->relations, batch->nrelations, &batch->relations_cap,
             sizeof(rel), err) == -1)
        return -1;
    batch->relations[batch->nrelations++] = relation_keep(rel);
    return 0;
}

int
batch_add_frame(struct batch *batch, const struct frame *frame, struct bytes message,
                struct error *err)
{
    struct frame *slot;

    if (grow((void **)&batch->frames, batch->nframes, &batch->frames_cap, sizeof(*slot), err) == -1)
        return -1;
    if (keep_relation(batch, frame->relation, err) == -1)
        return -1;
    if (batch->raw.len + message.len > UINT32_MAX)
        return error_set(err, ERROR_FATAL, "", "a batch of more than 4 GiB");
    slot = &batch->frames[batch->nframes];
    *slot = *frame;
    slot->offset = (uint32_t)batch->raw.len;
    slot->length = (uint32_t)message.len;
    buffer_put(&batch->raw, message.at, message.len);
    if (buffer_failed(&batch->raw))
        return error_set(err, ERROR_FATAL, "", "out of memory for %zu bytes of row", message.len);
    batch->nframes++;
    return 0;
}

struct batch_transaction *
batch_add_transaction(struct batch *batch, const struct transaction *id, uint64_t number,
                      struct error *err)
{
    struct batch_transaction *slot;

    if (grow((void **)&batch->transactions, batch->ntransactions, &batch->transactions_cap,
             sizeof(*slot), err) == -1)
        return NULL;
    slot = &batch->transactions[batch->ntransactions++];
    *slot = (struct batch_transaction){.id = *id, .number = number};
    return slot;
}

struct event *
events_add(struct events *events, struct error *err)
{
    struct event *slot;

    if (grow((void **)&events->at, events->count, &events->cap, sizeof(*slot), err) == -1)
        return NULL;
    slot = &events->at[events->count++];
    *slot = (struct event){0};
    return slot;
}

size_t
batch_bytes(const struct batch *batch)
{
    size_t total = batch->raw.cap + batch->frames_cap * sizeof(struct frame) +
                   batch->transactions_cap * sizeof(struct batch_transaction);

    for (int i = 0; i < BATCH_SINKS_MAX; i++)
        total += batch->events[i].encoded.cap + batch->events[i].cap * sizeof(struct event) +
                 batch->events[i].count * SINK_EVENT_BYTES;
    return total;
}

size_t
event_id_text(const struct transaction *transaction, uint64_t ordinal, uint32_t row, unsigned output,
              char *text)
{
    uint8_t *p = (uint8_t *)text + transaction_print(transaction, text);

    *p++ = '/';
    p = digits_uint(p, ordinal);
    if (transaction->final == 0) { /* a binlog's frame has many rows */
        *p++ = '/';
        p = digits_uint(p, row);
    }
    *p++ = '/';
    p = digits_uint(p, output);
    *p = 0;
    return (size_t)((char *)p - text);
}

size_t
event_id_print(const struct batch *batch, const struct event *event, char *text)
{
    const struct frame *frame = &batch->frames[event->frame];

    return event_id_text(&batch->transactions[frame->transaction].id, frame->ordinal, event->row,
                         event->output, text);
}
