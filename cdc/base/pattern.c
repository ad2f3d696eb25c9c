/* pattern.c -- see cdc/pattern.h. */
#include "cdc/pattern.h"

#include <string.h>

const char *
pattern_name(const struct pattern_names *names, const char *at, size_t *len)
{
    static const char *const words[] = {"{schema}", "{table}", "{pipeline}"};
    const char *values[] = {names->schema, names->table, names->pipeline};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        *len = strlen(words[i]);
        if (strncmp(at, words[i], *len) == 0)
            return values[i];
    }
    return NULL;
}

bool
pattern_is_good(const char *pattern)
{
    static const struct pattern_names none = {"", "", ""};
    size_t len;

    while ((pattern = strpbrk(pattern, "{}")) != NULL) {
        if (pattern_name(&none, pattern, &len) == NULL)
            return false;
        pattern += len;
    }
    return true;
}
