/*
 * remove.c -- rowferry remove: what a pipeline that is no longer wanted has on its source (PostgreSQL: slot
 * and publication), and its offsets.
 *
 * First everything is asked what it would do, and that is shown; then, with consent, it is done:
 * the source first, because a slot that is left behind fills the server's disk, the offsets
 * after it. A run that is broken off in between is finished by calling it again.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cdc/audit.h"
#include "cdc/json.h"
#include "cdc/plain.h"
#include "cli.h"

static int
remove_sink(const struct config *config, int index, bool dry_run, struct buffer *said,
            struct error *err)
{
    struct sink *sink = NULL;
    int rc = cli_open_sink(config, index, &sink, err);
    if (rc == 0)
        rc = sink->ops->remove(sink, dry_run, said, err);
    cli_close_sink(sink);
    return rc;
}

static int
write_audit(const struct config *config, const char *reason, struct error *err)
{
    struct audit_entry entry = {
        .pipeline = config->pipeline,
        .sink = "",
        .act = "remove",
        .before = "",
        .after = "none",
        .reason = reason != NULL ? reason : "",
    };
    /* Unlike a moved offset this leaves nothing that could be wrong later: no file, no line. */
    if (config->audit == NULL)
        return 0;
    return audit_append(config->audit, &entry, err);
}

static int
act(const struct config *config, bool dry_run, struct buffer *said, struct error *err)
{
    if (source_kind_of(config)->remove(config, dry_run, said, err) == -1)
        return -1;
    for (int i = 0; i < config->nsinks; i++) {
        if (remove_sink(config, i, dry_run, said, err) == -1)
            return error_prefix(err, "sink %s: ", config->sinks[i].name);
    }
    return 0;
}

/* On the terminal, in whole words: the answer "y" is too near to the others' keys. */
static bool
consents(const struct config *config, const struct buffer *plan)
{
    char answer[64] = "", wanted[64];
    snprintf(wanted, sizeof(wanted), "%s\n", config->pipeline);
    fwrite(plan->at, 1, plan->len, stderr);
    fprintf(stderr, "Type the pipeline's name (%s) to do this: ", config->pipeline);
    fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && strcmp(answer, wanted) == 0;
}

/* Server messages come line by line; each line is made harmless, the line ends stay. */
static void
put_lines(struct buffer *out, struct buffer *said)
{
    for (const char *line = buffer_cstr(said); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        char text[1024];
        snprintf(text, sizeof(text), "%.*s", (int)len, line);
        plain_put(out, text);
        buffer_put_string(out, "\n");
        line += len + (line[len] == '\n');
    }
}

static int
finish(const struct cli_arguments *args, struct buffer *said, bool done)
{
    struct buffer out = {0};
    if (args->json) {
        json_member(&out, "{", "said", buffer_cstr(said));
        buffer_printf(&out, ",\"done\":%s}\n", done ? "true" : "false");
    } else {
        put_lines(&out, said);
    }
    buffer_free(said);
    return cli_finish(&out, 0);
}

static int
remove_all(const struct cli_arguments *args, const struct config *config)
{
    struct error err = ERROR_INIT;
    struct buffer plan = {0}, said = {0}, clean = {0};
    if (act(config, true, &plan, &err) == -1)
        goto failed;
    if (args->dry_run)
        return finish(args, &plan, false);
    put_lines(&clean, &plan);
    if (!args->yes && !isatty(STDIN_FILENO)) {
        error_set(&err, ERROR_CONFIG, "", "there is no terminal to ask on: add --yes");
        goto failed;
    }
    if (!args->yes && !consents(config, &clean)) {
        fprintf(stderr, "rowferry: nothing was done\n");
        buffer_free(&plan);
        buffer_free(&clean);
        return CLI_EXIT_NO;
    }
    if (write_audit(config, args->reason, &err) == -1 || act(config, false, &said, &err) == -1)
        goto failed;
    buffer_free(&plan);
    buffer_free(&clean);
    return finish(args, &said, true);

failed:
    if (said.len > 0) /* what was done before it failed */
        fprintf(stderr, "%s", buffer_cstr(&said));
    buffer_free(&plan);
    buffer_free(&said);
    buffer_free(&clean);
    return cli_fail(args->json, &err);
}

int
cli_remove(int argc, char **argv)
{
    struct cli_arguments args;
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    int status;
    if (cli_arguments(&args, argc, argv, CLI_DRY_RUN | CLI_YES | CLI_REASON, 1, 1) == -1)
        return CLI_EXIT_USAGE;
    if (config_load(&config, args.words[0], &err) == -1)
        return cli_fail(args.json, &err);
    status = remove_all(&args, config);
    config_free(config);
    return status;
}
