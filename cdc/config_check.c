/*
 * config_check.c -- complaints with their place, and what is wrong about a section although
 * each of its keys by itself is right.
 */
#include "cdc/pattern.h"
#include "config_walk.h"

#include <string.h>

enum { IDENTIFIER_MAX_BYTES = 63 /* PostgreSQL's */ };

int
config_place(struct walk *w, int line, const char *path, const char *key)
{
    return error_prefix(w->err, "%s:%d: %s%s%s%s", w->config->file, line, path,
                        path[0] != '\0' && key[0] != '\0' ? "." : "", key,
                        path[0] != '\0' || key[0] != '\0' ? ": " : "");
}

int
config_fail(struct walk *w, int line, const char *path, const char *key, const char *what)
{
    error_set(w->err, ERROR_CONFIG, "", "%s", what);
    return config_place(w, line, path, key);
}

int
config_key_line(const struct tree *node, const char *key)
{
    const struct tree *child = config_yaml_find(node, key);
    return child != NULL ? child->line : node->line;
}

bool
config_is_name(const char *text, size_t max)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= max && text[len] == '\0';
}

/* ---- the source ---- */

/* Keys that mean something on one family of servers; on the other they would be passed over in silence. */
static const struct {
    const char *key;
    bool binlog;
} family_keys[] = {
    {"keyless", false},
    {"publication", false},
    {"slot", false},
    {"status_interval", false},
    {"server_id", true},
    {"statements", true},
    {"nontransactional", true},
    {"rows_query", true},
    {"schema_changes", true},
    {"event_size", true},
};

static const char *const postgres_urls[] = {"postgresql://", "postgres://", NULL};
static const char *const binlog_urls[] = {"mysql://", "mariadb://", NULL};

static bool
is_binlog(const struct config *config)
{
    return config->source.type != CONNECTOR_POSTGRESQL;
}

static int
check_family(struct walk *w, const struct tree *node)
{
    for (size_t i = 0; i < sizeof(family_keys) / sizeof(family_keys[0]); i++) {
        const struct tree *key = config_yaml_find(node, family_keys[i].key);
        if (key != NULL && family_keys[i].binlog != is_binlog(w->config))
            return config_fail(w, key->line, "source", key->key,
                               family_keys[i].binlog ? "goes with type mysql or mariadb only"
                                                     : "goes with type postgresql only");
    }
    return 0;
}

static int
check_url(struct walk *w, int line)
{
    const char *const *prefix = is_binlog(w->config) ? binlog_urls : postgres_urls;
    for (; *prefix != NULL; prefix++) {
        if (strncmp(w->config->source.url, *prefix, strlen(*prefix)) == 0)
            return 0;
    }
    return config_fail(w, line, "source", "url",
                       is_binlog(w->config) ? "must begin with mysql:// or mariadb://"
                                            : "must begin with postgresql://");
}

/* What the parts of a table's name are called. */
static const char *
table_form(const struct config *config)
{
    return is_binlog(config) ? "database.table" : "schema.table";
}

static int
check_globs(struct walk *w, const struct tree *node, const char *key, const char *const *globs)
{
    for (; *globs != NULL; globs++) {
        const char *dot = strchr(*globs, '.');
        if (dot != NULL && dot != *globs && dot[1] != '\0')
            continue;
        error_set(w->err, ERROR_CONFIG, "", "\"%.100s\" must be %s", *globs, table_form(w->config));
        return config_place(w, node->line, "source", key);
    }
    return 0;
}

int
config_check_source(struct walk *w, const struct tree *node)
{
    const struct config_source *source = &w->config->source;
    const struct tree *slot = config_yaml_find(node, "slot"), *url = config_yaml_find(node, "url");
    const struct tree *tables = config_yaml_find(node, "tables"),
                      *exclude = config_yaml_find(node, "exclude");
    const struct tree *publication = config_yaml_find(node, "publication");
    if (check_family(w, node) == -1 || check_url(w, url->line) == -1)
        return -1;
    if (source->tables[0] == NULL)
        return config_fail(w, tables->line, "source", "tables", "names no table");
    if (check_globs(w, tables, "tables", source->tables) == -1)
        return -1;
    if (exclude != NULL && check_globs(w, exclude, "exclude", source->exclude) == -1)
        return -1;
    if (slot != NULL && !config_is_name(source->slot, IDENTIFIER_MAX_BYTES))
        return config_fail(w, slot->line, "source", "slot", "must be a-z, 0-9 and _, at most 63");
    if (publication != NULL &&
        (source->publication[0] == '\0' || strlen(source->publication) > IDENTIFIER_MAX_BYTES))
        return config_fail(w, publication->line, "source", "publication", "must be 1 to 63 bytes");
    if (strpbrk(source->schema_changes, "{}") != NULL)
        return config_fail(w, config_key_line(node, "schema_changes"), "source", "schema_changes",
                           "is one topic's name: nothing stands in braces");
    return 0;
}

