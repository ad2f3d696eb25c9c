/*
 * log_place.h -- a place in a binlog: a file of its sequence, and an offset in it.
 *
 * "binlog.000123" is base "binlog", number 123. Bases are interned, so equal ones are the same pointer.
 * Threads: any (the intern table has a lock).
 */
#ifndef CDC_LOG_PLACE_H
#define CDC_LOG_PLACE_H

#include "cdc/gtid.h"

enum { LOG_BASE_MAX = 64, LOG_FILE_MAX = LOG_BASE_MAX + 12 };

struct log_place {
    const char *base; /* interned */
    uint32_t number;  /* 0: no place */
    uint64_t pos;
};

/* -1: not a binlog's name (its last part must be a number), or out of memory. */
int log_place_parse(struct log_place *out, struct bytes file, uint64_t pos);
/* The file's name into `text` (LOG_FILE_MAX); its length. */
size_t log_file_print(const struct log_place *, char *text);

/* Same sequence of files, and `a` stands before `b` (or at the same place). */
bool log_place_before(const struct log_place *a, const struct log_place *b);
bool log_place_equal(const struct log_place *a, const struct log_place *b);

#endif
