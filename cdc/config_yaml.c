/*
 * config_yaml.c -- libyaml's events to a tree.
 *
 * Events and not libyaml's own document tree, because that one has resolved aliases and
 * dropped anchors before anyone can refuse them. The recursion follows the nesting of the
 * input and is cut at DEPTH_MAX.
 */
#include "config_yaml.h"

#include <limits.h>

#include <yaml.h>

enum {
    DEPTH_MAX = 32,
    KEYS_MAX = 1000, /* the search for duplicates is quadratic */
};

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    int line;
    struct error *err;
};

static int
line_of(yaml_mark_t mark)
{
    return mark.line >= INT_MAX ? INT_MAX : (int)mark.line + 1;
}

static int
refuse(struct reader *r, int line, const char *what)
{
    r->line = line;
    return error_set(r->err, ERROR_CONFIG, "", "%s", what);
}

static int
next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event) == 1) {
        r->line = line_of(event->start_mark);
        return 0;
    }
    r->line = line_of(r->parser.problem_mark);
    return error_set(r->err, ERROR_CONFIG, "", "not YAML: %s",
                     r->parser.problem != NULL ? r->parser.problem : "out of memory");
}

/* The C0 and C1 controls and DEL. Values may have line ends (a script, one day); keys end up
 * in messages and may not. */
static bool
has_controls(const unsigned char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text == 0x7f)
            return true;
        if (*text == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f)
            return true;
    }
    return false;
}

/* "key:" and "key: ~". The word null is text here: a type of sink has that name. */
static bool
is_null(const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (value[0] == '\0' || strcmp(value, "~") == 0);
}

static int
scalar_text(struct reader *r, const yaml_event_t *event, char **out)
{
    const char *value = (const char *)event->data.scalar.value;
    *out = NULL;
    if (strlen(value) != event->data.scalar.length)
        return refuse(r, line_of(event->start_mark), "has a NUL character in it");
    if (is_null(event))
        return 0;
    *out = arena_strdup(r->arena, value);
    if (*out == NULL)
        return error_set(r->err, ERROR_FATAL, "", "out of memory");
    return 0;
}

/* What of YAML has no business in a configuration. */
static int
refuse_extras(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return refuse(r, line_of(event->start_mark), "aliases (*name) are not taken here");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return refuse(r, line_of(event->start_mark), "anchors (&name) are not taken here");
    if (tag != NULL)
        return refuse(r, line_of(event->start_mark), "tags (!name) are not taken here");
    return 0;
}

static int build(struct reader *r, const yaml_event_t *event, int depth, struct tree **out);

static int
build_list(struct reader *r, int depth, struct tree *list)
{
    struct tree **last = &list->first;
    for (;;) {
        yaml_event_t event;
        if (next_event(r, &event) == -1)
            return -1;
        bool ends = event.type == YAML_SEQUENCE_END_EVENT;
        int rc = ends ? 0 : build(r, &event, depth + 1, last);
        yaml_event_delete(&event);
        if (ends || rc == -1)
            return rc;
        last = &(*last)->next;
    }
}

/* One key of a map: 1 and *key, 0 at the end of the map. */
static int
read_key(struct reader *r, const struct tree *map, char **key, int *line)
{
    yaml_event_t event;
    int rc = -1;
    if (next_event(r, &event) == -1)
        return -1;
    *line = line_of(event.start_mark);
    if (event.type == YAML_MAPPING_END_EVENT)
        rc = 0;
    else if (refuse_extras(r, &event) == -1)
        rc = -1;
    else if (event.type != YAML_SCALAR_EVENT)
        refuse(r, *line, "a key must be a word");
    else if (has_controls(event.data.scalar.value))
        refuse(r, *line, "a key has a control character in it");
    else if (scalar_text(r, &event, key) == 0)
        rc = *key != NULL ? 1 : refuse(r, *line, "a key is empty");
    yaml_event_delete(&event);
    if (rc == 1 && config_yaml_find(map, *key) != NULL) {
        r->line = *line;
        return error_set(r->err, ERROR_CONFIG, "", "%.100s: is here twice", *key);
    }
    return rc;
}

