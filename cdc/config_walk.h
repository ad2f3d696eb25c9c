/*
 * config_walk.h -- what the loader (config.c) and its checks (config_check.c) share.
 */
#ifndef CDC_CONFIG_WALK_H
#define CDC_CONFIG_WALK_H

#include "cdc/config.h"
#include "config_yaml.h"

enum {
    CONFIG_NAME_BYTES_MAX = 40, /* leaves room in slot names and transactional ids */
};

struct walk {
    struct config *config;
    struct arena *arena;
    struct error *err;
};

/* Put "FILE:LINE: path.key: " before the text that is in *err. Returns -1. */
int config_place(struct walk *, int line, const char *path, const char *key);
/* The same with the text. */
int config_fail(struct walk *, int line, const char *path, const char *key, const char *what);

/* The line of a section's key, or of the section where the key was not given. */
int config_key_line(const struct tree *node, const char *key);

/* A copy that lives as long as the configuration; NULL when out of memory. */
const char *config_keep(const struct config *, const char *text);

/* a-z, 0-9 and _, 1 to `max` of them. */
bool config_is_name(const char *text, size_t max);

/* What is wrong although each key by itself is right. The settings are filled. */
int config_check_source(struct walk *, const struct tree *node);
int config_check_sink(struct walk *, const struct config_sink *, const struct tree *node,
                      const char *path);

#endif
