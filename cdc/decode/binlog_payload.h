/*
 * binlog_payload.h -- TRANSACTION_PAYLOAD: a whole transaction's events, compressed into one.
 *
 * Inflated as a stream, one event at a time, whatever the size of the whole: memory is the compressed bytes, and the
 * largest event inside.
 *
 *     binlog_payload_open -> binlog_payload_next until it says 0 -> (open again) ... -> binlog_payload_free
 *
 * Events inside have no checksum and no log_pos. Source: protocols B9, MySQL 9.7.4. Threads: one.
 * Errors: ERROR_RETRY with E_PROTOCOL; ERROR_CONFIG with E_EVENT_SIZE.
 */
#ifndef CDC_BINLOG_PAYLOAD_H
#define CDC_BINLOG_PAYLOAD_H

#include "cdc/bytes.h"
#include "cdc/error.h"

struct binlog_payload {
    struct buffer packed;   /* the compressed bytes, copied */
    size_t packed_at;       /* how many of them are used */
    struct buffer plain;    /* what is inflated and not handed out yet, and the event handed out last */
    size_t plain_at;
    size_t event_max;       /* bytes of the largest event that is taken */
    bool compressed;
    bool open;
    struct ZSTD_DCtx_s *stream;
};

int binlog_payload_open(struct binlog_payload *, struct bytes body, size_t event_max, struct error *err);
/* 1: *event, valid until the next call; 0: that was all, and it is closed; -1. */
int binlog_payload_next(struct binlog_payload *, struct bytes *event, struct error *err);
void binlog_payload_free(struct binlog_payload *);

#endif
