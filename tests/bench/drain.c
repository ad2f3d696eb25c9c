/*
 * drain.c -- what `make bench` compares with: a libpq loop that reads a slot and discards.
 *
 *     drain "URL replication=database" SLOT PUBLICATION END_LSN
 *
 * Binary pgoutput, protocol 1: what any reader of the slot must at least do. Status goes out every
 * ten seconds with flush 0, which the server ignores: the slot stays where it is, to be read again.
 * The clock starts with START_REPLICATION and stops at the first commit, or keepalive, at or past
 * END_LSN. Prints one line: rows, transactions, bytes (of row messages), seconds, cpu (seconds of
 * user and system time since the start), end (where the last commit ended).
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { STATUS_SECONDS = 10 };

struct count {
    long rows, transactions, bytes;
    uint64_t seen, end, want;
};

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
fail(PGconn *conn, const char *what)
{
    fprintf(stderr, "drain: %s: %s\n", what, PQerrorMessage(conn));
    exit(1);
}

static uint64_t
be64(const char *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof(v));
    return __builtin_bswap64(v);
}

static uint64_t
parse_lsn(const char *text)
{
    unsigned int high, low;

    if (sscanf(text, "%X/%X", &high, &low) != 2) {
        fprintf(stderr, "drain: not an LSN: %s\n", text);
        exit(2);
    }
    return (uint64_t)high << 32 | low;
}

static void
start(PGconn *conn, const char *slot, const char *publication)
{
    char sql[400];
    PGresult *res;

    snprintf(sql, sizeof(sql),
             "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version '1', "
             "publication_names '\"%s\"', binary 'true')",
             slot, publication);
    res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COPY_BOTH)
        fail(conn, "START_REPLICATION");
    PQclear(res);
}

/* 'r', written, flushed, applied, time, no reply wanted. */
static void
send_status(PGconn *conn, uint64_t seen)
{
    char status[34] = {'r'};

    seen = __builtin_bswap64(seen);
    memcpy(status + 1, &seen, sizeof(seen));
    if (PQputCopyData(conn, status, sizeof(status)) != 1 || PQflush(conn) == -1)
        fail(conn, "status");
}

/* True when the end is reached. */
static int
take(PGconn *conn, struct count *count, const char *message, int len)
{
    if (message[0] == 'k' && len >= 18) {
        count->seen = be64(message + 1);
        if (message[17] != 0)
            send_status(conn, count->seen);
        return count->seen >= count->want;
    }
    if (message[0] != 'w' || len < 26)
        return 0;
    switch (message[25]) {
    case 'I':
    case 'U':
    case 'D':
        count->rows++;
        count->bytes += len - 25;
        return 0;
    case 'C': /* flags, the commit's place, its end, its time */
        count->transactions++;
        count->end = be64(message + 35);
        count->seen = count->end;
        return count->end >= count->want;
    default:
        return 0;
    }
}

static void
drain(PGconn *conn, struct count *count)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
    time_t due = time(NULL) + STATUS_SECONDS;
    char *message;
    int n;

    for (;;) {
        while ((n = PQgetCopyData(conn, &message, 1)) > 0) {
            int done = take(conn, count, message, n);

            PQfreemem(message);
            if (done)
                return;
        }
        if (n < 0)
            fail(conn, "the stream ended");
        if (time(NULL) >= due) {
            send_status(conn, count->seen);
            due = time(NULL) + STATUS_SECONDS;
        }
        if (poll(&fd, 1, 1000) == -1 && errno != EINTR)
            fail(conn, "poll");
        if (PQconsumeInput(conn) == 0)
            fail(conn, "read");
    }
}

int
main(int argc, char **argv)
{
    struct count count = {0};
    double began, spent;
    PGconn *conn;

    if (argc != 5) {
        fprintf(stderr, "usage: drain URL SLOT PUBLICATION END_LSN\n");
        return 2;
    }
    count.want = parse_lsn(argv[4]);
    conn = PQconnectdb(argv[1]);
    if (PQstatus(conn) != CONNECTION_OK)
        fail(conn, "connect");
    began = now();
    spent = cpu();
    start(conn, argv[2], argv[3]);
    drain(conn, &count);
    began = now() - began;
    spent = cpu() - spent;
    printf("rows=%ld transactions=%ld bytes=%ld seconds=%.3f per_second=%.0f cpu=%.3f "
           "end=%X/%X\n",
           count.rows, count.transactions, count.bytes, began, (double)count.rows / began, spent,
           (unsigned int)(count.end >> 32), (unsigned int)count.end);
    PQfinish(conn);
    return 0;
}
