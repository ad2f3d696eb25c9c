/*
 * local_offset.c -- see local_offset.h. SQLite in state_dir, by way of the offsets seam.
 *
 * After a failed store the epoch is forgotten: the contract says fence comes next, and a store
 * without it would be a bug of the caller that must not move anything.
 */
#include "local_offset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cdc/clock.h"
#include "cdc/report.h"

int
local_offset_open(struct local_offset *local, const struct sink_context *context, struct error *err)
{
    if (context->state_dir == NULL)
        return error_set(err, ERROR_CONFIG, "",
                         "sink %s keeps its offset in state_dir: set state_dir at the top of the "
                         "file",
                         context->name);
    *local = (struct local_offset){
        .pipeline = context->pipeline, .sink = context->name, .state_dir = context->state_dir};
    return offsets_sqlite_open(&local->offsets, context->state_dir, err);
}

void
local_offset_close(struct local_offset *local)
{
    if (local->offsets != NULL)
        local->offsets->ops->close(local->offsets);
    local->offsets = NULL;
}

int
local_offset_fence(struct local_offset *local, struct error *err)
{
    struct offset now;
    local->epoch = 0;
    if (local->offsets->ops->fence(local->offsets, local->pipeline, local->sink, &local->epoch,
                                   err) == -1)
        return -1;
    if (local_offset_load(local, &now, err) == -1)
        return -1;
    local->batch_no = now.batch_no;
    offset_clear(&now);
    return 0;
}

int
local_offset_load(struct local_offset *local, struct offset *out, struct error *err)
{
    return local->offsets->ops->load(local->offsets, local->pipeline, local->sink, out, err);
}

int
local_offset_store(struct local_offset *local, const struct offset *offset, struct error *err)
{
    struct offset record = *offset; /* borrows its position */
    if (local->epoch == 0)
        return error_set(err, ERROR_REWIND, "", "sink %s: commit without fence", local->sink);
    record.epoch = local->epoch;
    record.batch_no = local->batch_no + 1;
    record.written_us = clock_wall_us();
    if (local->offsets->ops->store(local->offsets, local->pipeline, local->sink, &record, err) ==
        -1) {
        local->epoch = 0;
        return -1;
    }
    local->batch_no = record.batch_no;
    return 0;
}

void
local_offset_check(struct local_offset *local, struct report *report)
{
    struct error err = ERROR_INIT;
    struct offset now;
    char what[600];
    if (local_offset_load(local, &now, &err) == -1) {
        report_error(report, &err, "check who owns state_dir, or restore it from a backup");
        return;
    }
    if (access(local->state_dir, W_OK) == -1 && errno != ENOENT) {
        error_set(&err, ERROR_CONFIG, "E_STATE_DIR", "state_dir %.200s: %s", local->state_dir,
                  strerror(errno));
        report_error(report, &err, "make it writable for the user that rowferry runs as");
        return;
    }
    offset_clear(&now);
    snprintf(what, sizeof(what), "sink %s: its offset is kept in %s/offsets.db", local->sink,
             local->state_dir);
    report_add(report, FINDING_OK, "", what, NULL);
}

int
local_offset_remove(struct local_offset *local, bool dry_run, struct buffer *said,
                    struct error *err)
{
    buffer_printf(said, "%s the offset of sink %s from %s/offsets.db\n",
                  dry_run ? "would delete" : "deleting", local->sink, local->state_dir);
    if (dry_run)
        return 0;
    return local->offsets->ops->remove(local->offsets, local->pipeline, local->sink, err);
}
