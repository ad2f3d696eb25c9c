/*
 * shape.c -- see shape.h.
 *
 * Any number of threads call shape_batch. They read a relation's plans through one atomic pointer; making
 * or loosening plans happens under the lock. Loosened plans replace the old ones, which stay alive with
 * the relation, since another thread may be encoding with them; there are at most as many as columns.
 */
#include "shape.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"

struct shape {
    struct shape_settings set;
    pthread_mutex_t lock;
};

/* What hangs on a relation. */
struct plans {
    struct plans *older;
    int nsinks;
    struct plan *plan[BATCH_SINKS_MAX];
    struct error failed[BATCH_SINKS_MAX]; /* this sink can't have this relation: why */
    struct catalog_table table;
    bool *nullable;
    struct arena *arena; /* of table and nullable; owned by the oldest */
};

struct shape *
shape_new(const struct shape_settings *settings)
{
    struct shape *shape = calloc(1, sizeof(*shape));

    if (shape == NULL)
        return NULL;
    shape->set = *settings;
    pthread_mutex_init(&shape->lock, NULL);
    return shape;
}

void
shape_free(struct shape *shape)
{
    if (shape == NULL)
        return;
    pthread_mutex_destroy(&shape->lock);
    free(shape);
}

static void
plans_free(void *at)
{
    struct plans *plans = at;

    while (plans != NULL) {
        struct plans *older = plans->older;

        for (int i = 0; i < plans->nsinks; i++)
            plan_free(plans->plan[i]);
        if (older == NULL && plans->arena != NULL) {
            arena_free(plans->arena);
            free(plans->arena);
        }
        free(plans);
        plans = older;
    }
}

/* Pause between two tries of something outside; false when we are stopping. */
static bool
pause_before_retry(struct shape *shape, int attempt)
{
    int ms = attempt < 6 ? 100 << attempt : 5000;

    for (int waited = 0; waited < ms; waited += 50) {
        struct timespec t = {0, 50 * 1000000};

        if (shape->set.stopping(shape->set.arg))
            return false;
        nanosleep(&t, NULL);
    }
    return true;
}

static int
stopping_error(struct error *err)
{
    return error_set(err, ERROR_RETRY, "", "stopping");
}

static int
lookup(struct shape *shape, const struct relation *rel, struct plans *plans, struct error *err)
{
    struct log_repeat trouble = {0};

    for (int attempt = 0;; attempt++) {
        if (catalog_lookup(shape->set.catalog, rel, plans->arena, &plans->table, err) == 0)
            break;
        if (err->kind != ERROR_RETRY)
            return -1;
        if (log_repeat_due(&trouble))
            log_warn("shape", "table=%s.%s code=%s catalogue: %s", rel->schema, rel->table, err->code,
                     err->text);
        if (!pause_before_retry(shape, attempt))
            return stopping_error(err);
    }
    return 0;
}

/* One sink's plan; a registry that is away is waited for, any other trouble is that sink's. */
static int
make_plan(struct shape *shape, const struct relation *rel, struct plans *plans, int sink,
          struct error *err)
{
    struct log_repeat trouble = {0};

    for (int attempt = 0;; attempt++) {
        struct error why = ERROR_INIT;

        if (failpoint("enc.schema.before") == -1)
            return error_set(err, ERROR_FATAL, "", "failpoint");
        if (encoder_plan(shape->set.encoders[sink], rel, &plans->table, plans->nullable,
                         &plans->plan[sink], &why) == 0)
            return failpoint("enc.schema.after") == -1 ? error_set(err, ERROR_FATAL, "", "failpoint") : 0;
        if (why.kind != ERROR_RETRY) {
            plans->failed[sink] = why;
            return 0;
        }
        if (log_repeat_due(&trouble))
            log_warn("shape", "sink=%s table=%s.%s code=%s %s", shape->set.names[sink], rel->schema,
                     rel->table, why.code, why.text);
        if (!pause_before_retry(shape, attempt))
            return stopping_error(err);
    }
}

static struct plans *
make_plans(struct shape *shape, const struct relation *rel, struct plans *older, int loosen,
           struct error *err)
{
    struct plans *plans = calloc(1, sizeof(*plans));

    if (plans == NULL)
        goto no_memory;
    plans->nsinks = shape->set.nsinks;
    plans->arena = older != NULL ? older->arena : calloc(1, sizeof(struct arena));
    if (plans->arena == NULL)
        goto no_memory;
    plans->nullable = arena_array(plans->arena, rel->ncolumns, sizeof(bool));
    if (plans->nullable == NULL)
        goto no_memory;
    if (older != NULL) {
        plans->table = older->table;
        memcpy(plans->nullable, older->nullable, rel->ncolumns * sizeof(bool));
    } else if (lookup(shape, rel, plans, err) == -1) {
        plans_free(plans);
        return NULL;
    }
    if (loosen >= 0)
        plans->nullable[loosen] = true;
    plans->older = older;
    for (int i = 0; i < plans->nsinks; i++) {
        if (make_plan(shape, rel, plans, i, err) == -1) {
            plans->older = NULL;
            if (older != NULL)
                plans->arena = NULL;
            plans_free(plans);
            return NULL;
        }
    }
    return plans;
no_memory:
    free(plans);
    error_set(err, ERROR_FATAL, "", "out of memory for a plan");
    return NULL;
}

