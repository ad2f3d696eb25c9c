/*
 * fuzz_binlog_payload.c -- any bytes as a transaction payload, event by event, twice with the same reader.
 *
 * Byte 0: the largest event that is taken, in units of 256 bytes. Events come out whole, in their order, and the same
 * ones the second time.
 */
#include <stdlib.h>

#include "../../cdc/decode/binlog_event.h"
#include "../../cdc/decode/binlog_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 2000 };

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

/* A sum over all events; *rc is how it ended. */
static uint64_t
read_all(struct binlog_payload *p, struct bytes body, size_t event_max, int *rc)
{
    struct error err = ERROR_INIT;
    uint64_t sum = BYTES_HASH_SEED;
    struct bytes event;

    *rc = binlog_payload_open(p, body, event_max, &err) == -1 ? -1 : 1;
    expect(p->open == (*rc == 1));
    for (int n = 0; *rc == 1 && n < EVENTS_MAX; n++) {
        *rc = binlog_payload_next(p, &event, &err);
        if (*rc != 1)
            break;
        expect(event.len >= EVENT_HEADER_BYTES && event.len <= event_max);
        sum = bytes_hash(sum, event.at, event.len);
    }
    expect(*rc != 0 || !p->open);
    expect(*rc != -1 || ((err.kind == ERROR_RETRY || err.kind == ERROR_CONFIG) && err.code[0] != 0));
    return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct binlog_payload p = {.open = false};
    struct bytes body;
    uint64_t first;
    int how, again;

    if (size == 0)
        return 0;
    body = bytes_of(data + 1, size - 1);
    first = read_all(&p, body, ((size_t)data[0] + 1) * 256, &how);
    expect(read_all(&p, body, ((size_t)data[0] + 1) * 256, &again) == first && how == again);
    binlog_payload_free(&p);
    return 0;
}
