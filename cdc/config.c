/*
 * config.c -- one file to the settings of one pipeline.
 *
 *     text -> tree (config_yaml.c) -> defaults -> walk with the tables -> checks across keys
 *
 * What a key is called, what it may be and what it does is written in config_tables.c and in
 * each sink's own table; nowhere else. Checks that need more than one key, or the form of a
 * name, stand in config_check.c. Nothing here connects to anything.
 *
 * Every complaint is "FILE:LINE: key: what".
 */
#include "cdc/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdc/log.h"
#include "config_tables.h"
#include "config_walk.h"

enum {
    FILE_BYTES_MAX = 1 << 20,
    SECTION_TABLES = 3,
};

/* The configuration with the memory that it hangs on; config->document points back here. */
struct document {
    struct config config; /* first: freed through its address */
    struct arena arena;
};

/* A map of the file and where its keys go. */
struct section {
    const char *path; /* "source", for messages; "" at the top */
    const struct option *tables[SECTION_TABLES];
    void *settings[SECTION_TABLES];
};

/* ---- complaints ---------------------------------------------------------------------------- */

static int
fail_memory(struct walk *w)
{
    return error_set(w->err, ERROR_FATAL, "", "out of memory");
}

static int
fail_unknown(struct walk *w, const struct section *section, const struct tree *node)
{
    struct option all[96] = {{0}};
    size_t n = 0;
    for (int t = 0; t < SECTION_TABLES; t++) {
        const struct option *row = section->tables[t];
        for (; row != NULL && row->name != NULL && n < 95; row++)
            all[n++] = *row;
    }
    const char *near = option_nearest(all, node->key);
    if (near != NULL)
        error_set(w->err, ERROR_CONFIG, "", "unknown key; did you mean %s?", near);
    else
        error_set(w->err, ERROR_CONFIG, "", "unknown key");
    return config_place(w, node->line, section->path, node->key);
}

/* ---- secrets in the file -------------------------------------------------------------------- */

/* "scheme://user:password@host", or password=... among a URL's options. */
static bool
url_has_password(const char *url)
{
    const char *host = strstr(url, "://");
    if (host != NULL) {
        host += 3;
        const char *end = host + strcspn(host, "/?#");
        const char *at = memchr(host, '@', (size_t)(end - host));
        const char *colon = at != NULL ? memchr(host, ':', (size_t)(at - host)) : NULL;
        if (colon != NULL && colon + 1 < at)
            return true;
    }
    return strstr(url, "password=") != NULL;
}

static bool
names_secret(const char *key)
{
    return strstr(key, "password") != NULL || strstr(key, "secret") != NULL ||
           strstr(key, "sasl.jaas") != NULL || strstr(key, "ssl.key.pem") != NULL;
}

static void
warn_secret(const struct walk *w, int line, const char *path, const char *key)
{
    log_warn("config",
             "%s:%d: %s.%s: a secret stands in the file itself; put it into a file of "
             "its own that nobody else may read",
             w->config->file, line, path, key);
}

/* ---- one key -------------------------------------------------------------------------------- */

static int
set_scalar(struct walk *w, const struct section *section, const struct tree *node,
           const struct option *row, void *settings)
{
    if (node->kind != TREE_SCALAR)
        return config_fail(w, node->line, section->path, node->key, "must be one value");
    if (node->text == NULL)
        return config_fail(w, node->line, section->path, node->key, "has no value");
    if (option_set(row, settings, node->text, w->err) == -1)
        return config_place(w, node->line, section->path, node->key);
    if (row->secret && (strstr(node->text, "://") == NULL || url_has_password(node->text)))
        warn_secret(w, node->line, section->path, node->key);
    return 0;
}

