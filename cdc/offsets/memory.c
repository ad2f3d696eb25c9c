/*
 * memory.c -- offsets that last as long as the process: the seam's memory member, for tests.
 *
 * A list of records by pipeline and sink. One thread at a time, as offsets.h says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cdc/offsets.h"

struct record {
    struct record *next;
    char *pipeline;
    char *sink;
    uint64_t epoch;
    struct offset offset;
};

struct memory {
    struct offsets base;
    struct record *first;
};

static struct record *
find(struct memory *memory, const char *pipeline, const char *sink)
{
    for (struct record *r = memory->first; r != NULL; r = r->next) {
        if (strcmp(r->pipeline, pipeline) == 0 && strcmp(r->sink, sink) == 0)
            return r;
    }
    return NULL;
}

static void
record_free(struct record *record)
{
    offset_clear(&record->offset);
    free(record->pipeline);
    free(record->sink);
    free(record);
}

static struct record *
find_or_add(struct memory *memory, const char *pipeline, const char *sink, struct error *err)
{
    struct record *record = find(memory, pipeline, sink);
    if (record != NULL)
        return record;
    record = calloc(1, sizeof(*record));
    if (record == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory");
        return NULL;
    }
    record->pipeline = strdup(pipeline);
    record->sink = strdup(sink);
    if (record->pipeline == NULL || record->sink == NULL) {
        record_free(record);
        error_set(err, ERROR_FATAL, "", "out of memory");
        return NULL;
    }
    record->next = memory->first;
    memory->first = record;
    return record;
}

static int
memory_load(struct offsets *offsets, const char *pipeline, const char *sink, struct offset *out,
            struct error *err)
{
    const struct record *record = find((struct memory *)offsets, pipeline, sink);
    (void)err;
    *out = (struct offset){.state = OFFSET_NONE};
    if (record != NULL)
        offset_copy(out, &record->offset);
    out->epoch = record != NULL ? record->epoch : 0;
    return 0;
}

static int
memory_fence(struct offsets *offsets, const char *pipeline, const char *sink, uint64_t *epoch,
             struct error *err)
{
    struct record *record = find_or_add((struct memory *)offsets, pipeline, sink, err);
    if (record == NULL)
        return -1;
    *epoch = ++record->epoch;
    return 0;
}

static int
memory_store(struct offsets *offsets, const char *pipeline, const char *sink,
             const struct offset *offset, struct error *err)
{
    struct record *record = find_or_add((struct memory *)offsets, pipeline, sink, err);
    if (record == NULL)
        return -1;
    if (record->epoch != offset->epoch)
        return error_set(err, ERROR_FENCED, "E_FENCED",
                         "sink %s: another instance has taken over (epoch %llu, ours was %llu)",
                         sink, (unsigned long long)record->epoch,
                         (unsigned long long)offset->epoch);
    offset_copy(&record->offset, offset);
    return 0;
}

static int
memory_remove(struct offsets *offsets, const char *pipeline, const char *sink, struct error *err)
{
    (void)err;
    for (struct record **at = &((struct memory *)offsets)->first; *at != NULL; at = &(*at)->next) {
        struct record *record = *at;
        if (strcmp(record->pipeline, pipeline) != 0 || strcmp(record->sink, sink) != 0)
            continue;
        *at = record->next;
        record_free(record);
        break;
    }
    return 0;
}

static void
memory_close(struct offsets *offsets)
{
    struct memory *memory = (struct memory *)offsets;
    if (memory == NULL)
        return;
    while (memory->first != NULL) {
        struct record *record = memory->first;
        memory->first = record->next;
        record_free(record);
    }
    free(memory);
}

static const struct offsets_ops memory_ops = {
    .name = "memory",
    .load = memory_load,
    .fence = memory_fence,
    .store = memory_store,
    .remove = memory_remove,
    .close = memory_close,
};

struct offsets *
offsets_memory_new(void)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    if (memory == NULL)
        return NULL;
    memory->base.ops = &memory_ops;
    return &memory->base;
}
