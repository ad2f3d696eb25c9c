/*
 * report.h -- findings of `check`: what was looked at, whether it is well, how to mend it.
 */
#ifndef CDC_REPORT_H
#define CDC_REPORT_H

#include <stdbool.h>

#include "cdc/bytes.h"
#include "cdc/error.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct report {
    struct buffer text; /* lines for people, or JSON objects joined by commas */
    bool json;
    int warnings;
    int failures;
    int worst_exit; /* exit status of the worst failure */
};

/* `code` may be ""; `cure` is SQL or a sentence, or NULL. */
void report_add(struct report *, enum finding, const char *code, const char *what,
                const char *cure);
void report_error(struct report *, const struct error *, const char *cure);

#endif