/* Elements of lists and values of maps: texts, checked as those of any other row are. */
static int
check_text(struct walk *w, const struct section *section, const struct tree *node, const char *key,
           const char **out)
{
    static const struct option text_row = {.name = "text", .type = OPTION_STRING};
    if (node->kind != TREE_SCALAR)
        return config_fail(w, node->line, section->path, key, "must be a list of texts");
    if (node->text == NULL || node->text[0] == '\0')
        return config_fail(w, node->line, section->path, key, "has an empty text in it");
    if (option_set(&text_row, out, node->text, w->err) == -1)
        return config_place(w, node->line, section->path, key);
    return 0;
}

static size_t
count_children(const struct tree *node)
{
    size_t n = 0;
    for (const struct tree *child = node->first; child != NULL; child = child->next)
        n++;
    return n;
}

static int
set_list(struct walk *w, const struct section *section, const struct tree *node,
         const struct option *row, void *settings)
{
    size_t count = node->kind == TREE_LIST ? count_children(node) : 1;
    const char **list = arena_array(w->arena, count + 1, sizeof(*list));
    size_t n = 0;
    if (list == NULL)
        return fail_memory(w);
    if (node->kind == TREE_SCALAR && check_text(w, section, node, node->key, &list[n++]) == -1)
        return -1;
    if (node->kind == TREE_MAP)
        return config_fail(w, node->line, section->path, node->key, "must be a list");
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (check_text(w, section, child, node->key, &list[n++]) == -1)
            return -1;
    }
    *(const char ***)((char *)settings + row->offset) = list;
    return 0;
}

/* A map's value may be a list of texts: it becomes one text with commas. */
static int
join(struct walk *w, const struct section *section, const struct tree *node, const char **out)
{
    const char *joined = NULL;
    if (node->kind != TREE_LIST)
        return check_text(w, section, node, node->key, out);
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        const char *text;
        if (check_text(w, section, child, node->key, &text) == -1)
            return -1;
        joined = joined == NULL ? text : arena_printf(w->arena, "%s,%s", joined, text);
        if (joined == NULL)
            return fail_memory(w);
    }
    if (joined == NULL)
        return config_fail(w, node->line, section->path, node->key, "is empty");
    *out = joined;
    return 0;
}

static int
set_map(struct walk *w, const struct section *section, const struct tree *node,
        const struct option *row, void *settings)
{
    struct option_pair *pairs;
    struct section inner = {0};
    size_t n = 0;
    if (node->kind != TREE_MAP)
        return config_fail(w, node->line, section->path, node->key, "must be a map of texts");
    pairs = arena_array(w->arena, count_children(node) + 1, sizeof(*pairs));
    inner.path = arena_printf(w->arena, "%s.%s", section->path, node->key);
    if (pairs == NULL || inner.path == NULL)
        return fail_memory(w);
    for (const struct tree *child = node->first; child != NULL; child = child->next, n++) {
        pairs[n].key = child->key;
        if (join(w, &inner, child, &pairs[n].value) == -1)
            return -1;
        if (names_secret(child->key))
            warn_secret(w, child->line, inner.path, child->key);
    }
    *(struct option_pair **)((char *)settings + row->offset) = pairs;
    return 0;
}

/* ---- one section ----------------------------------------------------------------------------- */

/* Readers of lists and maps need not ask for NULL: what was not given is empty. */
static int
empty_collections(struct walk *w, const struct option *table, void *settings)
{
    for (const struct option *row = table; row->name != NULL; row++) {
        void *at = (char *)settings + row->offset;
        if (row->type != OPTION_LIST && row->type != OPTION_MAP)
            continue;
        void *empty = arena_alloc(w->arena, sizeof(struct option_pair));
        if (empty == NULL)
            return fail_memory(w);
        memcpy(at, &empty, sizeof(empty));
    }
    return 0;
}

static int
defaults(struct walk *w, const struct section *section)
{
    for (int t = 0; t < SECTION_TABLES && section->tables[t] != NULL; t++) {
        if (option_defaults(section->tables[t], section->settings[t], w->err) == -1)
            return -1;
        if (empty_collections(w, section->tables[t], section->settings[t]) == -1)
            return -1;
    }
    return 0;
}

