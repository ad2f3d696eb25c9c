/*
 * whole.h -- tables without a key: compared as a whole, by sums of their rows' hashes.
 *
 * Each look reads all of both sides. Memory: one row.
 */
#ifndef CDC_VERIFY_WHOLE_H
#define CDC_VERIFY_WHOLE_H

#include "pair.h"

int whole_compare(const struct config *, int sink, const struct pair *, struct verify_table *, struct error *err);

#endif