/* ---- sinks ---- */

static int
check_topic(struct walk *w, const struct config_sink *sink, const struct tree *node,
            const char *path)
{
    int line = config_key_line(node, "topic");
    if (sink->topic[0] == '\0')
        return config_fail(w, line, path, "topic", "is empty");
    if (!pattern_is_good(sink->topic))
        return config_fail(w, line, path, "topic", "only {pipeline}, {schema} and {table} may stand in braces");
    return 0;
}

static int
check_registry(struct walk *w, const struct config_sink *sink, const struct tree *node,
               const char *path)
{
    if (sink->format == FORMAT_AVRO && sink->registry == NULL)
        return config_fail(w, config_key_line(node, "format"), path, "registry",
                           "is required for format avro");
    if (sink->registry != NULL && strncmp(sink->registry, "http://", 7) != 0 &&
        strncmp(sink->registry, "https://", 8) != 0)
        return config_fail(w, config_key_line(node, "registry"), path, "registry",
                           "must begin with https:// or http://");
    if (sink->registry_user != NULL && sink->registry_password_file == NULL)
        return config_fail(w, config_key_line(node, "registry_user"), path, "registry_user",
                           "needs registry_password_file");
    if (sink->registry_password_file != NULL && sink->registry_user == NULL)
        return config_fail(w, config_key_line(node, "registry_password_file"), path,
                           "registry_password_file", "needs registry_user");
    if (sink->registry_token_file != NULL && sink->registry_user != NULL)
        return config_fail(w, config_key_line(node, "registry_token_file"), path,
                           "registry_token_file", "a token or a user, not both");
    return 0;
}

/* stdout writes lines for people, and holds back what is not committed: see sinks/stdout.c. */
static int
check_local(struct walk *w, const struct config_sink *sink, const struct tree *node,
            const char *path)
{
    if (sink->ops != &sink_stdout && sink->ops != &sink_null)
        return 0;
    if (w->config->state_dir == NULL) {
        error_set(w->err, ERROR_CONFIG, "",
                  "a sink of type %s keeps its offset in state_dir: "
                  "set state_dir at the top of the file",
                  sink->ops->type);
        return config_place(w, node->line, path, "");
    }
    if (sink->ops != &sink_stdout)
        return 0;
    if (sink->format != FORMAT_JSON)
        return config_fail(w, config_key_line(node, "format"), path, "format",
                           "stdout writes json only");
    if (sink->transaction != TRANSACTION_SPLIT)
        return config_fail(w, config_key_line(node, "transaction"), path, "transaction",
                           "stdout can't hold a whole transaction back; it must be split");
    return 0;
}

/* Common keys that say nothing to a sink of rows. */
static const char *const event_keys[] = {"topic", "format", "envelope", "tombstones", "registry", "registry_user",
                                         "registry_password_file", "registry_token_file", "registry_ca_file",
                                         "registry_auto_register"};

static int
check_rows(struct walk *w, const struct config_sink *sink, const struct tree *node, const char *path)
{
    for (size_t i = 0; i < sizeof(event_keys) / sizeof(event_keys[0]); i++) {
        const struct tree *key = config_yaml_find(node, event_keys[i]);

        if (key == NULL)
            continue;
        error_set(w->err, ERROR_CONFIG, "", "does not go with type %s: a table gets rows, not events", sink->ops->type);
        return config_place(w, key->line, path, key->key);
    }
    return 0;
}

static int
check_settings(struct walk *w, const struct config_sink *sink, const struct tree *node, const char *path)
{
    const char *key = "";

    if (sink->ops->settle == NULL || sink->ops->settle(sink->settings, &key, w->err) == 0)
        return 0;
    return config_place(w, config_key_line(node, key), path, key);
}

int
config_check_sink(struct walk *w, const struct config_sink *sink, const struct tree *node,
                  const char *path)
{
    const struct config *config = w->config;
    if (!config_is_name(sink->name, CONFIG_NAME_BYTES_MAX))
        return config_fail(w, config_key_line(node, "name"), path, "name",
                           "must be a-z, 0-9 and _, 1 to 40 of them");
    for (int i = 0; i < config->nsinks; i++) {
        if (strcmp(config->sinks[i].name, sink->name) == 0)
            return config_fail(w, config_key_line(node, "name"), path, "name",
                               "another sink has this name");
    }
    for (const struct option_pair *pair = sink->key; pair->key != NULL; pair++) {
        if (strchr(pair->key, '.') == NULL)
            return config_fail(w, config_key_line(node, "key"), path, "key",
                               is_binlog(config) ? "tables are written database.table"
                                                 : "tables are written schema.table");
    }
    if (sink->ops->rows && check_rows(w, sink, node, path) == -1)
        return -1;
    if (check_topic(w, sink, node, path) == -1 || check_registry(w, sink, node, path) == -1 ||
        check_settings(w, sink, node, path) == -1)
        return -1;
    return check_local(w, sink, node, path);
}
