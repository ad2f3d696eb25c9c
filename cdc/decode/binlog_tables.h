/*
 * binlog_tables.h -- the framer's tables: ids of this session, and the newest relation of each name.
 *
 * A table id lives until the table is opened anew, and may stand for another table after a restart. A TABLE_MAP whose
 * bytes are those of the last one is not read again; one that describes the same shape under another id finds the
 * relation that there is, with its plans. Threads: the source's.
 */
#ifndef CDC_BINLOG_TABLES_H
#define CDC_BINLOG_TABLES_H

#include "binlog_frame.h"

int binlog_tables_init(struct binlog_framer *, struct error *err);
void binlog_tables_free(struct binlog_framer *);
/* Ids are a session's. */
void binlog_tables_forget(struct binlog_framer *);

/* TABLE_MAP: the table belongs to the statement that is being read. */
int binlog_tables_map(struct binlog_framer *, struct bytes body, struct error *err);
/* The relation of a row event; NULL when no TABLE_MAP of its statement named it. */
struct relation *binlog_tables_find(struct binlog_framer *, uint64_t table_id);
/* The newest of this name, borrowed; NULL: none came yet. */
struct relation *binlog_tables_named(struct binlog_framer *, const char *schema, const char *table);
/* Keep this one as the newest of its name, or give back the one that is like it. Takes the reference; the result is
 * borrowed; NULL without memory. */
struct relation *binlog_tables_keep(struct binlog_framer *, struct relation *);

#endif
