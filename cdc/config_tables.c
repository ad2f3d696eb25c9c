/*
 * config_tables.c -- every key of a configuration but those of one type of sink, and the
 * reference page made from them.
 *
 * A key is written down here and nowhere else: the loader, the defaults, "did you mean",
 * redaction and docs/configuration.md all read these rows. Names of keys have no units in them
 * (commit_interval: 200ms); the fields of the settings have (commit_ms).
 */
#include "config_tables.h"

#include <stdio.h>

#include "cdc/config.h"

#define TOP(member) offsetof(struct config, member)
#define SOURCE(member) offsetof(struct config_source, member)
#define SINK(member) offsetof(struct config_sink, member)
#define BATCH(member) offsetof(struct config_batch, member)
#define LOG(member) offsetof(struct config_log, member)

static const char *const source_types[] = {"postgresql", "mysql", "mariadb", NULL}; /* enum connector */
static const char *const keyless_words[] = {"refuse", "inserts", NULL};
static const char *const statement_words[] = {"stop", "warn", NULL};
static const char *const nontransactional_words[] = {"stop", "accept", NULL};
static const char *const snapshot_words[] = {"never", NULL};
static const char *const format_words[] = {"avro", "json", NULL};
static const char *const envelope_words[] = {"debezium", "plain", NULL};
static const char *const truncate_words[] = {"default", "emit", "warn", "stop", NULL};
static const char *const transaction_words[] = {"split", "whole", NULL};
static const char *const level_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_format_words[] = {"text", "json", NULL};

const struct option config_top_options[] = {
    {.name = "pipeline",
     .type = OPTION_STRING,
     .offset = TOP(pipeline),
     .required = true,
     .help = "Name of the pipeline, a-z, 0-9 and _, at most 40. Names the slot, the offsets, "
             "the transactional ids."},
    {.name = "state_dir",
     .type = OPTION_STRING,
     .offset = TOP(state_dir),
     .help = "Folder for the offsets of sinks that can't keep their own (stdout, null)."},
    {.name = "audit",
     .type = OPTION_STRING,
     .offset = TOP(audit),
     .help = "File that every moved offset is written to, append-only. By default audit.log "
             "in state_dir."},
    {0},
};

/* Only for "did you mean": these keys hold sections. */
const struct option config_section_names[] = {
    {.name = "source"}, {.name = "sinks"}, {.name = "batch"}, {.name = "log"}, {0},
};

const struct option config_source_options[] = {
    {.name = "type",
     .type = OPTION_ENUM,
     .offset = SOURCE(type),
     .required = true,
     .words = source_types,
     .help = "The kind of server."},
    {.name = "url",
     .type = OPTION_STRING,
     .offset = SOURCE(url),
     .required = true,
     .secret = true,
     .help = "PostgreSQL: libpq's own, postgresql://user@host:port/database?option=value; without "
             "sslmode it is verify-full. MySQL and MariaDB: mysql://user@host:port, or mariadb://."},
    {.name = "password_file",
     .type = OPTION_PATH,
     .offset = SOURCE(password_file),
     .help = "File whose first line is the password; nobody else may read it."},
    {.name = "tables",
     .type = OPTION_LIST,
     .offset = SOURCE(tables),
     .required = true,
     .help = "Tables to capture, schema.table; on MySQL and MariaDB database.table. * and ? stand "
             "for any text and any letter."},
    {.name = "exclude",
     .type = OPTION_LIST,
     .offset = SOURCE(exclude),
     .help = "Tables to leave out again, written like tables."},
    {.name = "keyless",
     .type = OPTION_ENUM,
     .offset = SOURCE(keyless),
     .fallback = "refuse",
     .words = keyless_words,
     .help = "PostgreSQL: tables without replica identity: refuse them, or capture their inserts "
             "only."},
    {.name = "publication",
     .type = OPTION_STRING,
     .offset = SOURCE(publication),
     .help = "PostgreSQL: name of the publication. By default rowferry_ and the pipeline's name."},
    {.name = "slot",
     .type = OPTION_STRING,
     .offset = SOURCE(slot),
     .help = "PostgreSQL: name of the replication slot. By default rowferry_ and the pipeline's "
             "name."},
    {.name = "snapshot",
     .type = OPTION_ENUM,
     .offset = SOURCE(snapshot),
     .fallback = "never",
     .words = snapshot_words,
     .help = "Whether rows that are there already are read first."},
    {.name = "status_interval",
     .type = OPTION_DURATION,
     .offset = SOURCE(status_ms),
     .fallback = "10s",
     .min = 10,
     .max = 3600 * 1000,
     .help = "PostgreSQL: how often the server is told which position is durable everywhere."},
    {.name = "heartbeat_interval",
     .type = OPTION_DURATION,
     .offset = SOURCE(heartbeat_ms),
     .fallback = "10s",
     .min = 10,
     .max = 86400 * 1000,
     .help = "How often an idle pipeline stores the server's position, so that the slot moves "
             "on."},
    {.name = "server_id",
     .type = OPTION_INT,
     .offset = SOURCE(server_id),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "MySQL and MariaDB: the number that rowferry has among the server's replicas, which no "
             "other may have. 0: made from the pipeline's name."},
    {.name = "statements",
     .type = OPTION_ENUM,
     .offset = SOURCE(statements),
     .fallback = "stop",
     .words = statement_words,
     .help = "MySQL and MariaDB: what changes do that the log has only as a statement, without "
             "rows: a stop, or a log line."},
    {.name = "nontransactional",
     .type = OPTION_ENUM,
     .offset = SOURCE(nontransactional),
     .fallback = "stop",
     .words = nontransactional_words,
     .help = "MySQL and MariaDB: what rows of tables without transactions do: a stop, or pass as "
             "they are, though a rollback does not take them back."},
    {.name = "rows_query",
     .type = OPTION_BOOL,
     .offset = SOURCE(rows_query),
     .fallback = "false",
     .help = "MySQL and MariaDB: the statement, where the log has it beside the rows, as a header of "
             "its events."},
    {.name = "schema_changes",
     .type = OPTION_STRING,
     .offset = SOURCE(schema_changes),
     .fallback = "",
     .help = "MySQL and MariaDB: topic for the texts of schema changes; empty: none."},
    {.name = "event_size",
     .type = OPTION_SIZE,
     .offset = SOURCE(event_size),
     .fallback = "1GiB",
     .min = 1024,
     .max = INT64_C(1) << 30,
     .help = "MySQL and MariaDB: the largest event of the log that is taken."},
    {0},
};