static int
set_key(struct walk *w, const struct section *section, const struct tree *node)
{
    for (int t = 0; t < SECTION_TABLES && section->tables[t] != NULL; t++) {
        const struct option *row = option_find(section->tables[t], node->key);
        void *settings = section->settings[t];
        if (row == NULL)
            continue;
        if (settings == NULL) /* a section of the top level: walked by itself */
            return 0;
        if (row->type == OPTION_LIST)
            return set_list(w, section, node, row, settings);
        if (row->type == OPTION_MAP)
            return set_map(w, section, node, row, settings);
        return set_scalar(w, section, node, row, settings);
    }
    return fail_unknown(w, section, node);
}

static int
check_required(struct walk *w, const struct section *section, const struct tree *node)
{
    for (int t = 0; t < SECTION_TABLES && section->tables[t] != NULL; t++) {
        for (const struct option *row = section->tables[t]; row->name != NULL; row++) {
            if (row->required && config_yaml_find(node, row->name) == NULL)
                return config_fail(w, node->line, section->path, row->name, "is required");
        }
    }
    return 0;
}

static int
fill(struct walk *w, const struct section *section, const struct tree *node)
{
    if (node->kind != TREE_MAP)
        return config_fail(w, node->line, section->path, "", "must be a map of keys");
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (set_key(w, section, child) == -1)
            return -1;
    }
    return check_required(w, section, node);
}

/* ---- sinks ------------------------------------------------------------------------------------
 */

static const struct sink_ops *
find_sink_type(const char *type)
{
    for (int i = 0; sinks_all[i] != NULL; i++) {
        if (strcmp(sinks_all[i]->type, type) == 0)
            return sinks_all[i];
    }
    return NULL;
}

/* The type must be known before the section can be walked. */
static int
sink_type(struct walk *w, const struct tree *node, const char *path, const struct sink_ops **out)
{
    const struct tree *type;
    if (node->kind != TREE_MAP)
        return config_fail(w, node->line, path, "", "must be a map of keys");
    type = config_yaml_find(node, "type");
    if (type == NULL)
        return config_fail(w, node->line, path, "type", "is required");
    if (type->kind == TREE_SCALAR && type->text != NULL)
        *out = find_sink_type(type->text);
    if (*out == NULL)
        return config_fail(w, type->line, path, "type", "must be kafka, stdout or null");
    return 0;
}

/* What depends on the sink's type is set before the walk, what depends on the envelope after. */
static void
resolve_truncate(struct config_sink *sink)
{
    if (sink->truncate == TRUNCATE_DEFAULT)
        sink->truncate =
            sink->envelope == ENVELOPE_DEBEZIUM && !sink->ops->rows ? TRUNCATE_WARN : TRUNCATE_EMIT;
}

static int
copy_keys(struct walk *w, struct config_sink *sink)
{
    size_t n = 0;
    while (sink->key[n].key != NULL)
        n++;
    sink->keys = arena_array(w->arena, n + 1, sizeof(*sink->keys));
    if (sink->keys == NULL)
        return fail_memory(w);
    for (size_t i = 0; i < n; i++)
        sink->keys[i] = (struct encoder_key){sink->key[i].key, sink->key[i].value};
    return 0;
}

static int
load_sink(struct walk *w, const struct tree *node, struct config_sink *sink)
{
    struct config *config = w->config;
    struct sink_head head = {0};
    char number[32];
    snprintf(number, sizeof(number), "sinks[%d]", config->nsinks);
    const char *path = arena_strdup(w->arena, number);
    if (path == NULL)
        return fail_memory(w);
    if (sink_type(w, node, path, &sink->ops) == -1)
        return -1;
    sink->line = node->line;
    sink->settings = arena_alloc(w->arena, sink->ops->settings_size);
    if (sink->settings == NULL)
        return fail_memory(w);
    struct section section = {path,
                              {config_head_options, config_sink_options, sink->ops->options},
                              {&head, sink, sink->settings}};
    if (defaults(w, &section) == -1)
        return -1;
    sink->format = sink->ops->rows ? FORMAT_ROW : sink->ops == &sink_kafka ? FORMAT_AVRO : FORMAT_JSON;
    if (sink->ops->rows)
        sink->transaction = TRANSACTION_WHOLE;
    sink->tombstones = sink->ops == &sink_kafka;
    if (fill(w, &section, node) == -1)
        return -1;
    sink->name = head.name;
    resolve_truncate(sink);
    if (config_check_sink(w, sink, node, path) == -1 || copy_keys(w, sink) == -1)
        return -1;
    config->nsinks++;
    return 0;
}

