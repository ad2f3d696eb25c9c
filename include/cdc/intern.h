/*
 * intern.h -- equal bytes are the same pointer, for ever.
 *
 * For names that come from a server again and again and that several threads keep: origins of GTIDs, base
 * names of binlogs. What is interned is never freed, so it is bounded: INTERNED_MAX different ones, then
 * NULL. That is far beyond any server, and stops one that makes up names.
 *
 * Threads: any; one mutex.
 */
#ifndef CDC_INTERN_H
#define CDC_INTERN_H

#include <stddef.h>

enum { INTERNED_MAX = 1 << 20 };

/* Memory with these bytes in it, aligned to 8; NULL: out of memory, or too many. */
const void *intern(const void *at, size_t len);

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* A fuzz target makes up names without end: gives all of them back. Nothing may point to one. */
void intern_forget(void);
#endif

#endif