const struct option config_head_options[] = {
    {.name = "name",
     .type = OPTION_STRING,
     .offset = offsetof(struct sink_head, name),
     .required = true,
     .help = "Name of the sink, a-z, 0-9 and _, at most 40. Its offset is kept "
             "under it."},
    {.name = "type",
     .type = OPTION_STRING,
     .offset = offsetof(struct sink_head, type),
     .required = true,
     .help = "The kind of sink: kafka, postgresql, mysql, mariadb, stdout or null."},
    {0},
};

const struct option config_sink_options[] = {
    {.name = "topic",
     .type = OPTION_STRING,
     .offset = SINK(topic),
     .fallback = "{pipeline}.{schema}.{table}",
     .help = "Topic of a table's events; {pipeline}, {schema} and {table} stand for names."},
    {.name = "key",
     .type = OPTION_MAP,
     .offset = SINK(key),
     .help = "Key columns by table, e.g. public.orders: [customer, id]. By default the replica "
             "identity or the primary key."},
    {.name = "format",
     .type = OPTION_ENUM,
     .offset = SINK(format),
     .words = format_words,
     .help = "How keys and values are written. By default avro for kafka, json elsewhere. Databases have no "
             "events: topic, format, envelope, tombstones and the registry are not for them."},
    {.name = "envelope",
     .type = OPTION_ENUM,
     .offset = SINK(envelope),
     .fallback = "debezium",
     .words = envelope_words,
     .help = "debezium: before, after, source, op. plain: the row with three fields more."},
    {.name = "tombstones",
     .type = OPTION_BOOL,
     .offset = SINK(tombstones),
     .help = "After a delete also an event without value, for compacted topics. By default true "
             "for kafka, false elsewhere."},
    {.name = "truncate",
     .type = OPTION_ENUM,
     .offset = SINK(truncate),
     .fallback = "default",
     .words = truncate_words,
     .help = "What a truncate does: an event (in a database, a truncate), a log line, or a stop. By default "
             "warn for the debezium envelope, emit elsewhere."},
    {.name = "transaction",
     .type = OPTION_ENUM,
     .offset = SINK(transaction),
     .fallback = "split",
     .words = transaction_words,
     .help = "Whether a source transaction may be cut into several commits of the sink. By default split, and "
             "whole for a database."},
    {.name = "registry",
     .type = OPTION_STRING,
     .offset = SINK(registry),
     .secret = true,
     .help = "URL of the schema registry, with its base path. Required for avro."},
    {.name = "registry_user",
     .type = OPTION_STRING,
     .offset = SINK(registry_user),
     .help = "User for basic authentication."},
    {.name = "registry_password_file",
     .type = OPTION_PATH,
     .offset = SINK(registry_password_file),
     .help = "File whose first line is that user's password."},
    {.name = "registry_token_file",
     .type = OPTION_PATH,
     .offset = SINK(registry_token_file),
     .help = "File whose first line is a bearer token."},
    {.name = "registry_ca_file",
     .type = OPTION_PATH,
     .offset = SINK(registry_ca_file),
     .help = "Certificates (PEM) that the registry's is checked against. By default the "
             "system's."},
    {.name = "registry_auto_register",
     .type = OPTION_BOOL,
     .offset = SINK(registry_auto_register),
     .fallback = "true",
     .help = "Register schemas that the registry lacks; false: look up only."},
    {.name = "commit_events",
     .type = OPTION_INT,
     .offset = SINK(commit_events),
     .fallback = "20000",
     .min = 1,
     .max = 100000000,
     .help = "Commit after so many events."},
    {.name = "commit_bytes",
     .type = OPTION_SIZE,
     .offset = SINK(commit_bytes),
     .fallback = "8MiB",
     .min = 1,
     .max = INT64_C(1) << 40,
     .help = "Commit after so many bytes."},
    {.name = "commit_interval",
     .type = OPTION_DURATION,
     .offset = SINK(commit_ms),
     .fallback = "1s",
     .min = 1,
     .max = 3600 * 1000,
     .help = "Commit at the latest after this time."},
    {0},
};

