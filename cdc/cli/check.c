/*
 * check.c -- rowferry check: connect everywhere, say what is missing and how to mend it.
 *
 * The source and every sink look at their own side (the kind's check, sink ops); here stands what
 * needs both: whether the source still has what follows each sink's position.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../schema/registry.h"
#include "cdc/audit.h"
#include "cli.h"

/* A look-up of a schema that is not there: that the registry says so is all that is wanted. */
static void
check_registry(const struct config_sink *sink, struct report *report)
{
    const struct registry_settings settings = {
        .url = sink->registry,
        .user = sink->registry_user,
        .password_file = sink->registry_password_file,
        .token_file = sink->registry_token_file,
        .ca_file = sink->registry_ca_file,
        .auto_register = false,
        .deadline_ms = 3000,
    };
    struct error err = ERROR_INIT;
    struct schemas *schemas = NULL;
    int32_t id;
    char what[100];
    int rc = registry_open(&schemas, &settings, &err);
    if (rc == 0)
        rc = schemas_register(schemas, "rowferry-check", "\"string\"", &id, &err);
    if (schemas != NULL)
        schemas->ops->close(schemas);
    if (rc == -1 && strcmp(err.code, "E_SCHEMA_UNKNOWN") != 0) {
        error_prefix(&err, "sink %s: ", sink->name);
        report_error(report, &err, NULL);
        return;
    }
    snprintf(what, sizeof(what), "sink %s: the schema registry answers", sink->name);
    report_add(report, FINDING_OK, "", what, NULL);
}

static void
check_sink(const struct config *config, int i, struct report *report)
{
    struct error err = ERROR_INIT;
    struct sink *sink = NULL;
    char what[400];
    snprintf(what, sizeof(what), "sink %s (%s): %s", config->sinks[i].name,
             config->sinks[i].ops->type, config->sinks[i].ops->guarantee_text);
    report_add(report, FINDING_OK, "", what, NULL);
    if (cli_open_sink(config, i, &sink, &err) == -1) {
        report_error(report, &err, NULL);
        return;
    }
    sink->ops->check(sink, report);
    cli_close_sink(sink);
    if (config->sinks[i].format == FORMAT_AVRO)
        check_registry(&config->sinks[i], report);
}

static void
check_offset(const struct config *config, const struct cli_view *view, int i, struct report *report)
{
    const char *name = config->sinks[i].name, *cure = NULL;
    const struct offset *offset = &view->offsets[i];
    struct error err = ERROR_INIT;
    char position[POSITION_TEXT_MAX], what[400];
    if (view->errors[i].kind != ERROR_NONE) {
        report_error(report, &view->errors[i], NULL);
        return;
    }
    if (view->kind->judge(&view->look, name, offset, view->settled, &cure, &err) == -1) {
        report_error(report, &err, cure);
        return;
    }
    snprintf(what, sizeof(what), "sink %s: position %s", name, cli_offset_text(offset, position));
    report_add(report, FINDING_OK, "", what, NULL);
}

static void
check_offsets(const struct config *config, struct report *report)
{
    struct cli_view view;
    cli_look(config, &view);
    /* When the source does not answer, its own check has said so. */
    for (int i = 0; i < config->nsinks && view.look_error.kind == ERROR_NONE; i++)
        check_offset(config, &view, i, report);
    cli_view_clear(&view);
}

/* Without a file for the audit lines no offset can be moved: better known before the night. And
 * a line that was changed or taken out is found here. */
static void
check_audit(const struct config *config, struct report *report)
{
    struct error err = ERROR_INIT;
    long lines = 0;
    char what[120];
    if (config->audit == NULL) {
        report_add(report, FINDING_WARN, "E_AUDIT",
                   "there is no audit file, so offsets can't be moved by hand",
                   "set audit or state_dir in the configuration");
        return;
    }
    if (access(config->audit, F_OK) == -1)
        return; /* nothing was moved yet */
    if (audit_verify(config->audit, &lines, &err) == -1) {
        report_error(report, &err, NULL);
        return;
    }
    snprintf(what, sizeof(what), "the audit file is whole: %ld lines", lines);
    report_add(report, FINDING_OK, "", what, NULL);
}

static int
finish(bool json, struct report *report)
{
    struct buffer out = {0};
    int status = report->failures > 0 ? report->worst_exit : 0;
    if (json) {
        buffer_put_string(&out, "{\"findings\":[");
        buffer_put(&out, report->text.at, report->text.len);
        buffer_printf(&out, "],\"warnings\":%d,\"failures\":%d}\n", report->warnings,
                      report->failures);
    } else {
        buffer_put(&out, report->text.at, report->text.len);
        buffer_printf(&out, "%d failed, %d to look at\n", report->failures, report->warnings);
    }
    buffer_free(&report->text);
    return cli_finish(&out, status);
}

int
cli_check(int argc, char **argv)
{
    struct cli_arguments args;
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct report report;
    if (cli_arguments(&args, argc, argv, 0, 1, 1) == -1)
        return CLI_EXIT_USAGE;
    memset(&report, 0, sizeof(report));
    report.json = args.json;
    if (config_load(&config, args.words[0], &err) == -1)
        return cli_fail(args.json, &err);
    report_add(&report, FINDING_OK, "", "the configuration can be read", NULL);
    check_audit(config, &report);
    source_kind_of(config)->check(config, &report);
    for (int i = 0; i < config->nsinks; i++)
        check_sink(config, i, &report);
    check_offsets(config, &report);
    config_free(config);
    return finish(args.json, &report);
}
