/*
 * binlog_group.h -- the parts that the framer is made of: binlog_group.c (groups, what is read, stops, row events),
 * binlog_statement.c, binlog_xa.c. Only they and binlog_frame.c include it; threads and memory as there.
 */
#ifndef CDC_BINLOG_GROUP_H
#define CDC_BINLOG_GROUP_H

#include "binlog_frame.h"

/* ERROR_RETRY with E_PROTOCOL. Returns -1. */
int group_malformed(const struct binlog_framer *, struct error *err, const char *what);
/* For messages: control characters become spaces; cut to `size`. */
void group_copy_text(char *out, size_t size, struct bytes text);

/* ---- what is read ---- */

bool group_is_inside(const struct binlog_framer *);
bool group_names_inside(const struct binlog_framer *, const struct transaction *);
void group_leave_inside(struct binlog_framer *);
/* The open group is done up to its ordinal. */
void group_advance_part(struct binlog_framer *);

/* ---- begin and end ---- */

int group_begin(struct binlog_framer *, const struct transaction *, struct error *err);
/* `changed`: the list of prepared XA transactions is another one now. */
int group_end(struct binlog_framer *, bool changed, struct batch *, bool *full, struct error *err);

/* ---- frames ---- */

/* A frame that is of no table: `text`, a zero, `rest`. */
int group_add_text(struct binlog_framer *, enum frame_kind, const char *text, struct bytes rest, struct batch *,
                   struct error *err);
/* One that counts; put into the batch when it is wanted and not done before. */
int group_add_frame(struct binlog_framer *, struct relation *, enum frame_kind, struct bytes message, uint64_t begin,
                    struct batch *, bool *full, struct error *err);
/* Nothing of the open group goes out that has not gone out yet. */
void group_take_back(struct binlog_framer *, struct batch *);

/* A frame that nobody can pass, behind all that came before it; the framer takes nothing more. */
/* Text in which the transaction or the place is named. */
int group_stop(struct binlog_framer *, const char *code, struct batch *, bool *full, struct error *err, const char *fmt,
               ...) __attribute__((format(printf, 6, 7)));
/* One in which it is not, of the group that is open. */
int group_stop_with(struct binlog_framer *, const struct error *why, struct batch *, bool *full, struct error *err);
int group_stop_at_table(struct binlog_framer *, const struct relation *, struct batch *, bool *full, struct error *err);

/* ---- events ---- */

bool group_is_rows(uint8_t type);
int group_on_rows(struct binlog_framer *, const struct binlog_event *, uint64_t begin, struct batch *, bool *full,
                  struct error *err);
int group_on_table_map(struct binlog_framer *, const struct binlog_event *, struct batch *, bool *full,
                       struct error *err);
int group_on_query(struct binlog_framer *, const struct binlog_event *, struct batch *, bool *full, struct error *err);
int group_on_xa_prepare(struct binlog_framer *, const struct binlog_event *, struct batch *, bool *full,
                        struct error *err);
int group_on_xa_commit(struct binlog_framer *, const struct binlog_query_event *, struct batch *, bool *full,
                       struct error *err);
int group_on_xa_rollback(struct binlog_framer *, const struct binlog_query_event *, struct batch *, bool *full,
                         struct error *err);

#endif