const struct option config_batch_options[] = {
    {.name = "size",
     .type = OPTION_SIZE,
     .offset = BATCH(size),
     .fallback = "128KiB",
     .min = 1024,
     .max = 64 << 20,
     .help = "Bytes of the log that go through the pipeline together."},
    {.name = "buffer",
     .type = OPTION_SIZE,
     .offset = BATCH(buffer),
     .fallback = "24MiB",
     .min = 4096,
     .max = INT64_C(1) << 40,
     .help = "Bytes, raw and encoded, that may be on their way at once."},
    {.name = "threads",
     .type = OPTION_INT,
     .offset = BATCH(threads),
     .fallback = "2",
     .min = 1,
     .max = 16,
     .help = "Threads that decode and encode."},
    {0},
};

const struct option config_log_options[] = {
    {.name = "level",
     .type = OPTION_ENUM,
     .offset = LOG(level),
     .fallback = "info",
     .words = level_words,
     .help = "The least that is logged."},
    {.name = "format",
     .type = OPTION_ENUM,
     .offset = LOG(format),
     .fallback = "text",
     .words = log_format_words,
     .help = "One line of text or one JSON object for each event."},
    {0},
};

/* The two tables of a sink's section as one; `room` rows, the last one empty. */
static void
join_tables(struct option *out, size_t room, const struct option *a, const struct option *b)
{
    size_t n = 0;
    for (; a->name != NULL && n + 1 < room; a++)
        out[n++] = *a;
    for (; b->name != NULL && n + 1 < room; b++)
        out[n++] = *b;
    out[n] = (struct option){0};
}

static void
document_section(bool markdown, const char *title, const char *what, const struct option *table,
                 struct buffer *out)
{
    buffer_printf(out, markdown ? "\n## %s\n\n%s\n\n" : "\n%s -- %s\n\n", title, what);
    option_document(table, markdown, out);
}

static void
document_sink(bool markdown, const struct sink_ops *ops, struct buffer *out)
{
    char title[64];
    snprintf(title, sizeof(title), markdown ? "`sinks`, type %s" : "sinks, type %s", ops->type);
    buffer_printf(out, markdown ? "\n## %s\n\nGuarantee: %s.\n" : "\n%s -- guarantee: %s\n", title,
                  ops->guarantee_text);
    if (ops->options->name == NULL) {
        buffer_put_string(out, markdown ? "\nNo keys of its own.\n" : "\n  No keys of its own.\n");
        return;
    }
    buffer_put_string(out, "\n");
    option_document(ops->options, markdown, out);
}

void
config_document(bool markdown, struct buffer *out)
{
    struct option all_sinks[64];
    join_tables(all_sinks, 64, config_head_options, config_sink_options);
    buffer_put_string(
        out,
        markdown ? "# Configuration\n\n<!-- made by: rowferry help config --markdown -->\n\n" : "");
    buffer_put_string(
        out, "One YAML file for each pipeline. Sizes have units (1000, 64KiB, 16MiB), durations\n"
             "too (200ms, 10s, 5m). An unknown key is an error. Secrets stand in files of their\n"
             "own, which nobody else may read.\n");
    document_section(markdown, markdown ? "The top of the file" : "(top)",
                     "The pipeline as a whole.", config_top_options, out);
    document_section(markdown, markdown ? "`source`" : "source", "Where changes come from.",
                     config_source_options, out);
    document_section(markdown, markdown ? "`sinks`" : "sinks",
                     "A list: where changes go. These keys are for sinks of every type.", all_sinks,
                     out);
    for (int i = 0; sinks_all[i] != NULL; i++) {
        if (sinks_all[i] != &sink_memory)
            document_sink(markdown, sinks_all[i], out);
    }
    document_section(markdown, markdown ? "`batch`" : "batch", "How much goes together.",
                     config_batch_options, out);
    document_section(markdown, markdown ? "`log`" : "log", "What rowferry says on stderr.",
                     config_log_options, out);
}
