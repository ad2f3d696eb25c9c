/*
 * capture.c -- writes down what a real server sends: a slot's pgoutput messages, up to a place.
 *
 *     capture "URL" SLOT PUBLICATION[,PUBLICATION...] text|binary END_LSN FILE
 *
 * The file has, for each CopyData message 'w', its LSN (u64), the length of what follows its header of
 * 25 bytes (u32), and those bytes; big-endian. The session is set up as the source does it (postgres_conn.c).
 * Nothing is confirmed: the slot can be read again.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 25, WAIT_MS = 10000 };

static const char session_options[] =
    "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c TimeZone=UTC "
    "-c bytea_output=hex";

static void
fail(PGconn *conn, const char *what)
{
    fprintf(stderr, "capture: %s: %s\n", what, conn != NULL ? PQerrorMessage(conn) : strerror(errno));
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
        fprintf(stderr, "capture: not an LSN: %s\n", text);
        exit(2);
    }
    return (uint64_t)high << 32 | low;
}

static PGconn *
connect_to(const char *url)
{
    const char *keys[] = {"dbname", "replication", "options", "client_encoding", NULL};
    const char *values[] = {url, "database", session_options, "UTF8", NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 1);

    if (conn == NULL || PQstatus(conn) != CONNECTION_OK)
        fail(conn, "connecting");
    return conn;
}

static void
start(PGconn *conn, const char *slot, const char *publications, const char *format)
{
    char sql[600];
    PGresult *res;

    snprintf(sql, sizeof(sql),
             "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version '1', publication_names '%s'%s)", slot,
             publications, strcmp(format, "binary") == 0 ? ", binary 'true'" : "");
    res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COPY_BOTH)
        fail(conn, "START_REPLICATION");
    PQclear(res);
}

/* 'r', written, flushed, applied, time; a reply is wanted: it says when the server has sent all. */
static void
ask(PGconn *conn)
{
    char status[34] = {'r'};

    status[33] = 1;
    if (PQputCopyData(conn, status, sizeof(status)) != 1 || PQflush(conn) == -1)
        fail(conn, "status");
}

static void
put(FILE *file, const char *message, int len)
{
    uint64_t lsn = __builtin_bswap64(be64(message + 1));
    uint32_t size = __builtin_bswap32((uint32_t)(len - HEADER));

    fwrite(&lsn, sizeof(lsn), 1, file);
    fwrite(&size, sizeof(size), 1, file);
    fwrite(message + HEADER, (size_t)(len - HEADER), 1, file);
}

static void
capture(PGconn *conn, uint64_t end, FILE *file)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
    uint64_t seen = 0;
    char *message;
    int n;

    ask(conn);
    while (seen < end) {
        n = PQgetCopyData(conn, &message, 1);
        if (n < 0)
            fail(conn, "the stream ended");
        if (n == 0) {
            if (poll(&fd, 1, WAIT_MS) == 0 || PQconsumeInput(conn) == 0)
                fail(conn, "waiting");
            continue;
        }
        if (message[0] == 'w' && n > HEADER) {
            put(file, message, n);
        } else if (message[0] == 'k' && n >= 18) {
            seen = be64(message + 1);
            if (seen < end)
                ask(conn);
        }
        PQfreemem(message);
    }
}

int
main(int argc, char **argv)
{
    PGconn *conn;
    FILE *file;

    if (argc != 7) {
        fprintf(stderr, "usage: capture URL SLOT PUBLICATIONS text|binary END_LSN FILE\n");
        return 2;
    }
    conn = connect_to(argv[1]);
    file = fopen(argv[6], "wb");
    if (file == NULL)
        fail(NULL, argv[6]);
    start(conn, argv[2], argv[3], argv[4]);
    capture(conn, parse_lsn(argv[5]), file);
    if (fclose(file) != 0)
        fail(NULL, argv[6]);
    PQfinish(conn);
    return 0;
}
