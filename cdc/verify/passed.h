/*
 * passed.h -- waiting until a sink has passed the end of the source's log.
 */
#ifndef CDC_VERIFY_PASSED_H
#define CDC_VERIFY_PASSED_H

#include "cdc/config.h"

/* Looks where the log ends now, and returns when the sink's own position has passed that. ERROR_RETRY with
 * E_VERIFY_BEHIND when that has not moved for a minute; while nobody runs the pipeline, for ten seconds, or at once where the
 * sink has no position at all. */
int passed_wait(const struct config *, int sink, struct error *err);

#endif
