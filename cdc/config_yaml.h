/*
 * config_yaml.h -- a YAML file as a small tree, with the line of every key and value.
 *
 * The subset that a configuration needs: maps, lists and scalars. Anchors, aliases, tags,
 * a second document, duplicate keys, keys that are not text, nesting deeper than 32 and maps
 * of more than 1,000 keys are refused. Types are not guessed: a scalar is its text, and the
 * option tables say what it must be.
 *
 * Memory: the tree and its strings live in the arena given.
 */
#ifndef CDC_CONFIG_YAML_H
#define CDC_CONFIG_YAML_H

#include "cdc/arena.h"
#include "cdc/bytes.h"
#include "cdc/error.h"

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    int line;           /* of the key where there is one, else of the value; from 1 */
    const char *key;    /* in a map */
    char *text;         /* of a scalar; NULL for an empty one ("key:", "~") */
    struct tree *first; /* children */
    struct tree *next;  /* sibling */
};

/* -1 with ERROR_CONFIG: the text is without the file, *line says where. */
int config_yaml_parse(struct tree **out, struct bytes yaml, struct arena *, int *line,
                      struct error *err);

/* The child with this key, or NULL. */
const struct tree *config_yaml_find(const struct tree *map, const char *key);

#endif
