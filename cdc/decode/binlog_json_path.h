/*
 * binlog_json_path.h -- a path of a JSON diff, leg by leg: $.a."quoted key"[1][last-2]
 *
 * Member names come quoted, with JSON's escapes, unless they are plain words. `last` is what a statement said that
 * way; the server logs it so, and it means the array at that moment. Wildcards and ranges are never logged.
 * Pure; any thread.
 */
#ifndef CDC_BINLOG_JSON_PATH_H
#define CDC_BINLOG_JSON_PATH_H

#include "cdc/arena.h"
#include "cdc/bytes.h"

struct binlog_json_leg {
    bool is_member;
    struct bytes key; /* of a member; borrowed from the path, or in the arena */
    bool from_end;    /* [last-N] */
    uint64_t index;
};

enum binlog_json_step { PATH_END, PATH_LEG, PATH_BAD, PATH_NO_MEMORY };

/* Behind the "$"; false when there is none. */
bool binlog_json_path(struct bytes path, struct cursor *in);
enum binlog_json_step binlog_json_leg(struct cursor *in, struct arena *, struct binlog_json_leg *);

#endif