static int
load_sinks(struct walk *w, const struct tree *root)
{
    const struct tree *node = config_yaml_find(root, "sinks");
    if (node == NULL)
        return config_fail(w, root->line, "sinks", "", "is required");
    if (node->kind != TREE_LIST || node->first == NULL)
        return config_fail(w, node->line, "sinks", "", "must be a list of sinks, one at least");
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (w->config->nsinks == BATCH_SINKS_MAX)
            return config_fail(w, child->line, "sinks", "", "are more than 8");
        if (load_sink(w, child, &w->config->sinks[w->config->nsinks]) == -1)
            return -1;
    }
    return 0;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* A section that may be left out altogether. */
static int
load_section(struct walk *w, const struct tree *root, const char *name, const struct option *table,
             void *settings)
{
    struct section section = {name, {table}, {settings}};
    const struct tree *node = config_yaml_find(root, name);
    if (defaults(w, &section) == -1)
        return -1;
    return node != NULL ? fill(w, &section, node) : 0;
}

static int
load_top(struct walk *w, const struct tree *root)
{
    struct config *config = w->config;
    struct section section = {"", {config_top_options, config_section_names}, {config, NULL}};
    if (option_defaults(config_top_options, config, w->err) == -1 || fill(w, &section, root) == -1)
        return -1;
    if (!config_is_name(config->pipeline, CONFIG_NAME_BYTES_MAX))
        return config_fail(w, config_key_line(root, "pipeline"), "pipeline", "",
                           "must be a-z, 0-9 and _, 1 to 40 of them");
    if (config->state_dir != NULL && config->state_dir[0] == '\0')
        return config_fail(w, config_key_line(root, "state_dir"), "state_dir", "", "is empty");
    if (config->audit == NULL && config->state_dir != NULL) {
        config->audit = arena_printf(w->arena, "%s/audit.log", config->state_dir);
        if (config->audit == NULL)
            return fail_memory(w);
    }
    return 0;
}

static int
load_tree(struct walk *w, const struct tree *root)
{
    struct config *config = w->config;
    const struct tree *source = config_yaml_find(root, "source");
    if (load_top(w, root) == -1)
        return -1;
    if (source == NULL)
        return config_fail(w, root->line, "source", "", "is required");
    if (load_section(w, root, "source", config_source_options, &config->source) == -1 ||
        config_check_source(w, source) == -1 ||
        load_section(w, root, "batch", config_batch_options, &config->batch) == -1 ||
        load_section(w, root, "log", config_log_options, &config->log) == -1)
        return -1;
    if (config->batch.buffer / 4 < config->batch.size)
        return config_fail(w, config_key_line(config_yaml_find(root, "batch"), "buffer"), "batch",
                           "buffer", "must be at least four times batch.size");
    return load_sinks(w, root);
}

int
config_parse(struct config **out, const char *file, struct bytes text, struct error *err)
{
    struct error own = ERROR_INIT;
    struct document *document = calloc(1, sizeof(*document));
    if (document == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory");
    struct config *config = &document->config;
    struct walk w = {config, &document->arena, err != NULL ? err : &own};
    struct tree *root = NULL;
    int line = 1;

    config->document = document;
    config->file = arena_strdup(w.arena, file);
    if (config->file == NULL) {
        fail_memory(&w);
        goto failed;
    }
    if (text.len > FILE_BYTES_MAX) {
        config_fail(&w, 1, "", "", "the file is larger than 1 MiB");
        goto failed;
    }
    if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL) {
        config_fail(&w, 1, "", "", "there is a NUL byte in the file");
        goto failed;
    }
    if (config_yaml_parse(&root, text, w.arena, &line, w.err) == -1) {
        config_place(&w, line, "", "");
        goto failed;
    }
    if (load_tree(&w, root) == -1)
        goto failed;
    *out = config;
    return 0;

failed:
    config_free(config);
    return -1;
}

