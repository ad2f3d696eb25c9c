/*
 * pattern.h -- names made of {pipeline}, {schema} and {table}: a topic, a table of a target.
 */
#ifndef CDC_PATTERN_H
#define CDC_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct pattern_names {
    const char *pipeline, *schema, *table;
};

/* The name that stands for the `{...}` that `at` begins with; *len is its length with braces. NULL: it begins with none. */
const char *pattern_name(const struct pattern_names *, const char *at, size_t *len);

/* Nothing else stands in braces, and no brace stands alone. */
bool pattern_is_good(const char *pattern);

#endif