/* The relation's plans; made now if this is its first row, or if `seen` has to be loosened. */
static struct plans *
plans_of(struct shape *shape, struct relation *rel, uint64_t seq, struct plans *seen, int loosen,
         struct error *err)
{
    struct plans *plans = atomic_load_explicit(&rel->shape, memory_order_acquire);

    if (plans != seen)
        return plans;
    if (!shape->set.wait_turn(shape->set.arg, seq)) {
        stopping_error(err);
        return NULL;
    }
    pthread_mutex_lock(&shape->lock);
    plans = atomic_load_explicit(&rel->shape, memory_order_acquire);
    if (plans == seen) {
        plans = make_plans(shape, rel, seen, loosen, err);
        if (plans != NULL) {
            rel->shape_free = plans_free;
            if (seen == NULL) /* the oldest plans live as long as the relation */
                atomic_store_explicit(&rel->told, &plans->table, memory_order_release);
            atomic_store_explicit(&rel->shape, plans, memory_order_release);
        }
    }
    pthread_mutex_unlock(&shape->lock);
    return plans;
}

/* Where a change is, for people: "public.orders at 0/16C0000/1234"; the table once. A stop says where it is. */
static void
locate(struct error *err, const struct batch *batch, const struct frame *frame)
{
    char name[TRANSACTION_TEXT_MAX], table[600];
    size_t n;

    if (frame->kind == FRAME_STOP)
        return;
    n = (size_t)snprintf(table, sizeof(table), "table %s.%s: ", frame->relation->schema, frame->relation->table);
    if (strncmp(err->text, table, n) == 0)
        memmove(err->text, err->text + n, strlen(err->text + n) + 1);
    transaction_print(&batch->transactions[frame->transaction].id, name);
    error_prefix(err, "%s.%s at %s/%llu: ", frame->relation->schema, frame->relation->table, name,
                 (unsigned long long)frame->ordinal);
}

static void
fail_events(struct events *events, const struct error *why, const struct batch *batch, uint32_t frame)
{
    events->failed = *why;
    events->failed_frame = frame;
    locate(&events->failed, batch, &batch->frames[frame]);
}

/* One change for one sink; new plans are made where a NULL stands in a "not null" column. */
static int
encode_for(struct shape *shape, struct batch *batch, uint32_t frame, const struct change *change,
           const struct encode_stamp *stamp, struct plans **plans, int sink, struct arena *scratch,
           struct error *err)
{
    struct events *events = &batch->events[sink];
    struct relation *rel = batch->frames[frame].relation;

    while (events->failed.kind == ERROR_NONE) {
        struct error why = ERROR_INIT;
        uint16_t column = 0;
        int rc = -1;

        if ((*plans)->failed[sink].kind != ERROR_NONE)
            why = (*plans)->failed[sink];
        else
            rc = plan_encode((*plans)->plan[sink], change, stamp, frame, scratch, events, &column, &why);
        if (rc == ENCODE_DONE)
            return 0;
        if (rc == ENCODE_LOOSEN) {
            *plans = plans_of(shape, rel, batch->seq, *plans, column, err);
            if (*plans == NULL)
                return -1;
            continue;
        }
        if (why.kind == ERROR_FATAL) {
            *err = why;
            return -1;
        }
        fail_events(events, &why, batch, frame);
    }
    return 0;
}

static void
fail_all(struct shape *shape, struct batch *batch, uint32_t frame, const struct error *why)
{
    for (int i = 0; i < shape->set.nsinks; i++) {
        if (batch->events[i].failed.kind == ERROR_NONE)
            fail_events(&batch->events[i], why, batch, frame);
    }
}

static void
note_truncate(const struct batch *batch, const struct frame *frame)
{
    char name[TRANSACTION_TEXT_MAX];

    transaction_print(&batch->transactions[frame->transaction].id, name);
    log_warn("shape", "table=%s.%s position=%s/%llu truncated", frame->relation->schema,
             frame->relation->table, name, (unsigned long long)frame->ordinal);
}

/* One batch on its way through one thread. */
struct shaping {
    struct shape *shape;
    struct batch *batch;
    struct shape_scratch *scratch;
    struct encode_stamp stamp;
    struct relation *relation; /* of `plans` */
    struct plans *plans;
};

