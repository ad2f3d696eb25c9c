/* passed.c -- see passed.h. Asks the servers only, as `status` does. */
#include "passed.h"

#include <string.h>

#include "cdc/clock.h"
#include "cdc/source_kind.h"

enum { WAIT_MS = 60000, WAIT_STOPPED_MS = 10000, PAUSE_MS = 50, PAUSE_MAX_MS = 1000 };

static int
read_offset(const struct config *config, int sink, struct offset *out, struct error *err)
{
    const struct config_sink *to = &config->sinks[sink];
    struct sink_context context = {.pipeline = config->pipeline, .name = to->name, .state_dir = config->state_dir,
                                   .settings = to->settings};
    struct sink *opened = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    if (to->ops->open(&opened, &context, err) == -1)
        return -1;
    rc = to->ops->resume(opened, out, err);
    to->ops->close(opened);
    return rc;
}

static bool
has_passed(const struct source_kind *kind, const struct source_look *look, const struct offset *offset)
{
    struct distance rest;

    if (offset->state != OFFSET_AT)
        return false;
    rest = kind->distance(look, &offset->position, NULL);
    return rest.unit != DISTANCE_UNKNOWN && rest.amount == 0;
}

static int
behind(const struct config *config, int sink, const struct source_look *look, const struct offset *offset, bool active,
       struct error *err)
{
    char at[POSITION_TEXT_MAX] = "no position", end[POSITION_TEXT_MAX];

    if (offset->state == OFFSET_AT)
        position_print(&offset->position, at);
    return error_set(err, ERROR_RETRY, "E_VERIFY_BEHIND",
                     "rows differ, but that says nothing: sink %s is at %.150s and has not passed %.150s, where the source's "
                     "log ended when they were read. %s",
                     config->sinks[sink].name, at, position_print(&look->latest, end),
                     active ? "It does not move: look at rowferry status" : "Nobody runs the pipeline: start it");
}

/* Somebody has the lease, as far as can be told. */
static bool
is_active(const struct source_kind *kind, const struct config *config)
{
    struct source_look now;
    struct error ignored = ERROR_INIT;
    bool active = kind->look(config, &now, &ignored) == -1 || now.active;

    kind->look_clear(&now);
    return active;
}

/* 1: it has passed, 0: not yet. *moved: it is at another position than before. */
static int
ask(const struct source_kind *kind, const struct config *config, int sink, const struct source_look *look,
    struct offset *offset, bool *moved, struct error *err)
{
    struct offset now;

    if (read_offset(config, sink, &now, err) == -1)
        return -1;
    *moved = now.state != offset->state || !position_equal(&now.position, &offset->position);
    offset_move(offset, &now);
    return has_passed(kind, look, offset);
}

static void
nap(int64_t *ms)
{
    struct timespec pause = {*ms / 1000, *ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
    *ms = *ms < PAUSE_MAX_MS ? 2 * *ms : PAUSE_MAX_MS;
}

static int
wait_for(const struct source_kind *kind, const struct config *config, int sink, const struct source_look *look,
         struct error *err)
{
    int64_t since = clock_monotonic_ms(), pause = PAUSE_MS;
    struct offset offset = {.state = OFFSET_NONE};
    int rc;

    for (;; nap(&pause)) {
        bool moved = false, active = true;
        int64_t waited, patience;

        rc = ask(kind, config, sink, look, &offset, &moved, err);
        if (rc != 0)
            break;
        if (moved)
            since = clock_monotonic_ms();
        waited = clock_monotonic_ms() - since;
        patience = offset.state == OFFSET_AT ? WAIT_STOPPED_MS : 0;
        if (waited > WAIT_MS || (waited >= patience && !(active = is_active(kind, config)))) {
            rc = behind(config, sink, look, &offset, active, err);
            break;
        }
    }
    offset_clear(&offset);
    return rc == -1 ? -1 : 0;
}

int
passed_wait(const struct config *config, int sink, struct error *err)
{
    const struct source_kind *kind = source_kind_of(config);
    struct error why = ERROR_INIT;
    struct source_look look;
    int rc = kind->look(config, &look, &why);

    if (rc == 0)
        rc = wait_for(kind, config, sink, &look, &why);
    kind->look_clear(&look);
    if (rc == -1)
        *err = why;
    return rc;
}