static int
build_map(struct reader *r, int depth, struct tree *map)
{
    struct tree **last = &map->first;
    for (int n = 0;; n++) {
        yaml_event_t event;
        char *key = NULL;
        int line = 0;
        int rc = read_key(r, map, &key, &line);
        if (rc != 1)
            return rc;
        if (n >= KEYS_MAX)
            return refuse(r, line, "more than 1000 keys in one map");
        if (next_event(r, &event) == -1)
            return -1;
        rc = build(r, &event, depth + 1, last);
        yaml_event_delete(&event);
        if (rc == -1)
            return -1;
        (*last)->key = key;
        (*last)->line = line;
        last = &(*last)->next;
    }
}

static int
build(struct reader *r, const yaml_event_t *event, int depth, struct tree **out)
{
    struct tree *node = NULL;
    if (refuse_extras(r, event) == -1)
        return -1;
    if (depth > DEPTH_MAX)
        return refuse(r, line_of(event->start_mark), "nested deeper than 32 levels");
    node = arena_alloc(r->arena, sizeof(*node));
    if (node == NULL)
        return error_set(r->err, ERROR_FATAL, "", "out of memory");
    node->line = line_of(event->start_mark);
    *out = node;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        node->kind = TREE_SCALAR;
        return scalar_text(r, event, &node->text);
    case YAML_SEQUENCE_START_EVENT:
        node->kind = TREE_LIST;
        return build_list(r, depth, node);
    case YAML_MAPPING_START_EVENT:
        node->kind = TREE_MAP;
        return build_map(r, depth, node);
    default:
        return refuse(r, node->line, "not YAML that a configuration may have");
    }
}

/* stream-start document-start NODE document-end stream-end. */
static int
build_document(struct reader *r, struct tree **out)
{
    yaml_event_type_t last = YAML_NO_EVENT;
    bool seen = false;
    while (last != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        int rc = 0;
        if (next_event(r, &event) == -1)
            return -1;
        last = event.type;
        if (last == YAML_DOCUMENT_START_EVENT && seen)
            rc = refuse(r, line_of(event.start_mark), "a second document (---) begins here");
        else if (last == YAML_DOCUMENT_START_EVENT)
            seen = true;
        else if (last != YAML_STREAM_START_EVENT && last != YAML_DOCUMENT_END_EVENT &&
                 last != YAML_STREAM_END_EVENT)
            rc = build(r, &event, 0, out);
        yaml_event_delete(&event);
        if (rc == -1)
            return -1;
    }
    return *out != NULL ? 0 : refuse(r, 1, "the file is empty");
}

int
config_yaml_parse(struct tree **out, struct bytes yaml, struct arena *arena, int *line,
                  struct error *err)
{
    struct reader r = {.arena = arena, .line = 1, .err = err};
    struct tree *root = NULL;
    if (!yaml_parser_initialize(&r.parser))
        return error_set(err, ERROR_FATAL, "", "out of memory");
    /* Said, not guessed, so a file in UTF-16 is refused. A byte order mark in UTF-8 is dropped
     * here: to libyaml it would be the first column of the first line. */
    if (yaml.len >= 3 && memcmp(yaml.at, "\xef\xbb\xbf", 3) == 0)
        yaml = bytes_of(yaml.at + 3, yaml.len - 3);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, yaml.at, yaml.len);
    int rc = build_document(&r, &root);
    yaml_parser_delete(&r.parser);
    *line = r.line;
    if (rc == 0)
        *out = root;
    return rc;
}

const struct tree *
config_yaml_find(const struct tree *map, const char *key)
{
    for (const struct tree *child = map->first; child != NULL; child = child->next) {
        if (child->key != NULL && strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}
