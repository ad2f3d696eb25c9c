/*
 * engines.c -- the questions that several commands ask: a sink's offset, and whether the slot
 * still has what follows it.
 *
 * cli_judge says before the start what `run` would say at the start; the order of its checks is
 * that of the start-up (reliability 2.5), so both name the same trouble first.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

int
cli_open_sink(const struct config *config, int index, struct sink **out, struct error *err)
{
    const struct config_sink *wanted = &config->sinks[index];
    struct sink_context context = {
        .pipeline = config->pipeline,
        .name = wanted->name,
        .state_dir = config->state_dir,
        .settings = wanted->settings,
    };
    return wanted->ops->open(out, &context, err);
}

void
cli_close_sink(struct sink *sink)
{
    if (sink != NULL)
        sink->ops->close(sink);
}

int
cli_read_offset(const struct config *config, int index, struct offset *out, struct error *err)
{
    struct sink *sink = NULL;
    int rc;
    memset(out, 0, sizeof(*out));
    if (cli_open_sink(config, index, &sink, err) == -1)
        return -1;
    rc = sink->ops->resume(sink, out, err);
    cli_close_sink(sink);
    return rc;
}

/*
 * The slot, the offsets, the slot again: its confirmed position from before the offsets were
 * read and the end of the log from after. The other way round, a sink that commits in between
 * would look as if it were behind the slot, or ahead of the server.
 */
void
cli_look(const struct config *config, struct cli_view *view)
{
    struct postgres_slot before;
    memset(view, 0, sizeof(*view));
    if (postgres_slot_ask(config, &before, &view->slot_error) == -1)
        before.exists = false;
    for (int i = 0; i < config->nsinks; i++)
        cli_read_offset(config, i, &view->offsets[i], &view->errors[i]);
    if (view->slot_error.kind != ERROR_NONE ||
        postgres_slot_ask(config, &view->slot, &view->slot_error) == -1)
        return;
    if (before.exists)
        view->slot.confirmed = before.confirmed;
}

int
cli_find_sink(const struct config *config, const char *name, struct error *err)
{
    if (name == NULL && config->nsinks == 1)
        return 0;
    if (name == NULL)
        return error_set(err, ERROR_CONFIG, "", "there are %d sinks: say which by --sink NAME",
                         config->nsinks);
    for (int i = 0; i < config->nsinks; i++) {
        if (strcmp(config->sinks[i].name, name) == 0)
            return i;
    }
    return error_set(err, ERROR_CONFIG, "", "no sink has the name %.60s", name);
}

const char *
cli_offset_text(const struct offset *offset, char *text)
{
    if (offset->state == OFFSET_AT)
        return position_print(&offset->position, text);
    snprintf(text, POSITION_TEXT_MAX, "%s", offset->state == OFFSET_STARTING ? "starting" : "none");
    return text;
}

uint64_t
cli_distance(const struct position *position, uint64_t lsn)
{
    if (position->kind != POSITION_LSN || position->end >= lsn)
        return 0;
    return lsn - position->end;
}

static int
judge_missing(const char *sink, const struct offset *offset, const char **cure, struct error *err)
{
    if (offset->state != OFFSET_AT)
        return 0; /* a first start makes the slot */
    *cure = "what happened since the slot was dropped is not in the stream any more; see the "
            "runbook of E_SLOT_MISSING";
    return error_set(err, ERROR_REFUSED, "E_SLOT_MISSING",
                     "sink %s has a position and the slot does not exist", sink);
}

static int
judge_absent(const char *sink, bool settled, const char **cure, struct error *err)
{
    if (settled) {
        *cure = "give it a position of its own: rowferry offsets set FILE POS --sink NAME";
        return error_set(err, ERROR_REFUSED, "E_NEW_SINK",
                         "sink %s has no record while another sink has a position", sink);
    }
    *cure = "if the slot is this pipeline's own: rowferry offsets set FILE --at-slot";
    return error_set(err, ERROR_REFUSED, "E_SLOT_UNKNOWN",
                     "the slot exists, and sink %s knows nothing of it", sink);
}

static int
judge_position(const char *sink, const struct offset *offset, const struct postgres_slot *slot,
               const char **cure, struct error *err)
{
    char at[POSITION_TEXT_MAX], lsn[LSN_TEXT_MAX];
    position_print(&offset->position, at);
    if (offset->position.end < slot->confirmed) {
        *cure =
            "the slot was advanced by hand, made anew or read by somebody else; what lies "
            "between is lost to this sink. See the runbook of E_GAP; `offsets skip` accepts the "
            "loss";
        return error_set(err, ERROR_REFUSED, "E_GAP",
                         "sink %s is at %s, and the slot can't go back behind %s", sink, at,
                         lsn_print(slot->confirmed, lsn));
    }
    if (offset->position.end > slot->server_now ||
        offset->source.timeline > slot->identity.timeline) {
        *cure = "the sink holds what this server does not know (a failover, a restored backup): "
                "see the runbook of E_DIVERGED";
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "sink %s is at %s on timeline %u, and the server's log ends at %s on "
                         "timeline %u",
                         sink, at, offset->source.timeline, lsn_print(slot->server_now, lsn),
                         slot->identity.timeline);
    }
    return 0;
}

int
cli_judge(const char *sink, const struct offset *offset, const struct postgres_slot *slot,
          bool settled, const char **cure, struct error *err)
{
    *cure = NULL;
    if (!slot->exists && offset->state == OFFSET_NONE && settled)
        return judge_absent(sink, settled, cure, err);
    if (!slot->exists)
        return judge_missing(sink, offset, cure, err);
    if (strcmp(slot->wal_status, "lost") == 0) {
        *cure = "the rows must be read again as a whole; then raise max_slot_wal_keep_size";
        return error_set(err, ERROR_REFUSED, "E_WAL_LOST",
                         "the server has thrown away log that the slot still needed");
    }
    if (offset->state == OFFSET_NONE)
        return judge_absent(sink, settled, cure, err);
    if (offset->state == OFFSET_STARTING)
        return 0;
    if (strcmp(offset->source.id, slot->identity.id) != 0) {
        *cure = "point source.url at the server that it was; or, if this one really continues it, "
                "`offsets set`";
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "sink %s was fed from %.160s, and this server is %.160s", sink,
                         offset->source.id, slot->identity.id);
    }
    return judge_position(sink, offset, slot, cure, err);
}