/* The plans of this frame's relation. 0; 1: the frame fails, which is noted; -1: *err. */
static int
take_plans(struct shaping *s, uint32_t index, struct error *err)
{
    struct relation *rel = s->batch->frames[index].relation;
    struct error why = ERROR_INIT;

    if (rel == s->relation)
        return 0;
    s->plans = plans_of(s->shape, rel, s->batch->seq, NULL, -1, &why);
    s->relation = s->plans != NULL ? rel : NULL;
    if (s->plans != NULL)
        return 0;
    if (why.kind == ERROR_RETRY || why.kind == ERROR_FATAL) {
        *err = why;
        return -1;
    }
    fail_all(s->shape, s->batch, index, &why);
    return 1;
}

static int
shape_change(struct shaping *s, uint32_t index, struct change *change, struct error *err)
{
    struct error why = ERROR_INIT;

    for (struct transform **t = s->shape->set.transforms; t != NULL && *t != NULL; t++) {
        int rc = transform_apply(*t, change, &s->scratch->change, &why);

        if (rc == -1)
            fail_all(s->shape, s->batch, index, &why);
        if (rc != TRANSFORM_PASS)
            return 0;
    }
    for (int i = 0; i < s->shape->set.nsinks; i++) {
        if (encode_for(s->shape, s->batch, index, change, &s->stamp, &s->plans, i, &s->scratch->change, err) ==
            -1)
            return -1;
    }
    return 0;
}

static int
shape_ddl(struct shaping *s, uint32_t index, struct error *err)
{
    for (int i = 0; i < s->shape->set.nsinks; i++) {
        struct events *events = &s->batch->events[i];

        if (events->failed.kind == ERROR_NONE &&
            encoder_schema_change(s->shape->set.encoders[i], s->batch, index, events, err) == -1)
            return -1;
    }
    return 0;
}

/* The source says that a person has to decide before anybody goes on. */
static void
stop_here(struct shaping *s, uint32_t index)
{
    struct cursor in = cursor_of(batch_message(s->batch, &s->batch->frames[index]));
    struct error why = ERROR_INIT;
    const char *code = cursor_string(&in, NULL);
    enum error_kind kind = (enum error_kind)(cursor_u8(&in) - '0');

    error_set(&why, kind, code, "%.*s", (int)cursor_left(&in), (const char *)in.at);
    fail_all(s->shape, s->batch, index, &why);
}

/* A frame of many changes. After one that can't be decoded nothing behind it can be trusted. */
static int
shape_rows(struct shaping *s, uint32_t index, struct error *err)
{
    const struct decoder_ops *decoder = s->shape->set.decoder;
    struct frame *frame = &s->batch->frames[index];
    struct error why = ERROR_INIT;
    struct rows rows;
    struct change change;
    int rc;

    arena_reset(&s->scratch->frame);
    rc = decoder->begin(&rows, s->batch, frame, &s->scratch->frame, &why);
    while (rc == 0) {
        arena_reset(&s->scratch->change);
        rc = decoder->next(&rows, &s->scratch->change, &change, &why);
        if (rc != 1)
            break;
        frame->rows++;
        rc = shape_change(s, index, &change, err);
        if (rc == -1)
            return -1;
    }
    if (rc == -1)
        fail_all(s->shape, s->batch, index, &why);
    return 0;
}

static int
shape_frame(struct shaping *s, uint32_t index, struct error *err)
{
    const struct decoder_ops *decoder = s->shape->set.decoder;
    struct frame *frame = &s->batch->frames[index];
    struct error why = ERROR_INIT;
    struct change change;
    int rc;

    if (frame->kind == FRAME_STOP) {
        stop_here(s, index);
        return 0;
    }
    if (frame->kind == FRAME_DDL)
        return shape_ddl(s, index, err);
    rc = take_plans(s, index, err);
    if (rc != 0)
        return rc == 1 ? 0 : -1;
    if (frame->kind == FRAME_TRUNCATE)
        note_truncate(s->batch, frame);
    if (decoder->decode == NULL)
        return shape_rows(s, index, err);
    frame->rows = 1;
    arena_reset(&s->scratch->change);
    if (decoder->decode(s->batch, frame, &s->scratch->change, &change, &why) == -1) {
        fail_all(s->shape, s->batch, index, &why);
        return 0;
    }
    return shape_change(s, index, &change, err);
}

int
shape_batch(struct shape *shape, struct batch *batch, struct shape_scratch *scratch, struct error *err)
{
    struct shaping s = {
        .shape = shape, .batch = batch, .scratch = scratch, .stamp = {clock_wall_us()}};

    for (uint32_t i = 0; i < batch->nframes; i++) {
        if (shape_frame(&s, i, err) == -1)
            return -1;
    }
    return 0;
}
