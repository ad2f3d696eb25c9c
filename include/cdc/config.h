/*
 * config.h -- one YAML file, one pipeline, checked.
 *
 * config_load parses the document (no anchors, no duplicate keys, depth and size bounded), fills
 * the settings from the option tables and checks what can be checked without a server. Every
 * complaint names file, line and key; an unknown key names the nearest known one.
 *
 * A sink's section has common options (below) and the ones of its type (sink_ops->options). The source's section
 * has one table; keys of the other kind of server are refused.
 *
 * Memory: everything hangs on the config; config_free wipes secrets.
 */
#ifndef CDC_CONFIG_H
#define CDC_CONFIG_H

#include "cdc/batch.h"
#include "cdc/encoder.h"
#include "cdc/option.h"
#include "cdc/sink.h"

enum keyless_policy { KEYLESS_REFUSE, KEYLESS_INSERTS };
enum transaction_policy { TRANSACTION_SPLIT, TRANSACTION_WHOLE };
enum snapshot_policy { SNAPSHOT_NEVER };
enum statement_policy { STATEMENT_STOP, STATEMENT_WARN };
enum nontransactional_policy { NONTRANSACTIONAL_STOP, NONTRANSACTIONAL_ACCEPT };

struct config_source {
    int type;                 /* enum connector: which kind, see source_kind.h */
    const char *url;          /* libpq's own; without sslmode it gets verify-full. mysql://user@host:port */
    const char *password_file;
    const char **tables;      /* globs "schema.table"; "database.table" */
    const char **exclude;
    int snapshot;             /* enum snapshot_policy */
    int64_t heartbeat_ms;     /* idle position kept in the sinks this often; 10s */
    /* PostgreSQL's; a file of another type that has one is refused */
    int keyless;              /* enum keyless_policy */
    const char *publication;  /* default: rowferry_<pipeline> */
    const char *slot;         /* the same */
    int64_t status_ms;        /* how often the server is told our position; 10s */
    /* MySQL's and MariaDB's; the same */
    int64_t server_id;        /* 0: made from the pipeline's name; fits uint32_t */
    int statements;           /* enum statement_policy */
    int nontransactional;     /* enum nontransactional_policy */
    bool rows_query;          /* statements as headers of their events */
    const char *schema_changes; /* topic of DDL texts; "": none, never NULL */
    int64_t event_size;       /* bytes of the largest event that is taken */
};

struct config_sink {
    const char *name;
    const struct sink_ops *ops;
    void *settings;           /* ops->settings_size bytes, filled from ops->options */
    /* common options */
    const char *topic;        /* default "{pipeline}.{schema}.{table}" */
    struct option_pair *key;  /* "schema.table" glob: "col,col" */
    struct encoder_key *keys; /* the same as the encoder wants it */
    int format;               /* enum format; stdout and null: json */
    int envelope;             /* enum envelope */
    bool tombstones;          /* default true for kafka, false elsewhere */
    int truncate;             /* enum truncate_policy, resolved */
    int transaction;          /* enum transaction_policy */
    const char *registry;     /* URL with any base path */
    const char *registry_user;
    const char *registry_password_file;
    const char *registry_token_file;
    const char *registry_ca_file;
    bool registry_auto_register; /* default true; false: look up only */
    int64_t commit_events;    /* commit after so many events; default by bench */
    int64_t commit_bytes;
    int64_t commit_ms;        /* and at the latest after this time */
    int line;                 /* where its section starts, for errors */
};

struct config_batch {
    int64_t size;             /* raw bytes of a batch: 128KiB */
    int64_t buffer;           /* raw and encoded bytes in flight: 24MiB */
    int64_t threads;          /* shape threads: 2 */
};

struct config_log {
    int level;                /* enum log_level */
    int format;               /* 0 text, 1 json */
};

struct config {
    const char *file;
    const char *pipeline;
    const char *state_dir;
    struct config_source source;
    struct config_sink sinks[BATCH_SINKS_MAX];
    int nsinks;
    struct config_batch batch;
    struct config_log log;
    const char *audit;        /* path of the audit file; default state_dir/audit.log */
    void *document;           /* owns the strings */
};

/* -1 with ERROR_CONFIG; nothing is left behind. */
int config_load(struct config **out, const char *file, struct error *err);
/* The same from memory; `file` is only for messages. */
int config_parse(struct config **out, const char *file, struct bytes text, struct error *err);
void config_free(struct config *);

/* How a sink wants its events, ready for encoder_new. `schemas` is NULL for JSON. The strings are
 * the configuration's (`database` is copied into it: before threads start). -1: out of memory. */
int config_encoder(const struct config *, int sink, const char *database, struct schemas *,
                   struct encoder_settings *out);

/* First line of a file without its line end; refuses files that others may read (mode & 077)
 * unless they are root's credentials folder; caller frees with config_secret_free. NULL and *err on
 * failure. */
char *config_secret(const char *path, struct error *err);
void config_secret_free(char *secret); /* wipes; NULL is nothing */

/* True if the glob ("schema.table", each part with * and ?) fits this table; MySQL's database stands for schema. */
bool config_glob_table(const char *glob, const char *schema, const char *table);

/* True if the configuration wants this table: some `tables` glob fits, no `exclude` does. */
bool config_wants(const struct config_source *, const char *schema, const char *table);

/* The reference page: every section, from the tables (Markdown or plain text). */
void config_document(bool markdown, struct buffer *out);

#endif
