/*
 * row.h -- a change as a database sink is given it: values, neither text nor Avro.
 *
 * A shape thread packs them (schema/row_encode.c); the sink's thread unpacks them again, and knows alone what its
 * target's tables look like. One change is one event. Its key holds the key's columns and their values, as they were
 * before the change: two changes of one row have the same key, byte for byte. Its value holds the rows.
 *
 * The form is this process's own: native byte order, never stored, never sent. Unpacked through the cursor all the same.
 *
 *     key    u16 count, then count times: u16 column, value
 *     value  u8 op ('c' 'u' 'd' 't'), u8 enum old_kind, then the new row unless op is 'd' or 't',
 *            then the old row unless old_kind is OLD_NONE: relation->ncolumns values each
 *
 * Memory: values that are bytes point into the event.
 */
#ifndef CDC_ROW_H
#define CDC_ROW_H

#include "cdc/change.h"
#include "cdc/error.h"

/* Append; failures stick to the buffer. */
void row_put_value(struct buffer *, enum value_type, const struct value *);
void row_put(struct buffer *, const struct relation *, const struct value *row);

struct row_change {
    enum change_op op;
    enum old_kind old_kind;
    struct value *new_row; /* room for relation->ncolumns values, the caller's; not filled for 'd' and 't' */
    struct value *old_row; /* the same; not filled where old_kind is OLD_NONE */
};

/* A value, into the two rows that *out brings. -1 with ERROR_FATAL: not what was packed. */
int row_read(const struct relation *, struct bytes value, struct row_change *out, struct error *err);

/* The key's columns, in its order, into room for relation->ncolumns of them. Their count; 0: no key. */
uint16_t row_key_columns(struct bytes key, const struct relation *, uint16_t *columns);
/* The same, and the values: room for relation->ncolumns of each; `columns` may be NULL. */
uint16_t row_key_values(struct bytes key, const struct relation *, uint16_t *columns, struct value *values);

#endif
