/*
 * change.h -- one row inserted, updated or deleted, decoded; or one truncate.
 *
 * `old` is what the server sent of the old row: nothing, the identity's columns only
 * (old_kind OLD_KEY: columns outside the identity are not known and must not be read), or
 * the whole row. Values not sent in `new` because they did not change are VALUE_UNCHANGED,
 * unless the old row had them: then the decoder has filled them in.
 *
 * Memory: rows live in the decoder's arena until the next change is decoded.
 */
#ifndef CDC_CHANGE_H
#define CDC_CHANGE_H

#include "cdc/relation.h"

struct batch_transaction;

enum change_op {
    CHANGE_INSERT = 'c',
    CHANGE_UPDATE = 'u',
    CHANGE_DELETE = 'd',
    CHANGE_TRUNCATE = 't',
    CHANGE_READ = 'r', /* by a snapshot */
};

enum old_kind { OLD_NONE, OLD_KEY, OLD_ROW };

struct change {
    enum change_op op;
    enum old_kind old_kind;
    const struct relation *relation;
    const struct batch_transaction *transaction;
    uint64_t ordinal; /* of its frame */
    uint32_t row;     /* of a binlog's row event: which of its rows, from 0 */
    uint64_t lsn;     /* of the change itself; a binlog's: where its event begins in transaction.begin's file */
    struct value *old_row; /* relation->ncolumns values, or NULL */
    struct value *new_row; /* the same; NULL for a delete and a truncate */
};

#endif
