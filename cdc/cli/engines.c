/*
 * engines.c -- the questions that several commands ask: a sink's offset, and the source around all of them.
 */
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

static void
read_offsets(const struct config *config, struct cli_view *view)
{
    for (int i = 0; i < config->nsinks; i++) {
        cli_read_offset(config, i, &view->offsets[i], &view->errors[i]);
        view->settled = view->settled || view->offsets[i].state == OFFSET_AT;
    }
}

/* The source, the offsets, the source again: see look_join. */
void
cli_look(const struct config *config, struct cli_view *view)
{
    struct source_look before;
    memset(view, 0, sizeof(*view));
    view->kind = source_kind_of(config);
    view->kind->look(config, &before, &view->look_error);
    read_offsets(config, view);
    if (view->look_error.kind == ERROR_NONE &&
        view->kind->look(config, &view->look, &view->look_error) == 0 && view->kind->look_join != NULL)
        view->kind->look_join(&view->look, &before);
    view->kind->look_clear(&before);
}

void
cli_view_clear(struct cli_view *view)
{
    view->kind->look_clear(&view->look);
    for (int i = 0; i < BATCH_SINKS_MAX; i++)
        offset_clear(&view->offsets[i]);
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