/* Up to one byte more than a file may have, so that config_parse can refuse it. */
static int
read_file(const char *path, struct buffer *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    if (fd == -1)
        return error_set(err, ERROR_CONFIG, "", "%.200s: %s", path, strerror(errno));
    out->max = FILE_BYTES_MAX + 4096;
    do {
        uint8_t *room = buffer_room(out, 4096);
        n = room != NULL ? read(fd, room, 4096) : 0;
        if (n > 0)
            out->len += (size_t)n;
    } while ((n > 0 && out->len <= FILE_BYTES_MAX) || (n == -1 && errno == EINTR));
    if (n == -1)
        error_set(err, ERROR_CONFIG, "", "%.200s: %s", path, strerror(errno));
    close(fd);
    return n == -1 ? -1 : 0;
}

int
config_load(struct config **out, const char *file, struct error *err)
{
    struct buffer text = {0};
    int rc = read_file(file, &text, err);
    if (rc == 0)
        rc = config_parse(out, file, bytes_of(text.at, text.len), err);
    if (text.at != NULL)
        explicit_bzero(text.at, text.cap);
    buffer_free(&text);
    return rc;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* The strings are our own arena's: only the settings see them as const. */
static void
wipe(const char *text)
{
    if (text != NULL)
        explicit_bzero((void *)(uintptr_t)text, strlen(text));
}

static void
wipe_secrets(const struct option *table, const void *settings)
{
    for (const struct option *row = table; row->name != NULL; row++) {
        const char *at = (const char *)settings + row->offset;
        if (row->type == OPTION_MAP) {
            const struct option_pair *pair = *(struct option_pair *const *)(const void *)at;
            for (; pair != NULL && pair->key != NULL; pair++) {
                if (names_secret(pair->key))
                    wipe(pair->value);
            }
        } else if (row->secret && (row->type == OPTION_STRING || row->type == OPTION_PATH)) {
            wipe(*(const char *const *)(const void *)at);
        }
    }
}

void
config_free(struct config *config)
{
    if (config == NULL)
        return;
    struct document *document = config->document;
    wipe_secrets(config_source_options, &config->source);
    for (int i = 0; i < config->nsinks; i++) {
        wipe_secrets(config_sink_options, &config->sinks[i]);
        wipe_secrets(config->sinks[i].ops->options, config->sinks[i].settings);
    }
    arena_free(&document->arena);
    free(document);
}

const char *
config_keep(const struct config *config, const char *text)
{
    struct document *document = config->document;
    return arena_strdup(&document->arena, text);
}

/* ---- what others ask ----------------------------------------------------------------------------
 */

/* The first dot of the pattern parts schema and table, so neither star can reach over it. */
bool
config_glob_table(const char *pattern, const char *schema, const char *table)
{
    char part[256];
    const char *dot = strchr(pattern, '.');
    if (dot == NULL || (size_t)(dot - pattern) >= sizeof(part))
        return false;
    memcpy(part, pattern, (size_t)(dot - pattern));
    part[dot - pattern] = '\0';
    return option_glob(part, schema) && option_glob(dot + 1, table);
}

bool
config_wants(const struct config_source *source, const char *schema, const char *table)
{
    bool wanted = false;
    for (const char **glob = source->tables; !wanted && glob != NULL && *glob != NULL; glob++)
        wanted = config_glob_table(*glob, schema, table);
    for (const char **glob = source->exclude; wanted && glob != NULL && *glob != NULL; glob++)
        wanted = !config_glob_table(*glob, schema, table);
    return wanted;
}
